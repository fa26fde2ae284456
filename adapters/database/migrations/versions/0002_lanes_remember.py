"""Lanes remember how far they are published and what they have in hand; tries are counted."""

from __future__ import annotations

from typing import Final

from alembic import op

revision = "0002"
down_revision = "0001"

_COLUMNS: Final = ("mark_offset", "mark_timestamp_ms", "in_hand_until")


def upgrade() -> None:
    """New columns are null: nothing is known of what was published before."""
    for column in _COLUMNS:
        op.execute(f"alter table lanes add column {column} bigint")
    op.execute(
        """
        create table attempts (
            topic text not null,
            partition integer not null,
            log_offset bigint not null,
            timestamp_ms bigint not null,
            attempts integer not null,
            primary key (topic, partition, log_offset, timestamp_ms)
        )
        """
    )


def downgrade() -> None:
    """An older worker does without."""
    op.execute("drop table attempts")
    for column in _COLUMNS:
        op.execute(f"alter table lanes drop column {column}")
