"""On PostgreSQL an outcome stays in one piece, uncompressed, as long as it fits into a page.

Half of its text is sealed: trying to compress it took 34 of the 52 µs of CPU that writing it took,
and saved an eighth of its room (decision 0147). Larger ones are compressed and cut as before.
"""

from __future__ import annotations

from typing import Final

from alembic import op

revision = "0013"
down_revision = "0012"
works_with = "0007"

_SETTING: Final = "toast_tuple_target"
_BYTES: Final = 8160  # the most there is, of a page of 8192
_PLAIN: Final = "primary key (row_id))"
_MADE: Final = f"{_PLAIN} with ({_SETTING} = {_BYTES})"


def upgrade() -> None:
    """For rows to come, in all partitions and those that will be made."""
    _change(f"set ({_SETTING} = {_BYTES})", _PLAIN, _MADE)


def downgrade() -> None:
    """As any other table."""
    _change(f"reset ({_SETTING})", _MADE, _PLAIN)


def _change(partitions: str, made_before: str, made_now: str) -> None:
    """A partition has its setting from nobody else: those that are there, and who makes others."""
    if op.get_context().dialect.name != "postgresql":
        return
    op.execute(
        f"""
        do $$
        declare
            partition_ regclass;
        begin
            for partition_ in
                select inhrelid from pg_inherits where inhparent = cast('outcomes' as regclass)
            loop
                execute format('alter table %s {partitions}', partition_);
            end loop;
            execute replace(
                pg_get_functiondef('retention_make_ahead(text, interval)'::regprocedure),
                '{made_before}', '{made_now}'
            );
        end $$
        """
    )
