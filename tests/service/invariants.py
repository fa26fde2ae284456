"""What must be true of a house that has come to rest, whatever was done to it.

Each rule is one function over the dumps, named by what it demands.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from adapters.database.column_types import instant_text
from app.settings.audit import AuditSection
from handlers.audit import who
from handlers.audit_chain import Verifier
from handlers.ports import AuditRow
from schemas.stored import load_principal
from tests.service.builders import PERSONAL
from tests.service.client import reply_of
from tests.service.feed import Seen, header
from tests.service.house import House
from tests.service.story import TOKEN, Event, Row, Story, story_of

ACTIVE: Final = frozenset({"pending", "confirmed", "checked_in"})
TRANSITIONS: Final = {
    None: {"pending"},
    "pending": {"confirmed", "cancelled", "expired"},
    "confirmed": {"checked_in", "completed", "cancelled", "no_show"},
    "checked_in": {"completed", "cancelled"},
}
# Event payload and row tell the same; instants and amounts are compared as such, not as text.
_SAME: Final = (
    "booking_reference guest_id venue_id venue_type venue_name booking_time end_time"
    " duration_minutes party_size status base_price tax_amount discount_amount total_price currency"
    " price_source payment_intent_id payment_status amount_paid amount_refunded"
    " inventory_reservation_id inventory_item_id created_at updated_at confirmed_at cancelled_at"
    " checked_in_at completed_at expires_at cancelled_by source"
)


async def check(house: House) -> Story:
    """Wait until the house is at rest, then demand every rule; gives the dumps."""
    story = await story_of(house)
    for rule in RULES:
        rule(story)
    return story


def everything_sent_has_exactly_one_answer(story: Story) -> None:
    letters = Counter(_source(record) for record in story.dead_letters)
    assert set(letters.values()) <= {1}, "one dead letter for each record"
    failed = {
        _source(r) for r in story.dead_letters if header(r, "dlq_reason") in (b"poison", b"bug")
    }
    for sent in story.sent:
        here = (sent.topic, sent.partition, sent.offset)
        has_letter = here in letters
        replies = story.replies.get(sent.correlation_id or b"", ())
        expected = 1 if sent.correlation_id else 0
        assert len(replies) == expected, f"{len(replies)} replies to {sent}"
        if here in failed:  # it has both: the answer is that the service failed on it
            assert not replies or reply_of(replies[0]).code == "internal_error", replies
            continue
        is_unreadable = not replies or reply_of(replies[0]).body["operation"] is None
        assert has_letter == is_unreadable, f"dead letter: {has_letter} for {sent}"
    expected_replies = sum(sent.correlation_id is not None for sent in story.sent)
    assert sum(map(len, story.replies.values())) == expected_replies, "replies nobody asked for"


def no_step_has_two_effects(story: Story) -> None:
    for partner in story.ledgers:
        effects = [row for row in story.ledgers[partner] if row["effect"]]
        assert all(row["key"] for row in effects), "an effect without an idempotency key"
        keys = Counter((row["call"], row["key"]) for row in effects)
        assert not [key for key, count in keys.items() if count > 1]
    references = Counter(
        row["body"]["booking_reference"] for row in story.effects("inventory", "reserve")
    )
    assert not [each for each, count in references.items() if count > 1], "reserved twice"
    updates = Counter(
        message["data"].get("booking_id") for message in story.commands_of("update_booking")
    )
    intents = Counter(
        row["body"]["booking_id"] for row in story.effects("payment", "create-intent")
    )
    assert not [each for each, count in intents.items() if count > 1 + updates[each]], "paid twice"
    confirmed = Counter(row["answer"]["payment_intent_id"] for row in _charges(story))
    assert not [each for each, count in confirmed.items() if count > 1], "charged twice"


def no_two_active_bookings_share_a_slot(story: Story) -> None:
    active = [row for row in story.bookings.values() if row["status"] in ACTIVE]
    holders = [
        (str(row["venue_id"]), row["inventory_item_id"], row["booking_time"], row["end_time"])
        for row in active
    ]
    claims = [
        (row["venue_id"], row["item"], row["starts_at"], row["ends_at"]) for row in story.claims
    ]
    for held in (holders, claims):
        for at_venue in _by_venue(held):
            for one, other in itertools.combinations(at_venue, 2):
                assert not _collide(one, other), f"sold twice: {one} and {other}"
    claimed = {row["booking_id"] for row in story.claims}
    assert claimed == {str(row["id"]) for row in active}, "claims are those of active bookings"


def no_slot_was_ever_held_twice(story: Story) -> None:
    """Not even for the moments until one of the two was cancelled or expired."""
    held: defaultdict[str, list[_Spell]] = defaultdict(list)
    for booking_id in story.bookings:
        for venue, spell in _spells(story.events_of(booking_id)):
            held[venue].append(spell)
    for spells in held.values():
        for one, other in itertools.combinations(spells, 2):
            if one.booking_id != other.booking_id and one.meets(other):
                assert not _collide(one.held, other.held), f"sold twice: {one} and {other}"


def everything_reserved_belongs_to_an_active_booking(story: Story) -> None:
    expected = {
        row["inventory_reservation_id"]: (
            str(row["venue_id"]),
            row["inventory_item_id"],
            row["booking_time"],
            row["end_time"],
        )
        for row in story.bookings.values()
        if row["status"] in ACTIVE
    }
    standing = {
        reservation_id: (
            hold["venue_id"],
            hold["inventory_item_id"],
            datetime.fromisoformat(hold["starts_at"]),
            datetime.fromisoformat(hold["ends_at"]),
        )
        for reservation_id, hold in story.reservations.items()
    }
    lost = {id_: held for id_, held in expected.items() if standing.get(id_) != held}
    assert not lost, f"{lost} stand otherwise: {[standing.get(id_) for id_ in lost]}"
    nobodys = {id_: held for id_, held in standing.items() if id_ not in expected}
    assert not nobodys, f"held for nobody: {nobodys}"


def everything_charged_belongs_to_a_booking_that_keeps_it(story: Story) -> None:
    named = _refunds_named(story)
    kept: defaultdict[str, Decimal] = defaultdict(Decimal)
    for intent in story.intents.values():
        if intent["status"] == "succeeded":
            kept[intent["booking_id"]] += Decimal(intent["amount"])
            kept[intent["booking_id"]] -= Decimal(intent["amount_refunded"])
    for booking_id, amount in kept.items():
        row = story.bookings.get(booking_id)
        assert row is not None or not amount, f"{amount} kept for no booking"
        if row is None:
            continue
        keeps_nothing = row["status"] in {"pending", "expired"} or _is_wholly_refunded(row, named)
        assert not keeps_nothing or not amount, f"{amount} kept: {row}"
        if row["payment_status"] != "at_venue":
            assert amount == row["amount_paid"] - row["amount_refunded"], dict(row)


def versions_have_no_gaps(story: Story) -> None:
    identities = Counter(event.body["event_id"] for event in story.events)
    assert set(identities.values()) <= {1}, "an event was published twice"
    told: defaultdict[str, list[int]] = defaultdict(list)
    for event in story.events:
        told[event.payload["booking_id"]].append(event.payload["booking_version"])
    for booking_id, row in story.bookings.items():
        versions = told[booking_id]
        assert versions == sorted(versions), f"out of order: {versions}"
        assert sorted(set(versions)) == list(range(1, row["version"] + 1)), (versions, dict(row))


def the_events_tell_what_the_database_holds(story: Story) -> None:
    told = {event.payload["booking_id"]: event.payload for event in story.events}
    assert told.keys() == story.bookings.keys()
    for booking_id, payload in told.items():
        row = story.bookings[booking_id]
        differing = [
            name
            for name in _SAME.split()
            if _plain(payload[name], row[name]) != _plain(row[name], None)
        ]
        assert not differing, [(name, payload[name], row[name]) for name in differing]


def every_transition_is_legal(story: Story) -> None:
    last: dict[str, str | None] = {}
    for change in story.history:
        booking_id, came_from = str(change["booking_id"]), change["from_status"]
        assert came_from == last.get(booking_id), f"broken history: {dict(change)}"
        assert change["to_status"] in TRANSITIONS.get(came_from, ()), dict(change)
        last[booking_id] = change["to_status"]
    assert last == {id_: row["status"] for id_, row in story.bookings.items()}
    for event in story.events:
        if event.type == "booking.status_changed":
            payload = event.payload
            assert payload["to_status"] in TRANSITIONS[payload["from_status"]], payload


def nothing_personal_and_no_token_is_where_it_must_not_be(story: Story) -> None:
    for event in story.events:
        everything = _bytes(event.record)
        assert PERSONAL.encode() not in everything, everything
        assert not TOKEN.search(everything), everything
    sent = {(one.topic, one.partition, one.offset) for one in story.sent}
    for record in (*story.dead_letters, *_ours(story.commands, sent)):
        headers = b"".join(value or b"" for _, value in record.headers)
        assert header(record, "authorization") is None
        assert not TOKEN.search(headers)
    assert PERSONAL not in story.logs
    assert not TOKEN.search(story.logs.encode())


def every_decided_command_is_audited_once(story: Story) -> None:
    """And every chain is what was written, under the key that houses have in development."""
    decided = Counter(
        (*who(load_principal(row["principal"])), row["command_id"]) for row in story.decided
    )
    told = Counter(
        (row["role"], row["subject"], str(row["message_id"]))
        for row in story.audit
        if row["kind"] == "command"
    )
    assert told == decided, f"only decided: {decided - told}, only told: {told - decided}"
    verifier = Verifier(AuditSection().value)
    broken = [found for row in story.audit if (found := verifier.take(_hashed(row)))]
    assert not broken, broken[0]
    assert PERSONAL not in str(story.audit)


def no_worker_had_a_bug(story: Story) -> None:
    for line in story.logs.splitlines():
        assert '"level": "error"' not in line, line
        assert not line.startswith("Traceback"), story.logs


RULES: Final[Sequence[Callable[[Story], None]]] = (
    everything_sent_has_exactly_one_answer,
    no_step_has_two_effects,
    no_two_active_bookings_share_a_slot,
    no_slot_was_ever_held_twice,
    everything_reserved_belongs_to_an_active_booking,
    everything_charged_belongs_to_a_booking_that_keeps_it,
    versions_have_no_gaps,
    the_events_tell_what_the_database_holds,
    every_transition_is_legal,
    nothing_personal_and_no_token_is_where_it_must_not_be,
    every_decided_command_is_audited_once,
    no_worker_had_a_bug,
)

_Held = tuple[str, str | None, datetime, datetime]


def _by_venue(held: Sequence[_Held]) -> Iterable[Sequence[_Held]]:
    venues: defaultdict[str, list[_Held]] = defaultdict(list)
    for one in held:
        venues[one[0]].append(one)
    return venues.values()


def _collide(one: _Held, other: _Held) -> bool:
    """Whole-venue holds collide with each item of it; intervals are half-open."""
    same_unit = one[0] == other[0] and (one[1] == other[1] or None in (one[1], other[1]))
    return same_unit and one[2] < other[3] and other[2] < one[3]


@dataclass(frozen=True, slots=True)
class _Spell:
    """What a booking held from one version to the next."""

    booking_id: str
    held: _Held
    since: datetime
    until: datetime | None

    def meets(self, other: _Spell) -> bool:
        """Whether there was a moment that belongs to both."""
        return (self.until is None or other.since < self.until) and (
            other.until is None or self.since < other.until
        )


def _spells(events: Sequence[Event]) -> Iterable[tuple[str, _Spell]]:
    """With their venues. A version's moment is when its command was begun in the venue's lane."""
    versions = {event.payload["booking_version"]: event.payload for event in events}
    in_order = [versions[number] for number in sorted(versions)]
    for told, following in itertools.zip_longest(in_order, in_order[1:]):
        if told["status"] not in ACTIVE:
            continue
        starts, ends = (datetime.fromisoformat(told[name]) for name in ("booking_time", "end_time"))
        venue = told["venue_id"]
        yield (
            venue,
            _Spell(
                told["booking_id"],
                (venue, told["inventory_item_id"], starts, ends),
                datetime.fromisoformat(told["updated_at"]),
                datetime.fromisoformat(following["updated_at"]) if following else None,
            ),
        )


def _refunds_named(story: Story) -> set[str]:
    """The bookings that somebody wanted another refund for than the policy's."""
    ends = (*story.commands_of("cancel_booking"), *story.commands_of("update_booking_status"))
    asked = [message.get("data") for message in ends]
    return {
        str(data.get("booking_id"))
        for data in asked
        if isinstance(data, dict) and "refund_amount" in data
    }


