"""Commands' ends, written into the tables in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from domain.effects import ClaimSlot, SlotTaken
from domain.lifecycle import Status
from domain.outcome import Claims
from handlers.ports import BookingWrite, HistoryRow, Overtaken, PromiseBroken, Recording
from tests.fakes.keys import written_with
from tests.fakes.tables import StandingUndo, Sweep, Tables


def record(tables: Tables, recordings: Sequence[Recording]) -> None:
    for recording in recordings:
        _end(tables, recording)
        if recording.write:
            _write(tables, recording.write)
    _drop_claims(tables, recordings)
    for recording in recordings:
        _replace_claims(tables, recording)
        _write_undo(tables, recording)
        if again := recording.sweep_again:
            sweep = tables.sweeps[again.booking_id]
            due_at = None if sweep.due_at is None else again.due_at
            tables.sweeps[again.booking_id] = Sweep(due_at, again.attempt)


def _end(tables: Tables, recording: Recording) -> None:
    if recording.row_id in tables.outcomes:
        raise (PromiseBroken if recording.write else Overtaken)(
            f"command {recording.row_id} has an outcome already"
        )
    if recording.lies_at:
        tables.lay(recording.row_id, recording.lies_at)
    tables.outcomes[recording.row_id] = recording.outcome
    tables.recorded_at[recording.row_id] = recording.recorded_at
    tables.stories[recording.row_id] = recording.journal
    tables.journal = {
        key: body for key, body in tables.journal.items() if key[0] != recording.row_id
    }
    holder = tables.keys.get(recording.release_key) if recording.release_key else None
    if holder and holder.row_id == recording.row_id:
        del tables.keys[holder.key_id]


def _write(tables: Tables, write: BookingWrite) -> None:
    booking = write.booking
    standing = tables.bookings.get(booking.id)
    if (standing.version if standing else 0) != booking.version - 1:
        raise PromiseBroken(f"expected to find booking {booking.id} at {booking.version - 1}")
    tables.bookings[booking.id] = written_with(booking, write.key)
    pending = booking.status is Status.PENDING
    attempt = tables.sweeps[booking.id].attempt if standing else 0
    tables.sweeps[booking.id] = Sweep(booking.expires_at if pending else None, attempt)
    if write.history:
        row = HistoryRow(write.history, booking.version, booking.updated_at)
        tables.history[booking.id, booking.version] = row
        if write.history.reason is not None:
            assert write.key is not None, "a reason and no key to seal it"
            tables.reasons[booking.id, booking.version] = write.key.id


def _drop_claims(tables: Tables, recordings: Sequence[Recording]) -> None:
    moved = {
        each.write.booking.id
        for each in recordings
        if each.write and each.write.claims is not Claims.KEEP
    }
    dropped = {each.row_id for each in recordings if each.drop_claims}
    tables.claims = {
        claim_id: standing
        for claim_id, standing in tables.claims.items()
        if standing.claim.booking_id not in moved and standing.row_id not in dropped
    }


def _replace_claims(tables: Tables, recording: Recording) -> None:
    write = recording.write
    if not (write and write.claims is Claims.REPLACE and write.claim_id):
        return
    booking = write.booking
    claim = ClaimSlot(write.claim_id, booking.id, booking.venue.id, booking.hold.item, booking.slot)
    if isinstance(tables.claim(recording.row_id, claim), SlotTaken):
        raise PromiseBroken(f"the slot of {booking.id} is claimed by another booking")


def _write_undo(tables: Tables, recording: Recording) -> None:
    undo = tables.undo
    for owed in recording.owed:
        written = replace(owed, since=recording.recorded_at)
        undo.setdefault(owed.id, StandingUndo(written, recording.recorded_at))
    if recording.undo_done:
        undo[recording.undo_done] = replace(
            undo[recording.undo_done], done_at=recording.recorded_at
        )
    if again := recording.undo_again:
        standing = undo[again.undo_id]
        undo[again.undo_id] = replace(
            standing,
            undo=replace(standing.undo, attempt=again.attempt),
            due_at=again.due_at,
            detail=again.detail,
        )
