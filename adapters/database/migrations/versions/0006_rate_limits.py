"""Uses are counted, so that nobody asks too often; the rows are forgotten again within hours."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Nobody has been counted yet."""
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    id_, instant = ("uuid", "timestamptz") if is_postgresql else ("text", "text")
    op.execute(
        f"""
        create table rate_counts (
            counter_id {id_} not null primary key,
            uses integer not null,
            begun_at {instant} not null
        )
        """
    )
    op.execute("create index rate_counts_by_begun_at on rate_counts (begun_at)")


def downgrade() -> None:
    """An older worker limits nobody."""
    op.execute("drop table rate_counts")
