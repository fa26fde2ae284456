"""Whatever fails at whatever step, what was reserved or charged is owned, given back, or owed.

And what is owed converges: against partners that work again everything owed is settled, and then
every reservation belongs to an active booking and every charge to one that used it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from domain.booking import Booking
from domain.commands import (
    Asked,
    CancelBooking,
    Changes,
    ChangeStatus,
    Command,
    ExpireBooking,
    Moment,
    SettleUndo,
    UpdateBooking,
)
from domain.effects import (
    ChangingCall,
    FindBooking,
    FindUndo,
    PartnerAnswer,
)
from domain.lifecycle import Status
from domain.money import Money
from domain.outcome import Accepted, Ignored, Outcome, Rejected, Settled, StillOwed
from domain.principal import Admin, System
from domain.undo import Undo
from domain.workflows import workflow_for
from domain.workflows.undo_begun import undo_begun
from tests.builders import (
    BOOKING_ID,
    NOW,
    TOMORROW,
    VENUE_ID,
    a_create,
    at,
    eur,
    rules,
)
from tests.domain.ledger import Fault, Ledger

HOUSE = rules(check_in_early=timedelta(days=2), no_show_grace=timedelta(days=-2))


@dataclass(slots=True)
class World:
    """One booking, the partners, and what is owed to them."""

    ledger: Ledger
    booking: Booking | None = None
    owed: dict[UUID, Undo] = field(default_factory=dict)
    now: datetime = NOW

    def run(self, command: Command, moment: Moment) -> Outcome:
        """To its end, recorded as the lane would."""
        workflow = workflow_for(command, moment, HOUSE)
        try:
            asking = next(workflow)
            while True:
                asking = workflow.send(tuple(self._answer(effect) for effect in asking))
        except StopIteration as end:
            outcome: Outcome = end.value
            self._record(outcome)
            return outcome

    def crash(self, command: Command, moment: Moment, calls: int) -> None:
        """Die for good at the given call: made or not, its answer was not heard."""
        workflow = workflow_for(command, moment, HOUSE)
        begun: list[tuple[ChangingCall, PartnerAnswer | None]] = []
        try:
            asking = next(workflow)
            while True:
                answers = []
                for effect in asking:
                    answer = self._answer(effect)
                    if isinstance(effect, ChangingCall):
                        calls -= 1
                        begun.append((effect, answer if calls else None))
                        if not calls:
                            self._owe(undo_begun(begun, BOOKING_ID, VENUE_ID))
                            return
                    answers.append(answer)
                asking = workflow.send(tuple(answers))
        except StopIteration as end:
            self._record(end.value)

    def settle(self, later: timedelta) -> list[StillOwed]:
        """One round of everything owed, that much later; gives what is left and why."""
        self.now += later
        left = []
        for undo in list(self.owed.values()):
            asked = Asked(System(), UUID(int=undo.id.int ^ undo.attempt))
            command = SettleUndo(asked, undo.id, undo.booking_id, undo.attempt)
            outcome = self.run(command, at(self.now))
            if isinstance(outcome, StillOwed):
                left.append(outcome)
                self.owed[undo.id] = replace(undo, attempt=undo.attempt + 1)
            else:
                assert not isinstance(outcome, Ignored)
                del self.owed[undo.id]
        return left

    def _answer(self, effect: Any) -> Any:
        match effect:
            case FindBooking():
                return self.booking
            case FindUndo():
                return self.owed.get(effect.undo_id)
            case _:
                return self.ledger.answer(effect)

    def _record(self, outcome: Outcome) -> None:
        match outcome:
            case Accepted(booking=booking, owed=owed):
                before = self.booking.version if self.booking else 0
                assert booking.version == before + 1
                self.booking = booking
                self._owe(owed)
            case Rejected(owed=owed):
                self._owe(owed)
            case Settled(change=Accepted() as change):
                self._record(change)
            case _:
                pass

    def _owe(self, owed: tuple[Undo, ...]) -> None:
        self.owed |= {u.id: replace(u, since=self.now) for u in owed if u.id not in self.owed}

    def settle_to_the_end(self, faults: list[Fault]) -> list[StillOwed]:
        """A round that meets these faults, then what was on its way lands, then the partners work.

        A pending booking comes to its end; gives what is left long after that.
        """
        self.ledger.faults = iter(faults)
        self.settle(timedelta(seconds=5))
        self.ledger.heal()
        self.settle(timedelta(seconds=5))
        self.ledger.land()
        self.settle(timedelta(seconds=5))
        if self.booking is not None and self.booking.status is Status.PENDING:
            # What is left may wait for the booking's own end only.
            self.run(command_for("expire", 99, self.booking), at(self.now))
            self.settle(timedelta(seconds=5))
        self.settle(timedelta(hours=1))
        return self.settle(timedelta(hours=1))


ADMIN = Admin("admin-1")
_STATUS: Final = {
    "confirm": Status.CONFIRMED,
    "check_in": Status.CHECKED_IN,
    "complete": Status.COMPLETED,
    "no_show": Status.NO_SHOW,
}
_CHANGES: Final[dict[str, Callable[[int], Changes]]] = {
    "move": lambda n: Changes(booking_time=TOMORROW + timedelta(hours=n)),
    "fewer": lambda _: Changes(party_size=1),
    "more": lambda _: Changes(party_size=3),
    "another_item": lambda n: Changes(item=f"table-{n}"),
    "any_item": lambda _: Changes(item=None),
}
_WHAT = st.sampled_from([*_STATUS, *_CHANGES, "at_venue", "cancel", "cancel_some", "expire"])
_FAULTS = st.lists(st.sampled_from(list(Fault)), max_size=25)


def command_for(what: str, number: int, booking: Booking | None) -> Command:
    """The command as an admin sends it, or the sweeper, at the booking's present version."""
    asked = Asked(ADMIN, UUID(int=number))
    version = booking.version if booking else 1
    if what in _STATUS:
        return ChangeStatus(asked, BOOKING_ID, _STATUS[what])
    if what in _CHANGES:
        return UpdateBooking(asked, BOOKING_ID, version, _CHANGES[what](number))
    others: dict[str, Command] = {
        "create": a_create(ADMIN, asked=asked, item="table-4"),
        "at_venue": ChangeStatus(asked, BOOKING_ID, Status.CONFIRMED, payment="at_venue"),
        "cancel": CancelBooking(asked, BOOKING_ID),
        "cancel_some": CancelBooking(asked, BOOKING_ID, refund_amount="50"),
        "expire": ExpireBooking(Asked(System(), UUID(int=number)), BOOKING_ID, version),
    }
    return others[what]


