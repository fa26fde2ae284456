"""What one command led to, as everybody outside sees it, without what chance and time decide."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from difflib import unified_diff
from typing import Any, Final

from app.settings.service import SealSection
from app.wiring import service_keys
from tests.service.client import Sent
from tests.service.house import House
from tests.service.story import distinct

_CHANCE: Final = (
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "an id"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"), "an instant"),
    (re.compile(r"\bBR-\d{8}-\w+"), "a reference"),
    (re.compile(r"\b(res|pi|re|pd)_\w+"), "a partner's id"),
    (re.compile(r"\b([0-9a-f]{64}|[0-9a-f]{32})\b"), "a hash"),
    (re.compile(r"\d{4}-\d\d-\d\d"), "a day"),
)
# Ciphertext; where the record lay. What the reasons are, replies tell.
_DROPPED: Final = frozenset({"sealed", "input", "personal", "reason"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """Two of the same command are equal, whoever did them and however often they died."""

    replies: list[Any]
    events: list[Any]
    bookings: list[Any]
    history: list[Any]
    claims: list[Any]
    owed: list[Any]
    effects: list[tuple[str, str]]  # partner and call, as often as it changed something
    doubles: int = field(compare=False)  # replies and events that came more than once

    def differences_from(self, calm: Outcome) -> str:
        """How many there are of what, and line by line; nothing when it is the same."""
        before, after = asdict(calm), asdict(self)
        counts = [
            f"{len(found)} {name}, not {len(before[name])}"
            for name, found in after.items()
            if len(found) != len(before[name])
        ]
        was, is_ = (json.dumps(each, indent=1).splitlines() for each in (before, after))
        return "\n".join([*counts, *unified_diff(was, is_, "calm", "killed", n=2, lineterm="")])


async def outcome_at(house: House, venue: str, sent: Sent | None) -> Outcome:
    """All that stands of a venue with one booking, and the replies to what was sent there."""
    await house.feed.all_decided()
    rows = await house.rows("select * from bookings where venue_id = $1", venue)
    ids = [row["id"] for row in rows]
    known = [venue, *(str(row[name]) for row in rows for name in _NAMES)]
    answers = house.feed.answers_to(sent.correlation_id or b"") if sent else []
    keys = {str(each).encode() for each in ids}
    events = [r for r in house.feed.records(f"{house.prefix}.events") if r.key in keys]
    replies, told = distinct(answers), distinct(events)
    return Outcome(
        replies=[_plain(json.loads(record.value or b"")) for record in replies],
        events=[_plain(json.loads(record.value or b"")) for record in told],
        doubles=len(answers) + len(events) - len(replies) - len(told),
        bookings=_plain(rows),
        history=_plain(
            await house.rows(
                "select * from booking_history where booking_id = any($1) order by version", ids
            )
        ),
        claims=_plain(
            await house.rows(
                "select part, item, ends_at - starts_at as lasts from claims where venue_id = $1",
                venue,
            )
        ),
        owed=_plain(_opened(await house.rows("select * from undo where venue_id = $1", venue))),
        effects=_effects(house, known),
    )


def _opened(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    keys = service_keys(SealSection().seal_keys)
    return sorted(
        (
            {
                "owed": keys.open(row["owed"], f"undo.owed/{row['id']}").decode(),
                "is_done": row["done_at"] is not None,
            }
            for row in rows
        ),
        key=repr,
    )


_NAMES: Final = ("id", "booking_reference", "inventory_reservation_id")


def _effects(house: House, known: list[str]) -> list[tuple[str, str]]:
    desks = {
        "inventory": house.partners.inventory,
        "pricing": house.partners.pricing,
        "payment": house.partners.payment,
    }
    return sorted(
        (name, row["call"])
        for name, desk in desks.items()
        for row in desk.ledger()
        if row["effect"] and any(each in json.dumps(row["body"] | row["answer"]) for each in known)
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items() if name not in _DROPPED}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if value is None or isinstance(value, bool | int):
        return value
    text = str(value)
    for pattern, name in _CHANCE:
        text = pattern.sub(name, text)
    return text
