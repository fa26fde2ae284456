"""The commands of the matrix: what goes before each, how it begins, and when it has ended."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from adapters.kafka.partitioning import home_partition
from adapters.kafka.topics import PARTITIONS
from app.demo.partners.faults import Fault, Kind
from app.demo.partners.service import Json
from tests.service.asking import book, book_and_pay, events_of, move
from tests.service.builders import PERSONAL, a_create, in_hours
from tests.service.callers import Caller, a_guest
from tests.service.client import Sent
from tests.service.house import House
from tests.service.waiting import until


@dataclass(slots=True)
class Subject:
    """One venue with one guest, and the booking of theirs that the command is about."""

    venue: str
    guest: Caller = field(default_factory=a_guest)
    booking: Json = field(default_factory=dict)
    sent: Sent | None = None

    @property
    def id(self) -> str:
        return str(self.booking["id"])


Step: TypeAlias = Callable[[House, Subject], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Story:
    """`calls` are the partner calls of the command, so that nobody watches another one."""

    prepare: Step
    begin: Step
    ended: Step
    needle: Callable[[Subject], str]  # in the value of the command's record, and of no other
    calls: frozenset[str]
    batches: int = 1  # with the needle in it


async def nothing(house: House, subject: Subject) -> None:
    """A create needs nothing."""


async def booked(house: House, subject: Subject) -> None:
    subject.booking = await book(house, subject.guest, subject.venue)


async def paid(house: House, subject: Subject) -> None:
    subject.booking = await book_and_pay(house, subject.guest, subject.venue)


async def paid_unheard(house: House, subject: Subject) -> None:
    """Pending here, while the guest has paid by the client secret."""
    await booked(house, subject)
    intent = subject.booking["payment_intent_id"]
    house.partners.payment.service.configure(f"/_intents/{intent}", {"status": "succeeded"})


def owing(desk: str, call: str) -> Step:
    """Paid and cancelled, while this call was turned away; it is due when the test says so."""

    async def prepare(house: House, subject: Subject) -> None:
        await paid(house, subject)
        where = {"booking_id": subject.id} if desk == "payment" else _named(subject)
        refused = Fault(Kind.ERROR, call, where, status=403)
        getattr(house.partners, desk).faults.add(refused)
        await move(house, subject.guest, subject.id, "cancelled", reason=f"{PERSONAL} reasons")
        await house.rows(
            "update undo set due_at = now() + interval '1 day' where venue_id = $1", subject.venue
        )

    return prepare


def _named(subject: Subject) -> dict[str, Any]:
    return {"booking_reference": subject.booking["booking_reference"]}


def sending(type_: str, data: Callable[[Subject], Json], *, astray: bool = False) -> Step:
    """To the venue's home, or far from it."""

    async def begin(house: House, subject: Subject) -> None:
        home = home_partition(subject.venue.encode(), PARTITIONS)
        subject.sent = await house.client.send_command(
            subject.guest,
            type_,
            data(subject),
            partition=(home + PARTITIONS // 2) % PARTITIONS if astray else home,
        )

    return begin


def due(sql: str) -> Step:
    """The sweeper finds it."""

    async def begin(house: House, subject: Subject) -> None:
        await house.rows(sql, subject.venue)

    return begin


async def answered(house: House, subject: Subject) -> None:
    assert subject.sent is not None
    await house.client.reply_to_sent(subject.sent)


def having_events(count: int) -> Step:
    async def ended(house: House, subject: Subject) -> None:
        await events_of(house, subject.id, count)

    return ended


async def settled(house: House, subject: Subject) -> None:
    async def none_is_owed() -> bool:
        return not await house.rows(
            "select 1 from undo where venue_id = $1 and done_at is null", subject.venue
        )

    await until(none_is_owed)


def _about_booking(subject: Subject) -> str:
    return subject.id


CREATE = Story(
    nothing,
    sending("create_booking", lambda s: a_create(s.venue)),
    answered,
    lambda s: s.venue,
    frozenset({"CheckCapacity", "GetQuote", "ReserveInventory", "CreateIntent"}),
)
UPDATE = Story(
    paid,
    sending(
        "update_booking",
        lambda s: {
            "booking_id": s.id,
            "expected_version": 2,
            "booking_time": in_hours(49),
            "party_size": 1,
        },
    ),
    answered,
    _about_booking,
    frozenset({"GetQuote", "UpdateReservation", "RefundPayment"}),
)
CANCEL = Story(
    paid,
    sending("cancel_booking", lambda s: {"booking_id": s.id, "reason": f"{PERSONAL} reasons"}),
    answered,
    _about_booking,
    frozenset({"ReleaseInventory", "RefundPayment"}),
)
CANCEL_PAID_UNHEARD = replace(
    CANCEL, prepare=paid_unheard, calls=frozenset({"FindIntent", *CANCEL.calls})
)
CONFIRM = Story(
    booked,
    sending("update_booking_status", lambda s: {"booking_id": s.id, "status": "confirmed"}),
    answered,
    _about_booking,
    frozenset({"FindIntent", "ConfirmIntent"}),
)
FORWARDED = replace(
    CONFIRM,
    begin=sending(
        "update_booking_status",
        lambda s: {"booking_id": s.id, "status": "confirmed"},
        astray=True,
    ),
    batches=2,
)
EXPIRY = Story(
    paid_unheard,
    due("update bookings set sweep_at = now() - interval '1 hour' where venue_id = $1"),
    having_events(3),
    _about_booking,
    frozenset({"FindIntent", "ReleaseInventory", "RefundPayment"}),
)
UNDO_REFUND = Story(
    owing("payment", "refund"),
    due("update undo set due_at = now() - interval '1 hour' where venue_id = $1"),
    having_events(6),
    _about_booking,
    frozenset({"RefundPayment"}),
)
UNDO_RELEASE = Story(
    owing("inventory", "release"),
    due("update undo set due_at = now() - interval '1 hour' where venue_id = $1"),
    settled,
    _about_booking,
    frozenset({"ReleaseInventory"}),
)
