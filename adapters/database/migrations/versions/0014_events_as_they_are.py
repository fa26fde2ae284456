"""On PostgreSQL an outcome's events are kept as they are.

Half of an event is sealed: trying to compress it took a third of the CPU that writing a create's
outcome took, and saved no byte (decision 0147).
"""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
works_with = "0007"


def upgrade() -> None:
    """For rows to come, in all partitions and those that will be made."""
    _store("external")


def downgrade() -> None:
    """As any other column."""
    _store("extended")


def _store(how: str) -> None:
    if op.get_context().dialect.name != "postgresql":
        return
    op.execute("set local lock_timeout = '5s'")  # who cannot be had quickly is asked again
    # Whoever still makes partitions with the function of before 0013 comes first, or makes none.
    op.execute("select pg_advisory_xact_lock(hashtext('booking retention'))")
    op.execute(f"alter table outcomes alter column events set storage {how}")
