"""On PostgreSQL a partition that is made keeps its columns as the table of all partitions does.

The first of two, for what 0014 changes there (decision 0147): whoever makes partitions while that
one has locked them waits, and goes on with the function that he began with. It has to be this one.
"""

from __future__ import annotations

from typing import Final

from alembic import op

revision = "0013"
down_revision = "0012"
works_with = "0007"

_PLAIN: Final = "(like outcomes, primary key"
_ALIKE: Final = "(like outcomes including storage, primary key"


def upgrade() -> None:
    """Locks no table."""
    _make(_ALIKE, instead_of=_PLAIN)


def downgrade() -> None:
    """As migration 0010 made it."""
    _make(_PLAIN, instead_of=_ALIKE)


def _make(made: str, *, instead_of: str) -> None:
    if op.get_context().dialect.name != "postgresql":
        return
    op.execute(
        f"""
        do $$
        declare
            made text := pg_get_functiondef('retention_make_ahead(text, interval)'::regprocedure);
        begin
            if position('{instead_of}' in made) = 0 then
                raise exception 'expected retention_make_ahead as migration 0010 made it';
            end if;
            execute replace(made, '{instead_of}', '{made}');
        end $$
        """
    )