def nothing_is_left_over(world: World) -> None:
    """Every reservation is an active booking's, every charge is used, or recorded as kept."""
    booking, ledger = world.booking, world.ledger
    active = booking is not None and booking.is_active
    own = booking.hold.reservation_id if booking is not None and active else None
    assert set(ledger.held) <= {own}
    for intent_id, charge in ledger.charges.items():
        kept = eur(0)
        if booking is not None and booking.payment.intent_id == intent_id:
            kept = _may_keep(booking, charge.net)
        assert charge.net <= kept, (intent_id, charge, booking)


def _may_keep(booking: Booking, net: Money) -> Money:
    if booking.status is Status.PENDING and not booking.payment.is_known:
        return net  # its confirmation or its end asks the intent
    return booking.payment.kept


@settings(max_examples=80, deadline=None)
@example(first=[], rest=[("confirm", [Fault.NONE, Fault.LATE]), ("fewer", [])], again=[])
@example(first=[], rest=[("confirm", [Fault.NONE, Fault.LATE]), ("cancel", [])], again=[])
@example(first=[], rest=[("more", [Fault.NONE] * 3 + [Fault.LATE])], again=[])
@example(first=[Fault.NONE] * 3 + [Fault.LATE], rest=[], again=[Fault.NONE, Fault.NO])
@example(
    first=[],
    rest=[("any_item", [Fault.LOST, Fault.REFUSED]), ("any_item", [Fault.LATE])],
    again=[],
)
@given(first=_FAULTS, rest=st.lists(st.tuples(_WHAT, _FAULTS), max_size=5), again=_FAULTS)
def test_what_fails_is_owned_given_back_or_owed_and_owed_converges(
    first: list[Fault], rest: list[tuple[str, list[Fault]]], again: list[Fault]
) -> None:
    world = World(Ledger.failing(first))
    outcomes = [world.run(command_for("create", 1, None), at())]
    for number, (what, faults) in enumerate(rest, start=2):
        world.ledger.faults = iter(faults)
        outcomes.append(world.run(command_for(what, number, world.booking), at()))
    event(f"owed: {len(world.owed)}")
    assert world.settle_to_the_end(again) == []
    assert not world.ledger.refused_refunds
    nothing_is_left_over(world)
    if world.booking is not None and world.booking.is_active:
        stands_in_the_ledger(world.booking, world.ledger)


def stands_in_the_ledger(booking: Booking, ledger: Ledger) -> None:
    """Inventory holds exactly what an active booking says, and payment what it says it paid."""
    held = ledger.held[booking.hold.reservation_id]
    assert (held.item, held.starts_at) == (booking.hold.item, booking.slot.starts_at)
    assert (held.party_size, held.minutes) == (booking.party_size, booking.slot.minutes)
    if booking.payment.intent_id is not None:
        assert ledger.charges[booking.payment.intent_id].net == booking.payment.kept


@settings(max_examples=50, deadline=None)
@given(
    before=st.lists(_WHAT, max_size=2),
    dying=st.one_of(st.just("create"), _WHAT),
    faults=_FAULTS,
    calls=st.integers(1, 4),
    ends=st.sampled_from(["cancel", "cancel_some"]),
)
@example(before=["confirm"], dying="cancel", faults=[Fault.LOST] * 2, calls=2, ends="cancel")
@example(before=["confirm"], dying="cancel", faults=[], calls=3, ends="cancel_some")
@example(before=["confirm"], dying="cancel_some", faults=[Fault.LOST] * 2, calls=2, ends="cancel")
@example(before=["confirm"], dying="fewer", faults=[], calls=3, ends="cancel")
def test_a_command_that_died_for_good_leaves_nothing_over(
    before: list[str], dying: str, faults: list[Fault], calls: int, ends: str
) -> None:
    world = World(Ledger.failing(()))
    if dying != "create":
        for number, what in enumerate(["create", *before], start=1):
            world.run(command_for(what, number, world.booking), at())
    world.ledger.faults = iter(faults)
    world.crash(command_for(dying, 50, world.booking), at(), calls)
    world.settle_to_the_end([])
    if world.booking is not None and world.booking.is_active:
        # What a booking still stands on, and may have lost already, is made certain by its end.
        world.run(command_for(ends, 98, world.booking), at(world.now))
        world.settle(timedelta(seconds=5))
        world.settle(timedelta(hours=1))
    nothing_is_left_over(world)
    the_books_are_right(world)


def the_books_are_right(world: World) -> None:
    """What the booking says that it paid and got back is what the payment service says."""
    booking = world.booking
    if booking is None or booking.payment.intent_id is None or not booking.payment.is_known:
        return
    if booking.status in (Status.CANCELLED, Status.EXPIRED):
        assert world.ledger.charges[booking.payment.intent_id].net == booking.payment.kept
        assert not world.owed
