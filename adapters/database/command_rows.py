"""A command's rows, and back: how it started, how it ended."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row

from handlers.ports import (
    Coordinates,
    JournalEntry,
    Recording,
    Sealer,
    Start,
    StoredOutcome,
)
from schemas.ids import id_text


def command_row(start: Start) -> dict[str, object]:
    """Every column of `commands`."""
    return {
        "row_id": start.row_id,
        "principal": start.principal,
        "command_id": start.command_id,
        "operation": start.operation,
        "content_hash": start.content_hash,
        **coordinates_row(start.coordinates),
        "origin_topic": start.origin.topic,
        "origin_partition": start.origin.partition,
        "origin_offset": start.origin.offset,
        "origin_timestamp_ms": start.origin.timestamp_ms,
        "sent": start.sent,
        "decided": start.decided,
        "run": start.run,
        "booking_id": start.booking_id,
        "booking_reference": start.booking_reference,
        "reply_route": start.reply_route,
        "key_id": start.key_id,
    }


def coordinates_row(coordinates: Coordinates) -> dict[str, object]:
    """The columns of `commands` that say where the lane read it."""
    return {
        "topic": coordinates.topic,
        "partition": coordinates.partition,
        "log_offset": coordinates.offset,
        "timestamp_ms": coordinates.timestamp_ms,
    }


def started_row(start: Start) -> dict[str, object]:
    """Entry 0 of the journal: what the search for abandoned commands looks at."""
    return {
        "row_id": start.row_id,
        "sequence": 0,
        "topic": start.coordinates.topic,
        "partition": start.coordinates.partition,
        "started_at": start.decided,
    }


def entry_row(entry: JournalEntry, sealer: Sealer) -> dict[str, object]:
    """A later entry, sealed: with what the guest pays is in it, and whatever partners answered."""
    place = _entry_place(entry.row_id, entry.sequence)
    body = sealer.seal(entry.body.encode(), place)
    return {"row_id": entry.row_id, "sequence": entry.sequence, "body": body}


def entry_of(row: Row[Any], sealer: Sealer) -> str:
    """The body of a later entry. Raises CannotOpen."""
    return sealer.open(row.body, _entry_place(row.row_id, row.sequence)).decode()


def _entry_place(row_id: UUID, sequence: int) -> str:
    return f"journal.body/{id_text(row_id)}/{sequence}"


def outcome_row(recording: Recording) -> dict[str, object]:
    """Every column of `outcomes`."""
    outcome = recording.outcome
    return {
        "row_id": recording.row_id,
        "status": outcome.status,
        "code": outcome.code,
        "reply": outcome.reply and _as_it_is(outcome.reply),
        "sealed": outcome.sealed,
        "events": _as_it_is(outcome.events),
        "replayed_from": outcome.replayed_from,
        "journal": _as_it_is(recording.journal),
        "recorded_at": recording.recorded_at,
    }


def _as_it_is(json: str) -> object:
    """Compact JSON as part of the statement's document, for a column that gets the same text as
    from a string: none of its hundreds of quotes is escaped, or read back by the server (5 µs a
    create to 1). A string stays what names a zero: PostgreSQL refuses to read that.
    """
    has_zero = "\\" in json and "\\u0000" in json  # most have no backslash, which is seen at once
    return json if has_zero else orjson.Fragment(json)


def start_of(row: Row[Any]) -> Start:
    """From a row with all columns of `commands`."""
    return Start(
        row_id=row.row_id,
        principal=row.principal,
        command_id=row.command_id,
        operation=row.operation,
        content_hash=row.content_hash,
        coordinates=Coordinates(row.topic, row.partition, row.log_offset, row.timestamp_ms),
        origin=Coordinates(
            row.origin_topic, row.origin_partition, row.origin_offset, row.origin_timestamp_ms
        ),
        sent=row.sent,
        decided=row.decided,
        run=row.run,
        booking_id=row.booking_id,
        booking_reference=row.booking_reference,
        reply_route=row.reply_route,
        key_id=row.key_id,
    )


def outcome_of(row: Row[Any]) -> StoredOutcome | None:
    """From a row that joins `outcomes`; None where there is none yet."""
    if row.status is None:
        return None
    return StoredOutcome(row.status, row.code, row.reply, row.events, row.replayed_from, row.sealed)
