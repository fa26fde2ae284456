"""What `outcomes` promised is seen to be true, so that the next migration need not look.

On PostgreSQL this reads the whole table, beside everybody who writes and reads.
"""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
works_with = "0007"


def upgrade() -> None:
    """In a transaction of its own: the lock that made the promise is gone."""
    if op.get_context().dialect.name == "postgresql":
        op.execute("alter table outcomes validate constraint outcomes_until")


def downgrade() -> None:
    """What was seen cannot be unseen."""
