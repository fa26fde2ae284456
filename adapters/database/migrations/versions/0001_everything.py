"""Lanes, commands with their outcomes and journal, keys, bookings, claims and undo."""

from __future__ import annotations

from typing import Final

from alembic import op

revision = "0001"
down_revision = None

_POSTGRESQL: Final = {
    "id": "uuid",
    "instant": "timestamptz",
    "day": "date",
    "amount": "numeric",
    "reference": 'text collate "C"',
}
# Text that sorts as the values do: lower-case ids, instants of one width in UTC.
_SQLITE: Final = dict.fromkeys(_POSTGRESQL, "text")

_TABLES: Final = (
    """
    create table lanes (
        topic text not null,
        partition integer not null,
        epoch bigint not null,
        primary key (topic, partition)
    )
    """,
    """
    create table commands (
        row_id {id} not null primary key,
        principal text not null,
        command_id {id} not null,
        operation text not null,
        content_hash text not null,
        topic text not null,
        partition integer not null,
        log_offset bigint not null,
        timestamp_ms bigint not null,
        origin_topic text not null,
        origin_partition integer not null,
        origin_offset bigint not null,
        origin_timestamp_ms bigint not null,
        sent {instant} not null,
        decided {instant} not null,
        run integer not null,
        booking_id {id},
        booking_reference text,
        reply_route text,
        key_id {id}
    )
    """,
    "create index commands_by_coordinates on commands (topic, partition, log_offset)",
    """
    create table outcomes (
        row_id {id} not null primary key references commands (row_id),
        status smallint not null,
        code text,
        reply text,
        events text not null,
        replayed_from {id},
        journal text not null,
        recorded_at {instant} not null
    )
    """,
    """
    create table journal (
        row_id {id} not null,
        sequence integer not null,
        body text,
        topic text,
        partition integer,
        started_at {instant},
        primary key (row_id, sequence)
    )
    """,
    """
    create table idempotency_keys (
        key_id {id} not null primary key,
        row_id {id} not null,
        request_hash text not null,
        taken_at {instant} not null,
        expires_at {instant} not null
    )
    """,
    """
    create table booking_references (
        reference {reference} not null primary key,
        booking_id {id} not null unique
    )
    """,
    """
    create table bookings (
        id {id} not null primary key,
        booking_reference text not null unique,
        guest_id {id} not null,
        guest_name text,
        guest_email text,
        guest_phone text,
        venue_id {id} not null,
        venue_type text not null,
        venue_name text,
        venue_time_zone text,
        booking_date {day} not null,
        booking_time {instant} not null,
        duration_minutes integer not null,
        end_time {instant} not null,
        party_size integer not null,
        status text not null,
        version integer not null,
        base_price {amount} not null,
        tax_amount {amount} not null,
        discount_amount {amount} not null,
        total_price {amount} not null,
        currency text not null,
        price_source text not null,
        price_decision_reference text,
        payment_intent_id text,
        payment_status text not null,
        amount_paid {amount} not null,
        amount_refunded {amount} not null,
        inventory_reservation_id text not null,
        inventory_item_id text,
        special_requests text,
        internal_notes text,
        idempotency_key text,
        created_at {instant} not null,
        updated_at {instant} not null,
        confirmed_at {instant},
        cancelled_at {instant},
        checked_in_at {instant},
        completed_at {instant},
        expires_at {instant},
        cancellation_reason text,
        cancelled_by text,
        source text not null,
        metadata text,
        sweep_at {instant},
        sweep_attempt integer default 0 not null
    )
    """,
    "create index bookings_by_guest on bookings (guest_id, booking_time desc, id)",
    "create index bookings_by_venue on bookings (venue_id, booking_time desc, id)",
    "create index bookings_by_venue_status on bookings (venue_id, status, booking_time desc, id)",
    "create index bookings_by_day on bookings (booking_date)",
    "create index bookings_to_expire on bookings (sweep_at) where sweep_at is not null",
    """
    create table booking_history (
        booking_id {id} not null references bookings (id),
        version integer not null,
        from_status text,
        to_status text not null,
        changed_by text not null,
        reason text,
        created_at {instant} not null,
        primary key (booking_id, version)
    )
    """,
    """
    create table claims (
        claim_id {id} not null,
        part smallint not null,
        row_id {id} not null,
        booking_id {id} not null,
        venue_id {id} not null,
        item text,
        starts_at {instant} not null,
        ends_at {instant} not null,
        primary key (claim_id, part)
    )
    """,
    "create index claims_by_booking on claims (booking_id)",
    "create index claims_by_command on claims (row_id)",
    """
    create table undo (
        id {id} not null primary key,
        booking_id {id} not null,
        venue_id {id} not null,
        owed text not null,
        attempt integer not null,
        due_at {instant} not null,
        created_at {instant} not null,
        done_at {instant},
        detail text
    )
    """,
    "create index undo_still_owed on undo (due_at) where done_at is null",
)

# The last word against a double sale; no extension is needed for it. Ranges of text compare byte
# by byte, as the worker does, whatever the database's own order of text is.
_POSTGRESQL_CLAIMS: Final = (
    "create type uuidrange as range (subtype = uuid)",
    'create type textrange as range (subtype = text, collation = "C")',
    "alter table claims add column unit textrange not null, add column during tstzrange not null",
    """
    alter table claims add constraint claims_do_not_overlap exclude using gist (
        uuidrange(venue_id, venue_id, '[]') with &&, unit with &&, during with &&
    )
    """,
)
_SQLITE_CLAIMS: Final = ("create index claims_by_venue on claims (venue_id, ends_at)",)


def upgrade() -> None:
    """Build all of it in the words of either dialect."""
    is_postgresql = op.get_context().dialect.name == "postgresql"
    for statement in _TABLES:
        op.execute(statement.format_map(_POSTGRESQL if is_postgresql else _SQLITE))
    for statement in _POSTGRESQL_CLAIMS if is_postgresql else _SQLITE_CLAIMS:
        op.execute(statement)


def downgrade() -> None:
    """Drop all of it."""
    for table in (
        *("undo", "claims", "booking_history", "bookings", "booking_references"),
        *("idempotency_keys", "journal", "outcomes", "commands", "lanes"),
    ):
        op.execute(f"drop table {table}")
    if op.get_context().dialect.name == "postgresql":
        op.execute("drop type textrange")
        op.execute("drop type uuidrange")
