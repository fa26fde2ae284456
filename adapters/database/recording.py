"""What ended commands write: one statement per table for the whole wave."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import column

from adapters.database.booking_rows import booking_row, history_row
from adapters.database.claims import Claim, ClaimTable
from adapters.database.column_types import KNOWN_ID
from adapters.database.command_rows import coordinates_row, outcome_row
from adapters.database.documents import Documents
from adapters.database.session import Session
from adapters.database.tables import (
    booking_history,
    bookings,
    claims,
    commands,
    idempotency_keys,
    journal,
    outcomes,
    undo,
)
from adapters.database.undo_rows import sealed_owed
from domain.effects import ClaimSlot
from domain.outcome import Claims
from handlers.ports import BookingWrite, Overtaken, PromiseBroken, Recording, Sealer


class Recorder:
    """Writes what a wave of commands ended in, inside a transaction of the caller's."""

    def __init__(self, documents: Documents, claim_table: ClaimTable, sealer: Sealer) -> None:
        self._sealer = sealer
        self._claim_table = claim_table
        self._outcomes = documents.insert(outcomes)
        self._end_journal = documents.delete(
            journal,
            journal.c.row_id,
            returning=[column("row_id", KNOWN_ID), journal.c.sequence],
        )
        self._first_versions = documents.insert(
            bookings,
            leaving_out=["sweep_attempt"],
            conflict="(id) do nothing",
            returning=[column("id", KNOWN_ID)],
        )
        self._next_versions = documents.update(
            bookings,
            bookings.c.id,
            [each.name for each in bookings.c if each.name not in {"id", "sweep_attempt"}],
            only_if="bookings.version = r.version - 1",
            returning=[column("id", KNOWN_ID)],
        )
        self._history = documents.insert(booking_history)
        self._free_claims = documents.delete(claims, claims.c.booking_id)
        self._drop_claims = documents.delete(claims, claims.c.row_id)
        self._release_keys = documents.delete_in_order(
            idempotency_keys, idempotency_keys.c.key_id, idempotency_keys.c.row_id
        )
        place = ("topic", "partition", "log_offset", "timestamp_ms")
        stands, lies = (", ".join(f"{of}.{name}" for name in place) for of in ("commands", "r"))
        self._lay = documents.update(
            commands, commands.c.row_id, place, only_if=f"({stands}) <> ({lies})"
        )
        self._owe = documents.insert(undo, conflict="(id) do nothing")
        self._undo_done = documents.update(undo, undo.c.id, ["done_at"])
        self._undo_again = documents.update(undo, undo.c.id, ["attempt", "due_at", "detail"])
        self._sweep_again = documents.update(
            bookings,
            bookings.c.id,
            ["sweep_at", "sweep_attempt"],
            only_if="bookings.sweep_at is not null",
        )

    async def record(self, session: Session, recordings: Sequence[Recording]) -> None:
        # Keys before journals, as whoever meets a key does it, or two lanes could wait in a ring.
        await session.run(
            self._release_keys,
            [
                {"key_id": each.release_key, "row_id": each.row_id}
                for each in recordings
                if each.release_key
            ],
        )
        await self._end_journals(session, recordings)
        await session.run(
            self._lay,
            [
                {"row_id": each.row_id, **coordinates_row(each.lies_at)}
                for each in recordings
                if each.lies_at
            ],
        )
        await session.run(self._outcomes, [outcome_row(each) for each in recordings])
        writes = [each.write for each in recordings if each.write is not None]
        await self._write_bookings(session, writes)
        await self._move_claims(session, recordings)
        await self._write_undo(session, recordings)
        again = [each.sweep_again for each in recordings if each.sweep_again]
        await session.run(
            self._sweep_again,
            [
                {"id": each.booking_id, "sweep_at": each.due_at, "sweep_attempt": each.attempt}
                for each in again
            ],
        )

    async def _end_journals(self, session: Session, recordings: Sequence[Recording]) -> None:
        """A command's first entry is deleted once, so that no command ends twice: outcomes lie in
        partitions, and no key over all of them could see to it.
        """
        ending = [each.row_id for each in recordings]
        entries = await session.run(self._end_journal, [{"row_id": each} for each in ending])
        under_way = [entry.row_id for entry in entries if entry.sequence == 0]
        if len(under_way) < len(ending) and (ended := set(ending) - set(under_way)):
            changes = any(each.write for each in recordings if each.row_id in ended)
            raise (PromiseBroken if changes else Overtaken)(
                f"the commands {_listed(ended)} are not under way, or have ended"
            )

    async def _write_bookings(self, session: Session, writes: Sequence[BookingWrite]) -> None:
        if len({write.booking.id for write in writes}) < len(writes):
            raise PromiseBroken("one booking is written twice in one wave")
        new = [
            booking_row(write.booking, write.key) for write in writes if write.booking.version == 1
        ]
        changed = [
            booking_row(write.booking, write.key) for write in writes if write.booking.version > 1
        ]
        written = [
            *await session.run(self._first_versions, new),
            *await session.run(self._next_versions, changed),
        ]
        if len(written) < len(writes):
            expected = {write.booking.id: write.booking.version for write in writes}
            missing = expected.keys() - {row.id for row in written}
            named = ", ".join(f"{each} at {expected[each] - 1}" for each in sorted(missing))
            raise PromiseBroken(f"expected to find booking(s) {named}, found another version")
        await session.run(
            self._history,
            [
                history_row(write.booking, write.history, write.key)
                for write in writes
                if write.history
            ],
        )

    async def _move_claims(self, session: Session, recordings: Sequence[Recording]) -> None:
        """All that go first, then what takes their place: one booking may give way to another."""
        ended = [
            each.write.booking.id
            for each in recordings
            if each.write and each.write.claims is not Claims.KEEP
        ]
        await session.run(self._free_claims, [{"booking_id": each} for each in ended])
        await session.run(
            self._drop_claims, [{"row_id": each.row_id} for each in recordings if each.drop_claims]
        )
        final = list(_final_claims(recordings))
        held = await self._claim_table.insert(session, final)
        if lost := {claim.booking_id for _, claim in final if claim.claim_id not in held}:
            raise PromiseBroken(f"the slots of {_listed(lost)} are claimed by other bookings")

    async def _write_undo(self, session: Session, recordings: Sequence[Recording]) -> None:
        await session.run(
            self._owe,
            [
                {
                    "id": owed.id,
                    "booking_id": owed.booking_id,
                    "venue_id": owed.venue_id,
                    "owed": sealed_owed(owed.id, owed.owed, self._sealer),
                    "attempt": owed.attempt,
                    "due_at": each.recorded_at,
                    "created_at": each.recorded_at,
                }
                for each in recordings
                for owed in each.owed
            ],
        )
        await session.run(
            self._undo_done,
            [
                {"id": each.undo_done, "done_at": each.recorded_at}
                for each in recordings
                if each.undo_done
            ],
        )
        again = [each.undo_again for each in recordings if each.undo_again]
        await session.run(
            self._undo_again,
            [
                {
                    "id": each.undo_id,
                    "attempt": each.attempt,
                    "due_at": each.due_at,
                    "detail": each.detail,
                }
                for each in again
            ],
        )


def _final_claims(recordings: Iterable[Recording]) -> Iterable[Claim]:
    for each in recordings:
        write = each.write
        if write and write.claims is Claims.REPLACE and write.claim_id:
            booking = write.booking
            yield (
                each.row_id,
                ClaimSlot(
                    write.claim_id, booking.id, booking.venue.id, booking.hold.item, booking.slot
                ),
            )


def _listed(ids: Iterable[UUID]) -> str:
    return ", ".join(str(each) for each in sorted(ids))
