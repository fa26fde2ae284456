"""A booking's commands, and what is owed for it, are found without reading all there ever were.

On a large database build both beforehand with `create index concurrently`, under these names, while
the workers run: here it is one transaction, which keeps them waiting until it ends.
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Refused and system commands without a booking are left out."""
    op.execute(
        "create index if not exists commands_by_booking on commands (booking_id)"
        " where booking_id is not null"
    )
    op.execute("create index if not exists undo_by_booking on undo (booking_id)")


def downgrade() -> None:
    """An older worker does without."""
    op.execute("drop index commands_by_booking")
    op.execute("drop index undo_by_booking")
