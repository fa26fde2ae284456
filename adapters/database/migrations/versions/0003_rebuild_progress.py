"""How far a rebuild has come, so that it can be continued; empty when none is under way."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """No rebuild is under way."""
    op.execute(
        """
        create table rebuild_progress (
            topic text not null,
            partition integer not null,
            next_offset bigint not null,
            primary key (topic, partition)
        )
        """
    )


def downgrade() -> None:
    """An unfinished rebuild cannot be continued after this."""
    op.execute("drop table rebuild_progress")
