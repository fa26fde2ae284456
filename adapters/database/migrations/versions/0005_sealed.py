"""What is personal is sealed with keys of the guests, and no column holds it in the clear.

Rows from before cannot be sealed here, where nobody has the keys: a database that holds some is
made anew from the topics (`booking rebuild`).
"""

from __future__ import annotations

from typing import Final

from alembic import op
from sqlalchemy import text

revision = "0005"
down_revision = "0004"

_CLEAR: Final = (
    "guest_name",
    "guest_email",
    "guest_phone",
    "special_requests",
    "internal_notes",
    "idempotency_key",
    "cancellation_reason",
)


def upgrade() -> None:
    """Refused where there are bookings in the clear."""
    if op.get_bind().execute(text("select 1 from bookings limit 1")).first():
        raise RuntimeError(
            "this database holds bookings in the clear, from before they were sealed: migrate a new"
            " one, run booking rebuild on it, and destroy this one"
        )
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    id_, instant = ("uuid", "timestamptz") if is_postgresql else ("text", "text")
    for name in _CLEAR:
        op.execute(f"alter table bookings drop column {name}")
    op.execute("alter table bookings add column personal text")
    op.execute("alter table outcomes add column sealed text")
    op.execute(
        f"""
        create table guest_keys (
            key_id {id_} not null primary key,
            guest_id {id_} not null,
            wrapped text,
            is_current smallint not null,
            created_at {instant} not null,
            erased_at {instant},
            tombstone_due_at {instant}
        )
        """
    )
    op.execute(
        f"""
        create table service_keys (
            name text not null primary key,
            proof text not null,
            used_since {instant} not null
        )
        """
    )
    op.execute(
        "create unique index guest_keys_that_seal on guest_keys (guest_id) where is_current = 1"
    )
    op.execute("create index guest_keys_of_guests on guest_keys (guest_id)")
    op.execute(
        "create index guest_keys_to_tell on guest_keys (tombstone_due_at)"
        " where tombstone_due_at is not null"
    )


def downgrade() -> None:
    """Refused where something is sealed: the columns in the clear would be without it."""
    if op.get_bind().execute(text("select 1 from bookings limit 1")).first():
        raise RuntimeError("what is sealed cannot be put back into columns in the clear")
    op.execute("drop table guest_keys")
    op.execute("drop table service_keys")
    op.execute("alter table outcomes drop column sealed")
    op.execute("alter table bookings drop column personal")
    for name in _CLEAR:
        op.execute(f"alter table bookings add column {name} text")
