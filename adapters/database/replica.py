"""Questions that a standby answers while it is there and near enough, and else the primary.

A standby's word counts for what it has, never for what it lacks: what is missing there, or older
than the asker knows it, is asked of the primary. Nobody waits for a standby that is away: whether
it is to be asked is looked at beside the questions, once a second while there are any.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping, Sequence
from time import monotonic
from typing import Final, TypeVar
from uuid import UUID

import structlog
from opentelemetry.metrics import Counter
from sqlalchemy.exc import SQLAlchemyError

from adapters.database.standby import Standby
from domain.booking import Booking
from domain.effects import FindConflicts, TakenSlot
from handlers.ports import NOTHING_KNOWN, BookingReads, DatabaseAway, HistoryRow, Page

_log = structlog.get_logger(__name__)

_LOOK_EVERY_SECONDS: Final = 1.0
_TRUSTED_SECONDS: Final = 3.0  # after a look that found it near enough
_REST_SECONDS: Final = 5.0  # after a failure
_PATIENCE_SECONDS: Final = 5.0  # of a question, waiting for a connection and all

K = TypeVar("K", bound=Hashable)
A = TypeVar("A")


class ReplicaReads:
    """Implements handlers.ports.BookingReads over those of a standby and those of the primary."""

    def __init__(
        self,
        standby: Standby,
        replica: BookingReads,
        primary: BookingReads,
        answers: Counter,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._standby = standby
        self._replica = replica
        self._primary = primary
        self._answers = answers
        self._clock = clock
        self._trusted_until = float("-inf")
        self._look_at = float("-inf")
        self._resting_until = float("-inf")
        self._looking: asyncio.Task[None] | None = None
        self._is_in_use: bool | None = None

    async def bookings(
        self, ids: Sequence[UUID], known: Mapping[UUID, int] = NOTHING_KNOWN
    ) -> Mapping[UUID, Booking]:
        return await self._current(ids, known, lambda reads, some: reads.bookings(some, known))

    async def bookings_by_reference(
        self, references: Sequence[str], known: Mapping[str, int] = NOTHING_KNOWN
    ) -> Mapping[str, Booking]:
        return await self._current(
            references, known, lambda reads, some: reads.bookings_by_reference(some, known)
        )

    async def histories(
        self, booking_ids: Sequence[UUID], known: Mapping[UUID, int] = NOTHING_KNOWN
    ) -> Mapping[UUID, Sequence[HistoryRow]]:
        """A version leaves no row in it unless the status changed, so whoever knows one has to be
        answered by the primary.
        """
        found: dict[UUID, Sequence[HistoryRow]] = {}
        if unknowing := [each for each in booking_ids if not known.get(each)]:
            found |= await self._of_replica(lambda reads: reads.histories(unknowing)) or {}
        self._count(replica=len(found))
        return found | await self._of_primary(
            [each for each in booking_ids if each not in found],
            lambda reads, some: reads.histories(some),
        )

    async def pages(self, asked: Collection[Page]) -> Mapping[Page, Sequence[Booking]]:
        there = await self._of_replica(lambda reads: reads.pages(asked))
        if there is not None:
            self._count(replica=len(asked))
            return there
        found = await self._primary.pages(asked)
        self._count(primary=len(asked))
        return found

    async def conflicts(
        self, questions: Sequence[FindConflicts]
    ) -> Sequence[tuple[TakenSlot, ...]]:
        """The primary's: what has just been sold must not be told to be free."""
        return await self._primary.conflicts(questions)

    async def close(self) -> None:
        """Stop looking."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def _current(
        self,
        keys: Sequence[K],
        known: Mapping[K, int],
        ask: Callable[[BookingReads, Sequence[K]], Awaitable[Mapping[K, Booking]]],
    ) -> Mapping[K, Booking]:
        there = await self._of_replica(lambda reads: ask(reads, keys)) or {}
        found = {key: each for key, each in there.items() if each.version >= known.get(key, 0)}
        self._count(replica=len(found))
        lacking = [key for key in keys if key not in found]
        return found | await self._of_primary(lacking, ask)

    async def _of_primary(
        self,
        keys: Sequence[K],
        ask: Callable[[BookingReads, Sequence[K]], Awaitable[Mapping[K, A]]],
    ) -> dict[K, A]:
        if not keys:
            return {}
        found = dict(await ask(self._primary, keys))
        self._count(primary=len(keys))
        return found

    async def _of_replica(self, ask: Callable[[BookingReads], Awaitable[A]]) -> A | None:
        """None where it is not to be asked, or cannot answer."""
        if self._clock() >= self._look_at and (self._looking is None or self._looking.done()):
            self._looking = asyncio.create_task(self._look())
        if self._clock() >= self._trusted_until:
            return None
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await ask(self._replica)
        # Also what is no outage: a standby may lack for a moment what a migration has just made.
        except (DatabaseAway, SQLAlchemyError, TimeoutError) as error:
            self._rest(repr(error))
            return None

    async def _look(self) -> None:
        self._look_at = self._clock() + _LOOK_EVERY_SECONDS
        try:
            reason = await self._standby.unfit()
        except Exception as error:  # noqa: BLE001 - said, and nobody else would hear of it
            self._rest(repr(error))
            return
        if self._clock() < self._resting_until:
            return  # it failed somebody while it was looked at
        if reason is None:
            self._trusted_until = self._clock() + _TRUSTED_SECONDS
            self._say(in_use=True, reason=None)
        else:
            self._trusted_until = float("-inf")
            self._say(in_use=False, reason=reason)

    def _rest(self, reason: str) -> None:
        self._trusted_until = float("-inf")
        self._look_at = self._resting_until = self._clock() + _REST_SECONDS
        self._say(in_use=False, reason=reason)

    def _say(self, *, in_use: bool, reason: str | None) -> None:
        """Once each way."""
        if in_use is self._is_in_use:
            return
        self._is_in_use = in_use
        if in_use:
            _log.info("the replica answers queries")
        else:
            _log.warning("the replica is left alone, the primary answers", reason=reason)

    def _count(self, *, replica: int = 0, primary: int = 0) -> None:
        for who, count in (("replica", replica), ("primary", primary)):
            if count:
                self._answers.add(count, {"answered_by": who})
