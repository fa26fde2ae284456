"""A replay from its first look to its last word: what it read and published, and how that ended."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from adapters.database.pasts import Pasts, open_pasts
from adapters.database.settings import DatabaseSettings
from adapters.kafka.partitioning import home_partition
from adapters.kafka.publishing import BrokerPublisher
from adapters.kafka.reading import group_state, reading
from adapters.kafka.settings import KafkaSettings
from adapters.kafka.topics import TopicNames
from app.operators import OperatorsLog, deed
from handlers.ports import (
    Authenticator,
    Coordinates,
    Effect,
    KnownCommand,
    Output,
    Record,
    ServiceKeys,
    ServiceSigner,
    Start,
)
from handlers.redrive import named_in
from handlers.replay import (
    Candidate,
    Judged,
    Reader,
    Verdict,
    again,
    let_in,
    may_be_resent,
    resent,
)

_LOOKED_AGAIN_EVERY_SECONDS = 0.5
_KNOWS_NOTHING = (
    "the database knows no command at all, so that everything looks as if it had never been done:"
    " run booking rebuild first, or say with --from from when on"
)
_AT_ONCE = 1_000

T = TypeVar("T")


class CannotReplay(Exception):
    """Something has to be put right first; the message says what."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Which part of the topic: by the broker's time in ms, `None` for its beginning or its end."""

    from_ms: int | None = None
    until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Again:
    """A command without an outcome, and where its record lies."""

    row_id: UUID
    operation: str
    command_id: UUID
    origin: Coordinates  # of the record that the client sent
    run: int
    was_started: bool

    @property
    def sent(self) -> tuple[int, int, int]:
        """What puts commands into the order in which they were sent."""
        return self.origin.timestamp_ms, self.origin.partition, self.origin.offset


@dataclass(slots=True)
class Replayed:
    """What was found, and what was done about it."""

    records: int = 0
    verdicts: Counter[Verdict] = field(default_factory=Counter)
    again: list[Again] = field(default_factory=list)
    resent: int = 0
    seconds: float = 0.0
    ends: dict[UUID, KnownCommand | None] = field(default_factory=dict)  # None: not ended yet

    @property
    def not_ended(self) -> int:
        """How many of those published again have no outcome yet; 0 when nobody waited."""
        return sum(known is None for known in self.ends.values())


