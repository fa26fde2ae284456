"""A batch's way: intake, survey, then wave by wave recall, rounds, record; its outputs at the end.

Implements the port CommandProcessor. Nothing is published here: the outputs of a partition go out
in one Kafka transaction with its offsets, by whoever called.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from domain.booking import Booking
from domain.commands import Command, Moment
from domain.limits import Limits
from domain.rules import Rules
from domain.workflow import Workflow
from domain.workflows import workflow_for
from handlers.abreast import Abreast
from handlers.begun import Begun
from handlers.closings import Closing
from handlers.condemned import Condemning
from handlers.intake import Intake, TurnedAway, Unauthenticated
from handlers.item import Item
from handlers.journal import Journal
from handlers.limits import is_over_limit
from handlers.ports import (
    Held,
    LaneDatabase,
    LaneTransaction,
    Output,
    Partners,
    PromiseBroken,
    Record,
    ServiceSigner,
    Stage,
)
from handlers.recall import recall
from handlers.record import Recorder
from handlers.rounds import Run, answer_questions, run_to_end
from handlers.survey import asks_about_bookings, forward, guest_of, venue_of, wishes
from handlers.watch import UNWATCHED, Unwatched, Watch
from handlers.waves import AtVenue, waves


@dataclass(frozen=True, slots=True)
class CommandHandlers:
    """Everything that is done for commands between their records and their outputs.

    `milliseconds` since 1970 are what calls to partners are timed by.
    """

    intake: Intake
    database: LaneDatabase
    partners: Partners
    recorder: Recorder
    signer: ServiceSigner
    home_of: Callable[[UUID], int]
    rules: Rules
    limits: Limits
    clock: Callable[[], datetime]
    milliseconds: Callable[[], int]
    watch: Watch | Unwatched = UNWATCHED
    abreast: Abreast = field(default_factory=Abreast)

    async def process(
        self, records: Sequence[Record], lanes: Mapping[int, Held], *, alone: bool = False
    ) -> Mapping[int, Sequence[Output]]:
        self.watch.begins(records)
        await self.intake.authenticator.prepare(records)
        mine = _Lanes(self.database, records, lanes)
        if alone:
            (record,) = records
            async with mine.transaction() as transaction:
                if not mine.epochs:
                    return {}
                condemning = Condemning(self.intake, self.recorder, self.clock)
                outputs = await condemning.outputs(transaction, record, mine.covers(record))
            if outputs is not None:
                return {record.partition: outputs}
        return await self._do(mine, records)

    async def _do(self, lanes: _Lanes, records: Sequence[Record]) -> Mapping[int, Sequence[Output]]:
        read = self.intake.read(records)
        self.watch.at(Stage.SURVEY)
        bookings = await self._survey(lanes, read)
        self.watch.found(bookings)
        for one in read:
            one.is_published = lanes.covers(one.record)
        staying = [
            item for item in read if isinstance(item, Item) and not self._forwarded(item, bookings)
        ]
        wanted = wishes(staying, bookings, self.rules)
        wants = {id(item): needs.wants for item, needs in wanted}
        for wave in waves(wanted):
            if lanes.epochs:
                self.watch.wave([item.record for item in wave])
                await self._do_wave(lanes, wave, wants)
        outputs: dict[int, list[Output]] = {partition: [] for partition in lanes.epochs}
        for one in read:
            is_silent = one.is_published and not isinstance(one, Item)
            if one.record.partition in outputs and not is_silent:
                outputs[one.record.partition].extend(one.outputs)
                if told := one.told:
                    self.watch.ends([told])
        return outputs

    async def _survey(
        self, lanes: _Lanes, read: list[Item | Unauthenticated | TurnedAway]
    ) -> Mapping[UUID, Booking]:
        """The bookings that the batch names; and who was let in before is let in again."""
        named = asks_about_bookings([one for one in read if isinstance(one, Item)])
        refused = [one for one in read if isinstance(one, Unauthenticated)]
        if not named and not refused:
            return {}
        async with lanes.transaction() as transaction:
            known = await transaction.find_by_coordinates([o.record.coordinates for o in refused])
            for at, one in enumerate(read):
                if isinstance(one, Unauthenticated) and (row := known.get(one.record.coordinates)):
                    read[at] = self.intake.admitted(one, row)
            return await transaction.find_bookings(named)

    def _forwarded(self, item: Item, bookings: Mapping[UUID, Booking]) -> bool:
        item.venue_id, item.guest_id = venue_of(item, bookings), guest_of(item, bookings)
        if item.venue_id is None:
            return False
        home = self.home_of(item.venue_id)
        if home == item.record.partition:
            return False
        if item.is_published:  # so is its copy
            return True
        item.outputs.append(forward(item, item.venue_id, home, self.signer))
        return True

    async def _do_wave(
        self, lanes: _Lanes, wave: Sequence[Item], wants: Mapping[int, AtVenue | None]
    ) -> None:
        """Everything for these commands, side by side."""
        async with lanes.transaction() as transaction:
            now = self.clock()
            begun = await recall(
                transaction, wave, self.rules, self.limits, self.recorder.key_topic, now
            )
            # Counted and refused in one transaction, or a crash between would let them in.
            excess = [_closing(one, None) for one in begun if is_over_limit(one)]
            if excess:
                await self.recorder.record(transaction, excess, now)
                begun = [one for one in begun if not is_over_limit(one)]
            self.watch.at(Stage.QUESTIONS)
            runs = {one: self._run(one, wants) for one in begun if one.decided is None}
            await answer_questions(transaction, list(runs.values()))
        await run_to_end(
            list(runs.values()), lanes.transaction, self.partners, self.abreast, self.watch
        )
        self.watch.at(Stage.RECORD)
        async with lanes.transaction() as transaction:
            closings = [
                _closing(one, runs.get(one))
                for one in begun
                if one.item.record.partition in lanes.epochs
            ]
            notes = [
                item.note for item in wave if item.note and item.record.partition in lanes.epochs
            ]
            await self.recorder.record(transaction, closings, self.clock(), notes)
        self.watch.recorded(closings)

    def _run(self, begun: Begun, wants: Mapping[int, AtVenue | None]) -> Run:
        item = begun.item
        if item.command is None:
            raise PromiseBroken("a command that was refused at intake came to be run")
        moment = Moment(begun.start.sent, begun.start.decided)
        story = _story(item.command, moment, self.rules)
        if item.venue_id is None:
            story = _seeing(story, lambda it: self.home_of(it.venue.id) == item.record.partition)
        run = Run(
            item.row_id,
            item.record.partition,
            story,
            Journal(begun.journal, self.milliseconds),
            wants.get(id(item)),
            item.trace,
        )
        run.begin()
        return run


def _story(command: Command, moment: Moment, rules: Rules) -> Workflow:
    """The workflow, made when it is first asked: a bug in its making is the command's own too."""
    return (yield from workflow_for(command, moment, rules))


