"""Dead letters from their topic to a verdict each, and back into the commands' topic."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from uuid import UUID

from adapters.database.pasts import Pasts, open_pasts
from adapters.database.settings import DatabaseSettings
from adapters.kafka.partitioning import home_partition
from adapters.kafka.publishing import BrokerPublisher
from adapters.kafka.reading import partitions_of, reading
from adapters.kafka.settings import KafkaSettings
from adapters.kafka.topics import TopicNames
from app.operators import OperatorsLog, deed
from handlers.ports import Effect, KnownCommand, ServiceKeys, ServiceSigner
from handlers.redrive import (
    Letter,
    Past,
    Standing,
    State,
    choose,
    keys_needed,
    named_in,
    next_run,
    put_back,
    read_letter,
    standing_of,
    with_later_runs,
)

_LOOKED_AGAIN_EVERY_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Told:
    """A letter, and how it stands now."""

    letter: Letter
    standing: Standing
    venue_id: UUID | None
    next_run: int  # which it is put back as


@dataclass(slots=True)
class Redriven:
    """What became of the letters that were chosen."""

    told: Sequence[Told]
    going: Sequence[Letter]
    held: Mapping[str, str]
    ends: dict[str, KnownCommand | None] = field(default_factory=dict)  # None: not ended yet

    @property
    def is_done(self) -> bool:
        """Whether all that could go have gone, and ended otherwise than before."""
        return not self.held and not any(
            known is None or known.outcome is None or known.outcome.is_failure
            for known in self.ends.values()
        )


class DeadLetterBox:
    """The dead letters' topic, seen together with the database."""

    def __init__(
        self,
        kafka: KafkaSettings,
        database: DatabaseSettings,
        signer: ServiceSigner,
        keys: ServiceKeys,
        log: OperatorsLog | None,
    ) -> None:
        """Without a log nothing can be put back, and nothing personal may be shown."""
        self._log = log
        self._keys = keys
        self._kafka = kafka
        self._database = database
        self._names = TopicNames(kafka.topic_prefix)
        self._signer = signer

    async def letters(self, advance: Callable[[int, int], None]) -> list[Letter]:
        """All there are now, oldest first, opened as far as that is still possible. Raises
        DatabaseAway.
        """
        found: list[Letter] = []
        async with (
            open_pasts(self._database, self._keys) as pasts,
            reading(self._kafka, self._names.dead_letter) as topic,
        ):
            async for _, _, records in topic.batches():
                left = await pasts.keys(keys_needed(records))
                found += [read_letter(each, self._signer, self._keys, left) for each in records]
                advance(len(found), topic.length)
        return with_later_runs(sorted(found, key=lambda each: each.record.timestamp_ms))

    async def told(self, letters: Sequence[Letter]) -> list[Told]:
        """How each of them stands. Raises DatabaseAway."""
        async with open_pasts(self._database, self._keys) as pasts:
            return await self._told(pasts, letters)

    async def note(self, operation: str, effect: Effect, letters: Sequence[Told]) -> None:
        """Write into the audit log what is done with them now. Raises DatabaseAway."""
        if self._log is None:
            raise ValueError(f"expected an audit log for {operation}")
        await self._log.write(
            *(
                deed(
                    operation,
                    effect,
                    message_id=told.letter.command_id,
                    at=told.letter.record.coordinates,
                    booking_id=told.letter.booking_id,
                    venue_id=told.venue_id,
                )
                for told in letters
            )
        )

    async def redrive(
        self,
        letters: Sequence[Letter],
        *,
        over_later: bool,
        is_rehearsal: bool,
        wait_seconds: float,
    ) -> Redriven:
        """Put back those that may go, once their undo is done, and see how they end; all of it
        within `wait_seconds`. Raises DatabaseAway, OutputRefused, CannotPublish, KafkaError.
        """
        until = time.monotonic() + wait_seconds
        async with AsyncExitStack() as held:
            pasts = await held.enter_async_context(open_pasts(self._database, self._keys))
            while True:
                told = await self._told(pasts, letters)
                waits = any(each.standing.state is State.WAITS for each in told)
                if not waits or is_rehearsal or time.monotonic() >= until:
                    break
                await asyncio.sleep(_LOOKED_AGAIN_EVERY_SECONDS)  # rows tell nobody of changes
            going, left = choose(
                letters,
                {each.letter.id: each.standing for each in told},
                {each.letter.id: each.venue_id for each in told},
                over_later=over_later,
            )
            redriven = Redriven(told, going, left)
            if going and not is_rehearsal:
                by_id = {each.letter.id: each for each in told}
                await self.note("dlq redrive", Effect.PUT_BACK, [by_id[each.id] for each in going])
                await self._publish([by_id[each.id] for each in going])
                redriven.ends = await self._ends(pasts, [by_id[each.id] for each in going], until)
        return redriven

    async def _told(self, pasts: Pasts, letters: Sequence[Letter]) -> list[Told]:
        row_ids = [each.row_id for each in letters if each.row_id is not None]
        known, retired = await pasts.known(row_ids), await pasts.retired(row_ids)
        venues = await pasts.venues([each.booking_id for each in letters if each.booking_id])
        begun = {row_id: row.start.booking_id for row_id, row in known.items()}
        owed = await pasts.open_undo([each for each in begun.values() if each is not None])
        told = []
        for letter in letters:
            venue = named_in(letter.command, "venue_id")
            if letter.booking_id is not None:
                venue = venues.get(letter.booking_id)
            at, row_id = letter.origin, letter.row_id
            booking_id = begun.get(row_id) if row_id else None
            past = Past(
                known.get(row_id) if row_id else None,
                venue,
                owed.get(booking_id, 0) if booking_id else 0,
                await pasts.later(venue, at.timestamp_ms) if venue and at else (),
                row_id in retired,
            )
            standing = standing_of(letter, past, self._names.commands)
            told.append(Told(letter, standing, venue, next_run(letter, past.known)))
        return told

    async def _publish(self, going: Sequence[Told]) -> None:
        topic, count = self._names.commands, await partitions_of(self._kafka, self._names.commands)
        outputs = []
        for told in going:
            venue, origin = told.venue_id, told.letter.origin
            if venue is not None:
                home = home_partition(str(venue).encode(), count)
            else:  # any lane answers that nobody knows the booking, where it lay if that is left
                home = origin.partition % count if origin else 0
            outputs.append(put_back(told.letter, topic, home, self._signer, told.next_run))
        publisher = BrokerPublisher(self._kafka)
        try:
            await publisher.publish(outputs)
        finally:
            await publisher.stop()

    async def _ends(
        self, pasts: Pasts, going: Sequence[Told], until: float
    ) -> dict[str, KnownCommand | None]:
        """The new runs' ends, as far as they come in time."""
        ends: dict[str, KnownCommand | None] = {}
        while True:
            known = await pasts.known([e.letter.row_id for e in going if e.letter.row_id])
            for each in going:
                row = known.get(each.letter.row_id) if each.letter.row_id else None
                has_ended = row and row.outcome and row.start.run >= each.next_run
                ends[each.letter.id] = row if has_ended else None
            if None not in ends.values() or time.monotonic() >= until:
                return ends
            await asyncio.sleep(_LOOKED_AGAIN_EVERY_SECONDS)
