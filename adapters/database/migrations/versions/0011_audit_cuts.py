"""Where chains of the audit log were cut on purpose, signed; what lies before may be removed."""

from __future__ import annotations

from typing import Final

from alembic import op

revision = "0011"
down_revision = "0010"
works_with = "0007"

_REFUSES: Final = "the audit log is append-only"
_TABLE: Final = """
    create table audit_cuts (
        chain text not null,
        sequence bigint not null,
        hash text not null,
        key_id text not null,
        mac text not null,
        primary key (chain, sequence)
    )
"""
_POSTGRESQL: Final = f"""
    create or replace function audit_is_append_only() returns trigger language plpgsql as $$
    begin
        if tg_op = 'DELETE' and exists (
            select 1 from audit_cuts where chain = old.chain and sequence > old.sequence
        ) then
            return old;
        end if;
        raise exception '{_REFUSES}';
    end $$
"""
_POSTGRESQL_BEFORE: Final = f"""
    create or replace function audit_is_append_only() returns trigger language plpgsql as $$
    begin
        raise exception '{_REFUSES}';
    end $$
"""
_SQLITE_BEFORE: Final = f"""
    create trigger audit_keeps_all before delete on audit
        begin select raise(abort, '{_REFUSES}'); end
"""
_SQLITE: Final = f"""
    create trigger audit_keeps_all before delete on audit when not exists (
        select 1 from audit_cuts where chain = old.chain and sequence > old.sequence
    )
        begin select raise(abort, '{_REFUSES}'); end
"""


def upgrade() -> None:
    """Nothing has been cut yet."""
    op.execute(_TABLE)
    if op.get_context().dialect.name == "postgresql":
        op.execute(_POSTGRESQL)
    else:
        op.execute("drop trigger audit_keeps_all")
        op.execute(_SQLITE)


def downgrade() -> None:
    """What was cut is gone, and nobody signs for it any more: keep the heads (docs/audit.md)."""
    if op.get_context().dialect.name == "postgresql":
        op.execute(_POSTGRESQL_BEFORE)
    else:
        op.execute("drop trigger audit_keeps_all")
        op.execute(_SQLITE_BEFORE)
    op.execute("drop table audit_cuts")