def _seeing(story: Workflow, is_at_home: Callable[[Booking], bool]) -> Workflow:
    """A booking that came up since the survey, in another lane, is not there for this command: only
    that lane may change it.
    """
    try:
        asking = next(story)
        while True:
            answers = yield asking
            asking = story.send(
                tuple(
                    None if isinstance(each, Booking) and not is_at_home(each) else each
                    for each in answers
                )
            )
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


def _closing(begun: Begun, run: Run | None) -> Closing:
    if begun.decided is not None:
        return Closing(begun, begun.decided, Journal())
    if run is None or run.ended is None:
        raise PromiseBroken("a command was neither decided nor run to its end")
    return Closing(begun, run.ended, run.journal)


class _Lanes:
    """The lanes of one batch that are still ours; those lost in the database drop out."""

    def __init__(
        self, database: LaneDatabase, records: Sequence[Record], lanes: Mapping[int, Held]
    ) -> None:
        self.epochs = {partition: lane.epoch for partition, lane in lanes.items()}
        self._database = database
        self._topic = records[0].topic
        self._lanes = lanes
        self._until = {record.partition: record.offset + 1 for record in records}
        self._has_begun = False

    def covers(self, record: Record) -> bool:
        """Whether what the record led to is published already."""
        mark = self._lanes[record.partition].mark
        return mark is not None and mark.covers(record.coordinates)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[LaneTransaction]:
        """The first of a batch writes that it is in hand, for whoever comes after a crash."""
        async with self._database.transaction(self._topic, self.epochs) as transaction:
            for partition in transaction.lost:
                del self.epochs[partition]
            if not self._has_begun and self.epochs:
                await transaction.begin_batch(
                    {p: (self._lanes[p].mark, self._until[p]) for p in self.epochs}
                )
                self._has_begun = True
            yield transaction
