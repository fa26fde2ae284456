"""What has to hold of every world that has come to rest, whatever happened on the way."""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal
from itertools import combinations
from uuid import UUID

from domain.booking import PaymentStatus
from domain.lifecycle import ACTIVE, Status
from domain.undo import RefundOwed, ReleaseOwed
from handlers.audit import who
from handlers.audit_chain import Verifier
from schemas.stored import load_principal
from tests.handlers.world import AUDIT_KEYS, World

_PAID_FOR = ACTIVE | {Status.COMPLETED, Status.NO_SHOW}


def assert_sound(world: World, *commands: UUID) -> None:
    """`commands` are those that clients sent, each with an id of its own."""
    replied = Counter(reply.headers["correlation_id"] for reply in world.replies)
    assert {each: replied[str(each).encode()] for each in commands} == dict.fromkeys(commands, 1)
    assert_claims_are_of_active_bookings(world)
    assert_nothing_is_held_for_nobody(world)
    assert_no_money_is_kept_for_nobody(world)
    assert_events_tell_every_version(world)
    assert_every_key_is_settled(world)
    assert_every_end_is_audited_once(world)


def assert_claims_are_of_active_bookings(world: World) -> None:
    claims = [standing.claim for standing in world.database.tables.claims.values()]
    for one, other in combinations(claims, 2):
        assert (
            one.venue_id != other.venue_id
            or (one.item is not None and other.item is not None and one.item != other.item)
            or not one.slot.overlaps(other.slot)
        ), f"two claims at once: {one} and {other}"
    active = {each.id for each in world.bookings.values() if each.status in ACTIVE}
    assert {claim.booking_id for claim in claims} == active


def assert_nothing_is_held_for_nobody(world: World) -> None:
    held = set(world.partners.held)
    stood_on = {b.hold.reservation_id for b in world.bookings.values() if b.status in ACTIVE}
    assert stood_on <= held, "a booking without its reservation"
    for reservation_id in held - stood_on:
        reference = world.partners.held[reservation_id].reserve.booking_reference
        assert any(
            isinstance(owed, ReleaseOwed)
            and (owed.reservation_id == reservation_id or owed.booking_reference == reference)
            for owed in _owed(world)
        ), f"{reservation_id} is held for nobody"


def assert_no_money_is_kept_for_nobody(world: World) -> None:
    stood_on = {b.payment.intent_id for b in world.bookings.values() if b.status in _PAID_FOR}
    for intent_id, charge in world.partners.charges.items():
        kept = charge.create.amount.amount - charge.refunded
        if charge.status is PaymentStatus.SUCCEEDED and kept > Decimal(0):
            assert intent_id in stood_on or any(
                isinstance(owed, RefundOwed) and owed.intent_id == intent_id
                for owed in _owed(world)
            ), f"{intent_id} keeps {kept} for nobody"


def assert_events_tell_every_version(world: World) -> None:
    versions: defaultdict[str, list[int]] = defaultdict(list)
    ids = [event["event_id"] for event in world.events]
    assert len(set(ids)) == len(ids), "an event twice"
    for event in world.events:
        payload = event["payload"]
        if payload["booking_version"] not in versions[payload["booking_id"]]:
            versions[payload["booking_id"]].append(payload["booking_version"])
    expected = {str(id_): list(range(1, b.version + 1)) for id_, b in world.bookings.items()}
    assert versions == expected


def assert_every_key_is_settled(world: World) -> None:
    tables = world.database.tables
    for key in tables.keys.values():
        assert key.row_id in tables.outcomes, "a key of a command that never ended"


def assert_every_end_is_audited_once(world: World) -> None:
    """And the chains are what was written."""
    tables, verifier = world.database.tables, Verifier(AUDIT_KEYS)
    assert [broken for row in world.audited() if (broken := verifier.take(row))] == []
    starts = [tables.starts[row_id] for row_id in tables.outcomes]
    ended = Counter((who(load_principal(s.principal)), str(s.command_id)) for s in starts)
    told = Counter(
        ((row["role"], row["subject"]), row["message_id"]) for row in world.audited("command")
    )
    assert told == ended


def _owed(world: World) -> list[object]:
    return [s.undo.owed for s in world.database.tables.undo.values() if not s.is_done]
