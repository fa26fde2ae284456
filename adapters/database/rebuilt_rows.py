"""The rows that a rebuilt version stands in, table by table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Table

from adapters.database.booking_rows import booking_row, history_row
from adapters.database.command_rows import command_row
from adapters.database.documents import Document
from adapters.database.tables import (
    booking_history,
    booking_references,
    bookings,
    commands,
    idempotency_keys,
    outcomes,
)
from handlers.ports import KeyClaim, Rebuilt

Rows = Mapping[Table, Document]


@dataclass(frozen=True, slots=True)
class RebuiltRows:
    """Of some versions. `fresh` stands nowhere yet, unless an event is read a second time; `later`
    is of bookings whose first version is not among these, and so may stand there from before.

    In `later` a booking comes before its history, which refers to it; in `fresh` as well, and what
    of `fresh` refers to one of `later` comes after it when `later` is written first.
    """

    later: Rows
    fresh: Rows

    @property
    def all(self) -> Rows:
        """Both, table by table."""
        tables = [*self.later, *(each for each in self.fresh if each not in self.later)]
        return {table: [*self.later.get(table, ()), *self.fresh.get(table, ())] for table in tables}


def rebuilt_rows(rebuilt: Sequence[Rebuilt]) -> RebuiltRows:
    """Of a booking the highest version, of everything else each once."""
    once, first = _each(rebuilt), {each.booking.id for each in rebuilt if each.booking.version == 1}
    known, new = list[Rebuilt](), list[Rebuilt]()
    for each in _latest(rebuilt):
        (new if each.booking.id in first else known).append(each)
    return RebuiltRows(
        later=_of_bookings(known),
        fresh={
            **_of_bookings(new),
            booking_history: _history(rebuilt),
            commands: [command_row(each.start) for each in once],
            outcomes: [_outcome_row(each) for each in once],
            idempotency_keys: _keys(rebuilt),
        },
    )


def _of_bookings(latest: Sequence[Rebuilt]) -> Rows:
    return {
        bookings: [booking_row(each.booking, each.data_key) for each in latest],
        booking_references: [
            {"reference": each.booking.reference, "booking_id": each.booking.id} for each in latest
        ],
    }


def _latest(rebuilt: Sequence[Rebuilt]) -> list[Rebuilt]:
    """One version a booking: a statement cannot touch a row twice."""
    latest: dict[UUID, Rebuilt] = {}
    for each in rebuilt:
        standing = latest.get(each.booking.id)
        if standing is None or standing.booking.version < each.booking.version:
            latest[each.booking.id] = each
    return list(latest.values())


def _each(rebuilt: Sequence[Rebuilt]) -> list[Rebuilt]:
    return list({each.start.row_id: each for each in rebuilt}.values())


def _history(rebuilt: Sequence[Rebuilt]) -> list[dict[str, object]]:
    once = {(each.booking.id, each.booking.version): each for each in rebuilt}
    return [
        history_row(each.booking, each.history, each.data_key)
        for each in once.values()
        if each.history is not None
    ]


def _outcome_row(each: Rebuilt) -> dict[str, object]:
    return {
        "row_id": each.start.row_id,
        "status": each.outcome.status,
        "code": each.outcome.code,
        "reply": each.outcome.reply,
        "sealed": each.outcome.sealed,
        "events": each.outcome.events,
        "replayed_from": None,
        "journal": "[]",
        "recorded_at": each.recorded_at,
    }


def _keys(rebuilt: Sequence[Rebuilt]) -> list[dict[str, object]]:
    found: dict[UUID, KeyClaim] = {}
    for each in rebuilt:
        if (key := each.key) is not None:
            standing = found.get(key.key_id)
            if standing is None or standing.sent < key.sent:
                found[key.key_id] = key
    return [
        {
            "key_id": key.key_id,
            "row_id": key.row_id,
            "request_hash": key.request_hash,
            "taken_at": key.sent,
            "expires_at": key.expires_at,
        }
        for key in found.values()
    ]