@dataclass(frozen=True, slots=True)
class Replaying:
    """Reads beside the live group, and never does a command itself."""

    kafka: KafkaSettings
    database: DatabaseSettings
    authenticator: Authenticator
    signer: ServiceSigner
    keys: ServiceKeys
    log: OperatorsLog | None  # None: only a rehearsal is possible

    async def run(
        self,
        stretch: Stretch,
        *,
        is_rehearsal: bool,
        resend: bool,
        wait_seconds: float,
        advance: Callable[[int, int], None],
    ) -> Replayed:
        """Raises CannotReplay, DatabaseAway, OutputRefused, CannotPublish, KafkaError."""
        began = time.monotonic()
        topic = TopicNames(self.kafka.topic_prefix).commands
        done = Replayed()
        async with AsyncExitStack() as held:
            publisher = BrokerPublisher(self.kafka)
            held.push_async_callback(publisher.stop)
            pasts = await held.enter_async_context(open_pasts(self.database, self.keys))
            # Before the end of what is read is fixed: what the group has yet to do is left to it.
            group = await group_state(self.kafka, topic)
            is_all_asked_for = stretch.from_ms is None and any(group.committed.values())
            if is_all_asked_for and await pasts.knows_nothing():
                raise CannotReplay(_KNOWS_NOTHING)
            read = await held.enter_async_context(
                reading(self.kafka, topic, from_ms=stretch.from_ms, until_ms=stretch.until_ms)
            )
            reader = Reader(self.authenticator, self.signer, group.committed)
            waiting: list[tuple[Again, Output]] = []
            ended: list[Start] = []  # their outputs are looked up when their turn has come
            async for _, _, records in read.batches():
                for judged in await self._judged(reader, pasts, records):
                    done.verdicts[judged.verdict] += 1
                    candidate = judged.candidate
                    if candidate is None:
                        continue
                    if judged.verdict is Verdict.AGAIN:
                        home = await self._home(pasts, candidate, judged.known, read.partitions)
                        output = again(candidate, home, self.signer)
                        waiting.append((_again(judged, candidate), output))
                    elif judged.known is not None and resend and may_be_resent(judged):
                        ended.append(judged.known.start)
                done.records += len(records)
                advance(done.records, read.length)
            # Partitions were read in no order; a venue's commands may come from several of them.
            waiting.sort(key=lambda each: each[0].sent)
            done.again = [each for each, _ in waiting]
            outputs = [output for _, output in waiting]
            if not is_rehearsal and (outputs or ended):
                await self._note(resend=resend)
                await _publish(publisher, outputs)
            done.resent = await self._resend(pasts, publisher, ended, is_rehearsal=is_rehearsal)
            if done.again and wait_seconds and not is_rehearsal:
                done.ends = await _ends(pasts, done.again, time.monotonic() + wait_seconds)
        done.seconds = time.monotonic() - began
        return done

    async def _note(self, *, resend: bool) -> None:
        if self.log is None:
            raise ValueError("expected an audit log for a replay")
        operation = "replay --resend" if resend else "replay"
        await self.log.write(deed(operation, Effect.PUBLISHED_AGAIN))

    async def _resend(
        self,
        pasts: Pasts,
        publisher: BrokerPublisher,
        ended: Sequence[Start],
        *,
        is_rehearsal: bool,
    ) -> int:
        """How many outputs; in the order in which the lanes made them, so that the events of a
        booking come in the order of their versions.
        """
        count = 0
        by_lane = sorted(ended, key=lambda e: (e.coordinates.partition, e.coordinates.offset))
        for chunk in _chunks(by_lane):
            known = await pasts.known([each.row_id for each in chunk])
            outputs = [out for each in chunk for out in resent(known[each.row_id])]
            count += len(outputs)
            if outputs and not is_rehearsal:
                await publisher.publish(outputs)
        return count

    async def _judged(
        self, reader: Reader, pasts: Pasts, records: Sequence[Record]
    ) -> Sequence[Judged]:
        read = [reader.read(record) for record in records]
        strangers = [
            each.record.coordinates
            for each in read
            if isinstance(each, Candidate) and each.principal is None
        ]
        once_let_in = await pasts.known_at(strangers)
        for at, one in enumerate(read):
            if (
                isinstance(one, Candidate)
                and one.principal is None
                and (row := once_let_in.get(one.record.coordinates))
            ):
                read[at] = let_in(one, row)
        ids = {o.row_id for o in read if isinstance(o, Candidate) and o.row_id is not None}
        known = await pasts.known(sorted(ids))
        retired = await pasts.retired(sorted(ids - known.keys()))
        return [
            reader.judge(
                one,
                known.get(one.row_id) if one.row_id else None,
                is_retired=one.row_id in retired,
            )
            if isinstance(one, Candidate)
            else Judged(one)
            for one in read
        ]

    async def _home(
        self, pasts: Pasts, candidate: Candidate, known: KnownCommand | None, partitions: int
    ) -> int:
        """Its venue's, or where it lay when nobody knows the venue: its lane forwards it then.

        Where it was begun may be a partition of a former topic that had more of them.
        """
        venue = named_in(candidate.command, "venue_id")
        if booking_id := named_in(candidate.command, "booking_id"):
            venue = (await pasts.venues([booking_id])).get(booking_id)
        if venue is not None:
            return home_partition(str(venue).encode(), partitions)
        if known is not None and known.start.coordinates.partition < partitions:
            return known.start.coordinates.partition
        return candidate.record.partition


async def _publish(publisher: BrokerPublisher, outputs: Sequence[Output]) -> None:
    for chunk in _chunks(outputs):
        await publisher.publish(chunk)


def _chunks(many: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(many), _AT_ONCE):
        yield many[start : start + _AT_ONCE]


def _again(judged: Judged, candidate: Candidate) -> Again:
    row_id = candidate.row_id
    if row_id is None:
        raise ValueError("expected somebody behind the command")
    return Again(
        row_id,
        candidate.command.type,
        candidate.command.command_id,
        candidate.origin,
        candidate.run,
        judged.known is not None and judged.known.outcome is None,
    )


async def _ends(
    pasts: Pasts, published: Sequence[Again], until: float
) -> dict[UUID, KnownCommand | None]:
    """As far as they come in time."""
    while True:
        known: Mapping[UUID, KnownCommand] = await pasts.known([each.row_id for each in published])
        ends = {
            each.row_id: row
            if (row := known.get(each.row_id)) and row.outcome and row.start.run >= each.run
            else None
            for each in published
        }
        if None not in ends.values() or time.monotonic() >= until:
            return ends
        await asyncio.sleep(_LOOKED_AGAIN_EVERY_SECONDS)  # rows tell nobody of changes
