"""On PostgreSQL an outcome's events are kept as they are.

Half of an event is sealed: trying to compress it took a third of the CPU that writing a create's
outcome took, and saved no byte (decision 0147).
"""

from __future__ import annotations

from typing import Final

from alembic import op

revision = "0013"
down_revision = "0012"
works_with = "0007"

_PLAIN: Final = "(like outcomes, primary key"
_MADE_ALIKE: Final = "(like outcomes including storage, primary key"


def upgrade() -> None:
    """For rows to come, in all partitions and those that will be made."""
    _store("external", _PLAIN, _MADE_ALIKE)


def downgrade() -> None:
    """As any other column."""
    _store("extended", _MADE_ALIKE, _PLAIN)


def _store(how: str, made_before: str, made_now: str) -> None:
    if op.get_context().dialect.name != "postgresql":
        return
    op.execute("set local lock_timeout = '5s'")  # who cannot be had quickly is asked again
    op.execute("select pg_advisory_xact_lock(hashtext('booking retention'))")  # none is made now
    op.execute(f"alter table outcomes alter column events set storage {how}")
    op.execute(
        f"""
        do $$
        declare
            made text := pg_get_functiondef('retention_make_ahead(text, interval)'::regprocedure);
        begin
            if position('{made_before}' in made) = 0 then
                raise exception 'expected retention_make_ahead as migration 0010 made it';
            end if;
            execute replace(made, '{made_before}', '{made_now}');
        end $$
        """
    )
