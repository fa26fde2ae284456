"""How a command's end is written and published: its reply, its events, and what stands of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain
from uuid import UUID

from domain.outcome import Accepted, Erased, Ignored, Rejected, Settled, StillOwed
from domain.rules import Rules
from handlers.acceptances import Acceptances
from handlers.announcing import Announcer
from handlers.audit import Auditor, decided
from handlers.begun import Again, End, Follows
from handlers.closings import Closing, guest_of, lies_at, settling, undo_again
from handlers.dead_letter import DeadLetters
from handlers.ended import Ended
from handlers.failures import Failures
from handlers.item import Item
from handlers.ports import AuditEntry, GuestKeys, LaneTransaction, Recording, Sealer
from handlers.rounds import Failed
from handlers.sealing import KeyTopic, keys_for
from handlers.unchanged import abandoned, again_of, erased, refused, repeated, silent

_STEP = 40
"""Closings whose changes are recorded step by step beside each other: of many more than that the
next step finds nothing in the processor's cache any more (5 µs a create with 200)."""


class Recorder:
    """Turns ends into what is stored; the outputs are added to the commands' items."""

    def __init__(
        self, prefix: str, rules: Rules, sealer: Sealer, letters: DeadLetters, auditor: Auditor
    ) -> None:
        self._auditor = auditor
        self.key_topic = KeyTopic(f"{prefix}.guest-keys")
        announcer = Announcer(f"{prefix}.events", sealer)
        self._acceptances = Acceptances(announcer, self.key_topic, rules)
        self._failures = Failures(letters, self.key_topic)

    async def record(
        self,
        transaction: LaneTransaction,
        closings: Sequence[Closing],
        now: datetime,
        notes: Sequence[AuditEntry] = (),
        *,
        without_keys: bool = False,
    ) -> None:
        """Write them, and with them who did it: both or neither. `notes` are of other answers.

        Guests who are to be erased are erased by it. Without keys nothing is sealed for a guest:
        what failed because a key cannot be opened ends all the same. Raises CannotOpen.
        """
        recordings = await self.recordings(transaction, closings, now, without_keys=without_keys)
        await transaction.record(recordings)
        await self._auditor.append(transaction, [*decided(closings, recordings), *notes])
        outcomes = {each.row_id: each.outcome for each in recordings}
        for closing in closings:
            item, replayed = closing.begun.item, isinstance(closing.ended, Again | Follows)
            item.ended = Ended.stored(outcomes[item.row_id], replayed=replayed)

    async def recordings(
        self,
        transaction: LaneTransaction,
        closings: Sequence[Closing],
        now: datetime,
        *,
        without_keys: bool = False,
    ) -> list[Recording]:
        """What is to be written in the same transaction."""
        for closing in closings:
            if isinstance(closing.ended, Erased):  # alone in its wave
                await self._erase(transaction, closing.begun.item, closing.ended, now)
        sent = ((guest_of(closing), closing.begun.start.sent) for closing in closings)
        wanted = [(guest_id, at) for guest_id, at in sent if guest_id is not None]
        keys = await keys_for(transaction, [] if without_keys else wanted, now)
        accepted = chain.from_iterable(
            self._acceptances.recordings(closings[start : start + _STEP], keys, now)
            for start in range(0, len(closings), _STEP)
        )
        rows: dict[UUID, Recording] = {}
        for closing in closings:
            at = lies_at(closing)
            for row in self._recording(closing, accepted, rows, keys, now):
                rows[row.row_id] = replace(row, lies_at=at) if at else row
        return list(rows.values())

    async def _erase(
        self, transaction: LaneTransaction, item: Item, erased: Erased, now: datetime
    ) -> None:
        destroyed = await transaction.destroy_keys([erased.guest_id], now)
        item.outputs.extend(map(self.key_topic.gone, destroyed))

    def _recording(
        self,
        closing: Closing,
        accepted: Iterator[Recording],
        before: Mapping[UUID, Recording],
        keys: GuestKeys,
        now: datetime,
    ) -> list[Recording]:
        match closing.ended:
            case Accepted():
                return [next(accepted)]
            case Rejected() as rejected:
                return [refused(closing, rejected, now)]
            case Again() as again:
                return [repeated(closing, again, now)]
            case Follows(first=first):
                again = again_of(first, before[first].outcome, keys)
                return [repeated(closing, again, now)]
            case Failed() as failed:
                return [self._failures.recording(closing, failed, keys, now)]
            case End() as end:
                ended = end.abandoned.start.row_id
                return [abandoned(closing, end, now), silent(closing, now, ended=ended)]
            case Settled() | StillOwed() as settled:
                return [self._settled(closing, settled, accepted, now)]
            case Erased() as guest:
                return [erased(closing, guest, now)]
            case Ignored():
                return [silent(closing, now)]

    def _settled(
        self,
        closing: Closing,
        settled: Settled | StillOwed,
        accepted: Iterator[Recording],
        now: datetime,
    ) -> Recording:
        undo = settling(closing)
        if isinstance(settled, StillOwed):
            again = undo_again(undo.undo_id, undo.attempt, settled.detail, now)
            return silent(closing, now, undo_again=again)
        if settled.change is not None:
            return next(accepted)
        return silent(closing, now, undo_done=undo.undo_id)