def _is_wholly_refunded(row: Row, named: set[str]) -> bool:
    """Cancelled in good time, and nobody named an amount; these houses have no policy of theirs."""
    return (
        row["status"] == "cancelled"
        and row["cancelled_at"] < row["booking_time"]
        and str(row["id"]) not in named
    )


def _charges(story: Story) -> list[Row]:
    charges = story.effects("payment", "confirm-intent")
    return [row for row in charges if (row["answer"] or {}).get("status") == "succeeded"]


def _source(letter: Seen) -> tuple[str, int, int]:
    told = {name: (value or b"").decode("latin-1") for name, value in letter.headers}
    return (
        told["dlq_source_topic"],
        int(told["dlq_source_partition"]),
        int(told["dlq_source_offset"]),
    )


def _ours(commands: Sequence[Seen], sent: set[tuple[str, int, int]]) -> list[Seen]:
    """The commands that no client sent: forwarded copies and the service's own."""
    return [r for r in commands if (r.topic, r.partition, r.offset) not in sent]


def _plain(value: object, like: object) -> object:
    """A value of a message as the database's own type, or either as something comparable."""
    if isinstance(value, str) and isinstance(like, datetime):
        return datetime.fromisoformat(value)
    if isinstance(value, str) and isinstance(like, Decimal):
        return Decimal(value)
    return value if isinstance(value, datetime | timedelta | Decimal | int | None) else str(value)


def _hashed(row: Row) -> AuditRow:
    """The values as they are hashed."""
    return {
        name: value
        if value is None or isinstance(value, str | int)
        else instant_text(value)
        if isinstance(value, datetime)
        else str(value)
        for name, value in row.items()
    }


def _bytes(record: Seen) -> bytes:
    headers = b"".join(name.encode() + (value or b"") for name, value in record.headers)
    return (record.key or b"") + (record.value or b"") + headers
