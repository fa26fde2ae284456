"""A booking's story as JSON: what `booking why --json` gives, and what its page is made from."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import orjson

from adapters.database.stories import BookingStory, CommandStory
from adapters.database.undo_rows import UndoRow
from app.why.calls import calls_of, lost_claims_of
from app.why.waiting import waits_for
from app.why.words import owed_in_words, partner_of
from domain.booking import Booking
from handlers.dead_letter import reason_of
from handlers.outputs import load_outputs
from handlers.ports import Coordinates, Output, Start, StoredOutcome
from handlers.routes import ReplyRoute
from schemas.booking import booking_json
from schemas.stored import load_principal

_PERSONAL: Final = frozenset(
    {"guest_name", "guest_email", "guest_phone", "special_requests", "internal_notes"}
    | {"cancellation_reason", "idempotency_key"}
)


def account_of(story: BookingStory, now: datetime, *, personal: bool) -> dict[str, Any]:
    """Instants are RFC 3339 in UTC, money is text, durations are milliseconds."""
    return {
        "told_at": instant(now),
        "with_personal_data": personal,
        "booking": _booking(story.booking, personal=personal) if story.booking else None,
        "waits_for": waits_for(story, now),
        "claims": [
            {
                "item": claim.item,
                "starts_at": instant(claim.slot.starts_at),
                "ends_at": instant(claim.slot.ends_at),
            }
            for claim in story.claims
        ],
        "commands": [_command(each) for each in story.commands],
        "undo": [undo_json(each) for each in story.undo],
    }


def undo_json(row: UndoRow) -> dict[str, Any]:
    """One thing owed."""
    return {
        "undo_id": str(row.id),
        "what": owed_in_words(row.owed),
        "partner": partner_of(row.owed),
        "booking_id": str(row.booking_id),
        "booking_reference": row.booking_reference,
        "venue_id": str(row.venue_id),
        "since": instant(row.created_at),
        "attempts": row.attempt + (row.done_at is not None),
        "next_try": instant(row.due_at) if row.done_at is None else None,
        "done_at": instant(row.done_at) if row.done_at else None,
        "detail": row.detail,
    }


def instant(at: datetime) -> str:
    """RFC 3339, in UTC, with milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _booking(booking: Booking, *, personal: bool) -> dict[str, Any]:
    shown: dict[str, Any] = orjson.loads(orjson.dumps(booking_json(booking, with_notes=personal)))
    return {name: value for name, value in shown.items() if personal or name not in _PERSONAL}


def _command(story: CommandStory) -> dict[str, Any]:
    start, outcome = story.start, story.outcome
    took = story.recorded_at and round((story.recorded_at - start.decided).total_seconds() * 1000)
    return {
        "operation": start.operation,
        "command_id": str(start.command_id),
        "row_id": str(start.row_id),
        "by": load_principal(start.principal).label,
        "run": start.run,
        "sent": instant(start.sent),
        "decided": instant(start.decided),
        "recorded": instant(story.recorded_at) if story.recorded_at else None,
        "took_ms": took,
        "read_at": _coordinates(start.coordinates),
        "sent_at": _coordinates(start.origin),
        "outcome": _outcome(start, outcome) if outcome else None,
        "lost_claims": lost_claims_of(story.journal),
        "calls": calls_of(story.journal),
    }


def _coordinates(at: Coordinates) -> str:
    return f"{at.topic}/{at.partition}@{at.offset}"


def _outcome(start: Start, outcome: StoredOutcome) -> dict[str, Any]:
    again = outcome.replayed_from
    outputs = load_outputs(outcome.events)
    return {
        "status": outcome.status,
        "code": outcome.code,
        "detail": _detail(outcome),
        "outcome_of": str(again) if again else None,
        "reply": _reply(start) if outcome.reply is not None else None,
        "events": [_event(each.value) for each in outputs if _is_event(each)],
        "dead_letter": next(filter(None, map(reason_of, outputs)), None),
    }


def _detail(outcome: StoredOutcome) -> str | None:
    body = orjson.loads(outcome.reply) if outcome.reply else {}
    error = body.get("error") or {}
    return error.get("detail")


def _reply(start: Start) -> dict[str, Any] | None:
    if start.reply_route is None:
        return None
    route = ReplyRoute.loaded(start.reply_route)
    return {
        "topic": route.topic,
        "partition": route.partition,
        "correlation_id": route.key.decode(errors="backslashreplace"),
    }


def _is_event(output: Output) -> bool:
    """Neither a dead letter nor the tombstone of a guest's key."""
    return not output.is_tombstone and reason_of(output) is None


def _event(value: bytes) -> dict[str, Any]:
    body = orjson.loads(value)
    return {
        "event_id": body["event_id"],
        "type": body["event_type"],
        "version": body["payload"]["booking_version"],
    }
