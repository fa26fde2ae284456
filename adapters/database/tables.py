"""Every table, once: what the migrations build and what the statements are made from.

`claims` has one column more on PostgreSQL, `unit`, a range of items that its exclusion constraint
compares; only the statements of claims_postgresql know it.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.types import TypeEngine

from adapters.database.column_types import AMOUNT, DAY, ID, INSTANT

METADATA: Final = MetaData(
    naming_convention={
        "ix": "%(table_name)s_by_%(column_0_N_name)s",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "pk": "%(table_name)s_pkey",
    }
)


def _needed(name: str, kind: TypeEngine[Any], *items: Any, **options: Any) -> Column[Any]:
    return Column(name, kind, *items, nullable=False, **options)


def _optional(name: str, kind: TypeEngine[Any]) -> Column[Any]:
    return Column(name, kind, nullable=True)


# The fence: an older epoch than this may write nothing. The mark: what lies before it is published.
lanes: Final = Table(
    "lanes",
    METADATA,
    _needed("topic", Text()),
    _needed("partition", Integer()),
    _needed("epoch", BigInteger()),
    _optional("mark_offset", BigInteger()),
    _optional("mark_timestamp_ms", BigInteger()),
    _optional("in_hand_until", BigInteger()),  # records before it may have brought a worker down
    PrimaryKeyConstraint("topic", "partition"),
)

# Of records that are done alone because they are suspected; gone when the lane has passed them.
attempts: Final = Table(
    "attempts",
    METADATA,
    _needed("topic", Text()),
    _needed("partition", Integer()),
    _needed("log_offset", BigInteger()),
    _needed("timestamp_ms", BigInteger()),
    _needed("attempts", Integer()),
    PrimaryKeyConstraint("topic", "partition", "log_offset", "timestamp_ms"),
)

# What each migration promises: the oldest revision whose workers go on working after it.
schema_promises: Final = Table(
    "schema_promises",
    METADATA,
    _needed("revision", Text(), primary_key=True),
    _needed("works_with", Text()),
)

# Of an unfinished rebuild: no worker starts on half a database.
rebuild_progress: Final = Table(
    "rebuild_progress",
    METADATA,
    _needed("topic", Text()),
    _needed("partition", Integer()),
    _needed("next_offset", BigInteger()),
    PrimaryKeyConstraint("topic", "partition"),
)

# Until retention takes them. `row_id` is made of principal and command id, and so scopes ids by
# principal.
commands: Final = Table(
    "commands",
    METADATA,
    _needed("row_id", ID, primary_key=True),
    _needed("principal", Text()),
    _needed("command_id", ID),
    _needed("operation", Text()),
    _needed("content_hash", Text()),
    _needed("topic", Text()),
    _needed("partition", Integer()),
    _needed("log_offset", BigInteger()),  # `offset` is a word of SQL
    _needed("timestamp_ms", BigInteger()),
    _needed("origin_topic", Text()),
    _needed("origin_partition", Integer()),
    _needed("origin_offset", BigInteger()),
    _needed("origin_timestamp_ms", BigInteger()),
    _needed("sent", INSTANT),
    _needed("decided", INSTANT),
    _needed("run", Integer()),
    _optional("booking_id", ID),
    _optional("booking_reference", Text()),
    _optional("reply_route", Text()),
    _optional("key_id", ID),
    Index("commands_by_coordinates", "topic", "partition", "log_offset"),
    Index(
        "commands_by_booking",
        "booking_id",
        postgresql_where=text("booking_id IS NOT NULL"),
        sqlite_where=text("booking_id IS NOT NULL"),
    ),
)

# Of ended commands no more than that they were: for ever. `content` is half of the content's hash.
retired_commands: Final = Table(
    "retired_commands",
    METADATA,
    _needed("row_id", ID, primary_key=True),
    _needed("content", ID),
)

# A command without a row here is under way if it has a journal, and retired if it has none. On
# PostgreSQL partitions by `recorded_at`, each with this primary key, and without the foreign key
# (migration 0010).
outcomes: Final = Table(
    "outcomes",
    METADATA,
    _needed("row_id", ID, ForeignKey(commands.c.row_id), primary_key=True),
    _needed("status", SmallInteger()),
    _optional("code", Text()),
    _optional("reply", Text()),  # with null for what is personal
    _optional("sealed", Text()),  # that, by the guest's key
    _needed("events", Text()),
    _optional("replayed_from", ID),
    _needed("journal", Text()),
    _needed("recorded_at", INSTANT),
    Index("outcomes_by_time", "recorded_at").ddl_if(dialect="sqlite"),
)

# Only commands in flight: entry 0 says since when and where, the others what was heard.
journal: Final = Table(
    "journal",
    METADATA,
    _needed("row_id", ID),
    _needed("sequence", Integer()),
    _optional("body", Text()),
    _optional("topic", Text()),
    _optional("partition", Integer()),
    _optional("started_at", INSTANT),
    PrimaryKeyConstraint("row_id", "sequence"),
)

idempotency_keys: Final = Table(
    "idempotency_keys",
    METADATA,
    _needed("key_id", ID, primary_key=True),
    _needed("row_id", ID),
    _needed("request_hash", Text()),
    _needed("taken_at", INSTANT),
    _needed("expires_at", INSTANT),
)

booking_references: Final = Table(
    "booking_references",
    METADATA,
    _needed(
        "reference",
        Text().with_variant(Text(collation="C"), "postgresql"),
        primary_key=True,
    ),
    _needed("booking_id", ID, unique=True),
)

bookings: Final = Table(
    "bookings",
    METADATA,
    _needed("id", ID, primary_key=True),
    _needed("booking_reference", Text(), unique=True),
    _needed("guest_id", ID),
    _optional("personal", Text()),  # sealed by the guest's key; null: nothing is
    _needed("venue_id", ID),
    _needed("venue_type", Text()),
    _optional("venue_name", Text()),
    _optional("venue_time_zone", Text()),
    _needed("booking_date", DAY),
    _needed("booking_time", INSTANT),
    _needed("duration_minutes", Integer()),
    _needed("end_time", INSTANT),
    _needed("party_size", Integer()),
    _needed("status", Text()),
    _needed("version", Integer()),
    _needed("base_price", AMOUNT),
    _needed("tax_amount", AMOUNT),
    _needed("discount_amount", AMOUNT),
    _needed("total_price", AMOUNT),
    _needed("currency", Text()),
    _needed("price_source", Text()),
    _optional("price_decision_reference", Text()),
    _optional("payment_intent_id", Text()),
    _needed("payment_status", Text()),
    _needed("amount_paid", AMOUNT),
    _needed("amount_refunded", AMOUNT),
    _needed("inventory_reservation_id", Text()),
    _optional("inventory_item_id", Text()),
    _needed("created_at", INSTANT),
    _needed("updated_at", INSTANT),
    _optional("confirmed_at", INSTANT),
    _optional("cancelled_at", INSTANT),
    _optional("checked_in_at", INSTANT),
    _optional("completed_at", INSTANT),
    _optional("expires_at", INSTANT),
    _optional("cancelled_by", Text()),
    _needed("source", Text()),
    _optional("metadata", Text()),
    _optional("sweep_at", INSTANT),  # when the sweeper shall expire it; null: never
    _needed("sweep_attempt", Integer(), server_default="0"),
    Index("bookings_by_guest", "guest_id", text("booking_time DESC"), "id"),
    Index("bookings_by_venue", "venue_id", text("booking_time DESC"), "id"),
    Index("bookings_by_venue_status", "venue_id", "status", text("booking_time DESC"), "id"),
    Index("bookings_by_day", "booking_date"),
    Index(
        "bookings_to_expire",
        "sweep_at",
        postgresql_where=text("sweep_at IS NOT NULL"),
        sqlite_where=text("sweep_at IS NOT NULL"),
    ),
)

booking_history: Final = Table(
    "booking_history",
    METADATA,
    _needed("booking_id", ID, ForeignKey(bookings.c.id)),
    _needed("version", Integer()),
    _optional("from_status", Text()),
    _needed("to_status", Text()),
    _needed("changed_by", Text()),
    _optional("reason", Text()),  # sealed by the guest's key
    _needed("created_at", INSTANT),
    PrimaryKeyConstraint("booking_id", "version"),
)

# One a guest, wrapped by a key of the settings; without it nobody can read what is sealed with it.
guest_keys: Final = Table(
    "guest_keys",
    METADATA,
    _needed("key_id", ID, primary_key=True),
    _needed("guest_id", ID),
    _optional("wrapped", Text()),  # null: destroyed
    _needed("is_current", SmallInteger()),  # 1: the one that seals now; others only open
    _needed("created_at", INSTANT),
    _optional("erased_at", INSTANT),
    _optional("tombstone_due_at", INSTANT),  # when to tell the topic of it once more
    Index(
        "guest_keys_that_seal",
        "guest_id",
        unique=True,
        postgresql_where=text("is_current = 1"),
        sqlite_where=text("is_current = 1"),
    ),
    Index("guest_keys_of_guests", "guest_id"),
    Index(
        "guest_keys_to_tell",
        "tombstone_due_at",
        postgresql_where=text("tombstone_due_at IS NOT NULL"),
        sqlite_where=text("tombstone_due_at IS NOT NULL"),
    ),
    Index(
        "guest_keys_by_erasure",
        "erased_at",
        postgresql_where=text("erased_at IS NOT NULL"),
        sqlite_where=text("erased_at IS NOT NULL"),
    ),
)

# The settings' keys that something is still wrapped by, each with what only that very key opens.
service_keys: Final = Table(
    "service_keys",
    METADATA,
    _needed("name", Text(), primary_key=True),
    _needed("proof", Text()),
    _needed("used_since", INSTANT),
)

# Who holds which unit when. Not tied to bookings: a claim stands before its booking does.
claims: Final = Table(
    "claims",
    METADATA,
    _needed("claim_id", ID),
    _needed("part", SmallInteger()),
    _needed("row_id", ID),  # the command that added it
    _needed("booking_id", ID),
    _needed("venue_id", ID),
    _optional("item", Text()),  # as asked; null: the whole venue
    _needed("starts_at", INSTANT),
    _needed("ends_at", INSTANT),
    PrimaryKeyConstraint("claim_id", "part"),
    Index("claims_by_booking", "booking_id"),
    Index("claims_by_command", "row_id"),
    Index("claims_by_venue", "venue_id", "ends_at").ddl_if(dialect="sqlite"),
)

# How often somebody asked: hidden in the id are who, what and when. Forgotten within hours.
rate_counts: Final = Table(
    "rate_counts",
    METADATA,
    _needed("counter_id", ID, primary_key=True),
    _needed("uses", Integer()),
    _needed("begun_at", INSTANT),
    Index("rate_counts_by_begun_at", "begun_at"),
)

undo: Final = Table(
    "undo",
    METADATA,
    _needed("id", ID, primary_key=True),
    _needed("booking_id", ID),
    _needed("venue_id", ID),
    _needed("owed", Text()),
    _needed("attempt", Integer()),
    _needed("due_at", INSTANT),
    _needed("created_at", INSTANT),
    _optional("done_at", INSTANT),
    _optional("detail", Text()),
    Index("undo_by_booking", "booking_id"),
    Index(
        "undo_still_owed",
        "due_at",
        postgresql_where=text("done_at IS NULL"),
        sqlite_where=text("done_at IS NULL"),
    ),
    Index(
        "undo_by_end",
        "done_at",
        postgresql_where=text("done_at IS NOT NULL"),
        sqlite_where=text("done_at IS NOT NULL"),
    ),
)

# Append-only and chained (docs/audit.md): triggers keep everybody from changing or removing a row.
audit: Final = Table(
    "audit",
    METADATA,
    _needed("chain", Text()),
    _needed("sequence", BigInteger()),
    _needed("at", INSTANT),
    _needed("kind", Text()),
    _needed("role", Text()),
    _needed("subject", Text()),
    _needed("operation", Text()),
    _needed("outcome", Text()),
    _optional("code", Text()),
    _optional("effect", Text()),
    _optional("message_id", ID),
    _optional("topic", Text()),
    _optional("partition", Integer()),
    _optional("log_offset", BigInteger()),
    _optional("timestamp_ms", BigInteger()),
    _optional("booking_id", ID),
    _optional("booking_reference", Text()),
    _optional("guest_id", ID),
    _optional("venue_id", ID),
    _optional("version", Integer()),
    _optional("shown", Text()),  # the bookings of a list, their ids separated by commas
    _needed("key_id", Text()),
    _needed("previous", Text()),
    _needed("hash", Text()),
    PrimaryKeyConstraint("chain", "sequence"),
    Index("audit_by_time", "at", "chain", "sequence"),
    Index(
        "audit_by_booking",
        "booking_id",
        postgresql_where=text("booking_id IS NOT NULL"),
        sqlite_where=text("booking_id IS NOT NULL"),
    ),
    Index(
        "audit_of_lists",
        *("at", "chain", "sequence"),
        postgresql_where=text("shown IS NOT NULL"),
        sqlite_where=text("shown IS NOT NULL"),
    ),
    info={"append_only": True},  # the worker's role needs no more than to insert and to select
)

# Where its chains were cut on purpose, signed (docs/audit.md). No worker has any right to it.
audit_cuts: Final = Table(
    "audit_cuts",
    METADATA,
    _needed("chain", Text()),
    _needed("sequence", BigInteger()),  # of the first entry that is kept
    _needed("hash", Text()),  # of that entry
    _needed("key_id", Text()),
    _needed("mac", Text()),
    PrimaryKeyConstraint("chain", "sequence"),
)
