"""The audit log, and the triggers that let nobody change or remove what stands in it."""

from __future__ import annotations

from typing import Final

from alembic import op

revision = "0007"
down_revision = "0006"

_TABLE: Final = """
    create table audit (
        chain text not null,
        sequence bigint not null,
        at {instant} not null,
        kind text not null,
        role text not null,
        subject text not null,
        operation text not null,
        outcome text not null,
        code text,
        effect text,
        message_id {id},
        topic text,
        partition integer,
        log_offset bigint,
        timestamp_ms bigint,
        booking_id {id},
        booking_reference text,
        guest_id {id},
        venue_id {id},
        version integer,
        shown text,
        key_id text not null,
        previous text not null,
        hash text not null,
        primary key (chain, sequence)
    )
"""
_INDEXES: Final = (
    "create index audit_by_time on audit (at, chain, sequence)",
    "create index audit_by_booking on audit (booking_id) where booking_id is not null",
    "create index audit_of_lists on audit (at, chain, sequence) where shown is not null",
)
_REFUSES: Final = "the audit log is append-only"

# "always": also in a session that replicates, where ordinary triggers are silent.
_POSTGRESQL: Final = (
    f"""
    create function audit_is_append_only() returns trigger language plpgsql as $$
    begin
        raise exception '{_REFUSES}';
    end $$
    """,
    """
    create trigger audit_keeps_rows before update or delete on audit
        for each row execute function audit_is_append_only()
    """,
    """
    create trigger audit_keeps_all before truncate on audit
        for each statement execute function audit_is_append_only()
    """,
    "alter table audit enable always trigger audit_keeps_rows",
    "alter table audit enable always trigger audit_keeps_all",
)
# "insert or replace" deletes without firing triggers on delete, and so needs one of its own.
_SQLITE: Final = (
    f"""
    create trigger audit_keeps_rows before update on audit
        begin select raise(abort, '{_REFUSES}'); end
    """,
    f"""
    create trigger audit_keeps_all before delete on audit
        begin select raise(abort, '{_REFUSES}'); end
    """,
    f"""
    create trigger audit_keeps_places before insert on audit
        when exists (select 1 from audit where chain = new.chain and sequence = new.sequence)
        begin select raise(abort, '{_REFUSES}'); end
    """,
)


def upgrade() -> None:
    """Nothing of what was done before stands in it."""
    is_postgresql = op.get_context().dialect.name == "postgresql"
    types = {"id": "uuid", "instant": "timestamptz"} if is_postgresql else {}
    op.execute(_TABLE.format(**({"id": "text", "instant": "text"} | types)))
    for statement in (*_INDEXES, *(_POSTGRESQL if is_postgresql else _SQLITE)):
        op.execute(statement)


def downgrade() -> None:
    """The log is gone."""
    op.execute("drop table audit")
    if op.get_context().dialect.name == "postgresql":
        op.execute("drop function audit_is_append_only")
