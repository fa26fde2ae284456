"""An open lane, and the rows that the tests write through it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from adapters.database.database import Database
from domain.booking import Booking
from domain.effects import Claimed, ClaimSlot, SlotTaken
from domain.outcome import Claims, StatusChange
from handlers.ports import (
    BookingWrite,
    Coordinates,
    KeyClaim,
    LaneTransaction,
    Recording,
    Start,
    StoredOutcome,
)
from tests.builders import NOW, VENUE_ID, a_booking, a_slot
from tests.fakes.database import FakeDatabase

TOPIC: Final = "booking.commands"
PARTITION: Final = 3


@dataclass(frozen=True, slots=True)
class Lane:
    database: Database | FakeDatabase
    epoch: int

    @classmethod
    async def opened(cls, database: Database | FakeDatabase) -> Lane:
        return cls(database, (await database.lanes.open_lane(TOPIC, PARTITION)).epoch)

    def transaction(self) -> AbstractAsyncContextManager[LaneTransaction]:
        return self.database.lanes.transaction(TOPIC, {PARTITION: self.epoch})

    async def started(self, **fields: Any) -> Start:
        """A command that was started and committed."""
        start = a_start(**fields)
        async with self.transaction() as transaction:
            assert await transaction.start([start]) == {start.row_id}
        return start

    async def recorded(
        self, booking: Booking, history: StatusChange | None = None, **fields: Any
    ) -> Recording:
        """A command of its own that wrote this version of the booking."""
        start = await self.started()
        write = BookingWrite(booking, history, Claims.KEEP, None)
        recording = a_recording(start, **({"write": write} | fields))
        await self.record([recording])
        return recording

    async def record(self, recordings: Sequence[Recording]) -> None:
        """What is personal is sealed with keys of its guests."""
        async with self.transaction() as transaction:
            await record(transaction, recordings)

    async def claimed(self, *claims: ClaimSlot) -> list[bool]:
        """Which of them were granted, in one transaction; each of a command of its own."""
        async with self.transaction() as transaction:
            answers = await transaction.claim([(uuid4(), claim) for claim in claims])
        return [isinstance(answer, Claimed) for answer in answers]

    async def claim(self, claim: ClaimSlot, row_id: UUID | None = None) -> Claimed | SlotTaken:
        async with self.transaction() as transaction:
            (answer,) = await transaction.claim([(row_id or uuid4(), claim)])
        return answer


async def record(transaction: LaneTransaction, recordings: Sequence[Recording]) -> None:
    """What is personal in them sealed with keys of its guests."""
    await transaction.record([await _sealed(transaction, each) for each in recordings])


async def _sealed(transaction: LaneTransaction, recording: Recording) -> Recording:
    write = recording.write
    if write is None:
        return recording
    guest_id = write.booking.contact.guest_id
    keys = (await transaction.guest_keys({guest_id: NOW + timedelta(hours=1)}, NOW)).keys
    return replace(recording, write=replace(write, key=keys.get(guest_id)))


def coordinates(offset: int = 7, **fields: Any) -> Coordinates:
    return replace(Coordinates(TOPIC, PARTITION, offset, 1_780_000_000_000 + offset), **fields)


def a_start(**fields: Any) -> Start:
    start = Start(
        row_id=uuid4(),
        principal='{"kind": "Admin", "id": "admin-1"}',
        command_id=uuid4(),
        operation="create_booking",
        content_hash="ab" * 32,
        coordinates=coordinates(),
        origin=coordinates(topic="booking.commands.old", offset=5),
        sent=NOW,
        decided=NOW + timedelta(milliseconds=1),
        run=0,
        booking_id=uuid4(),
        booking_reference="BR-20260602-ABCDEFGH",
        reply_route='{"topic": "booking.replies"}',
        key_id=uuid4(),
    )
    return replace(start, **fields)


def an_outcome(**fields: Any) -> StoredOutcome:
    outcome = StoredOutcome(201, None, '{"status": 201, "name": "Zoë \\u0000"}', "[]", None)
    return replace(outcome, **fields)


def a_recording(start: Start, **fields: Any) -> Recording:
    recording = Recording(start.row_id, PARTITION, an_outcome(), "[]", NOW)
    return replace(recording, **fields)


def a_key(**fields: Any) -> KeyClaim:
    return replace(KeyClaim(uuid4(), uuid4(), "cd" * 32, NOW, NOW + timedelta(hours=24)), **fields)


def a_claim(**fields: Any) -> ClaimSlot:
    """Of table 4 for two hours tomorrow; its own booking."""
    claim = ClaimSlot(uuid4(), uuid4(), VENUE_ID, "table-4", a_slot())
    return replace(claim, **fields)


def another_booking(**fields: Any) -> Booking:
    """With an id and a reference of its own."""
    booking_id = uuid4()
    own: dict[str, Any] = {"id": booking_id, "reference": f"BR-{booking_id.hex[:12]}"}
    return a_booking(**(own | fields))
