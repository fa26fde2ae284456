"""Whether slots could be booked, for all who ask in a batch: in rounds, as commands are done.

A round is what is asked of partners, few of it at once, and then one statement for all claims.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any

import structlog

from domain.commands import CheckAvailability, Moment
from domain.effects import FindConflicts, SlotQuestion, TakenSlot
from domain.refusal import Refusal
from domain.rules import Rules
from domain.workflow import Step
from domain.workflows.check_availability import Availability, check_availability
from handlers.abreast import Abreast
from handlers.lookups import FAILED, Answer, of_each
from handlers.partner_answers import Answered, PartnerAnswers
from handlers.ports import BookingReads
from schemas.query_answers import availability_json

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A query that may be answered, when it was sent, and the headers that continue its trace."""

    query: CheckAvailability
    sent: datetime
    trace: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AvailabilityChecks:
    """Goes by the domain's own judgement, the same as a create's."""

    reads: BookingReads
    partners: PartnerAnswers
    rules: Rules
    clock: Callable[[], datetime]
    abreast: Abreast = field(default_factory=Abreast)

    async def answers(self, wanted: Sequence[Wanted]) -> Sequence[Answer]:
        """In the order asked. Raises DatabaseAway."""
        now = self.clock()
        checks = [
            _Check(each, check_availability(each.query, Moment(each.sent, now), self.rules), now)
            for each in wanted
        ]
        while asking := [check for check in checks if check.asking]:
            await self._ask_partners(asking)
            await self._find_conflicts(asking)
            for check in asking:
                check.go_on()
        return [check.answer for check in checks]

    async def _ask_partners(self, asking: Sequence[_Check]) -> None:
        questions = [
            (check, place, question)
            for check in asking
            for place, question in enumerate(check.asking)
            if not isinstance(question, FindConflicts)
        ]
        heard = await self.abreast.each(self._asked, questions)
        for (check, place, _), answer in zip(questions, heard, strict=True):
            check.heard[place] = answer

    async def _asked(self, asking: tuple[_Check, int, SlotQuestion]) -> Answered | Exception:
        check, _, question = asking
        try:
            return await self.partners.ask(question, check.wanted.trace)
        except Exception as bug:  # noqa: BLE001 - whoever asked ends with it
            return bug

    async def _find_conflicts(self, asking: Sequence[_Check]) -> None:
        questions = [
            (check, place, question)
            for check in asking
            for place, question in enumerate(check.asking)
            if isinstance(question, FindConflicts)
        ]
        if questions:
            at = self.clock()
            found = await of_each(range(len(questions)), partial(self._taken, questions))
            for number, (check, place, _) in enumerate(questions):
                taken = found[number]
                check.heard[place] = taken if isinstance(taken, Exception) else Answered(taken, at)

    async def _taken(
        self, questions: Sequence[tuple[_Check, int, FindConflicts]], some: Sequence[int]
    ) -> Mapping[int, tuple[TakenSlot, ...]]:
        found = await self.reads.conflicts([questions[number][2] for number in some])
        return dict(zip(some, found, strict=True))


class _Check:
    """One query on its way: what it asks now, and what it has heard."""

    def __init__(self, wanted: Wanted, step: Step[Availability | Refusal], now: datetime) -> None:
        self.wanted = wanted
        self.asking: tuple[Any, ...] = ()
        self.heard: list[Answered | Exception | None] = []
        self.answer: Answer = FAILED
        self._step = step
        self._oldest = now
        self._advance(None)

    def go_on(self) -> None:
        """With the answers to all that was asked; ends when one of them is a bug."""
        answers = [each for each in self.heard if isinstance(each, Answered)]
        if bugs := [each for each in self.heard if isinstance(each, Exception)]:
            self._fail(bugs[0])
            return
        self._oldest = min(self._oldest, *(each.at for each in answers))
        self._advance(tuple(each.answer for each in answers))

    def _advance(self, answers: tuple[Any, ...] | None) -> None:
        try:
            self.asking = next(self._step) if answers is None else self._step.send(answers)
            self.heard = [None] * len(self.asking)
        except StopIteration as end:
            self.asking = ()
            self.answer = self._told(end.value)
        except Exception as bug:  # noqa: BLE001 - a bug in one query must not take its neighbours
            self._fail(bug)

    def _told(self, found: Availability | Refusal) -> Answer:
        if isinstance(found, Refusal):
            return found
        return availability_json(replace(found, checked_at=self._oldest))

    def _fail(self, bug: Exception) -> None:
        _log.error("query failed", query_id=str(self.wanted.query.query_id), exc_info=bug)
        self.asking = ()
