"""Runs the workflows of a wave side by side, in rounds.

A round is one database transaction and then the partner calls, all at once. In the transaction
questions are answered, one statement a kind, until every workflow asks partners or has ended. What
a call with an effect depends on is written before that transaction commits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, get_args
from uuid import UUID

import structlog

from domain.booking import Booking
from domain.effects import (
    ChangingCall,
    Claimed,
    ClaimSlot,
    FindBooking,
    FindUndo,
    LaneQuestion,
    PartnerAnswer,
    PartnerCall,
    Question,
    SlotTaken,
)
from domain.outcome import Outcome
from domain.undo import Undo
from domain.workflow import Workflow
from handlers.abreast import Abreast
from handlers.dead_letter import Reason
from handlers.journal import Journal
from handlers.ports import JournalEntry, LaneTransaction, Onlooker, Partners, Stage, Unseen
from handlers.waves import AtVenue

_log = structlog.get_logger(__name__)

_CHANGING = frozenset(get_args(ChangingCall))
_DATABASE = frozenset(get_args(LaneQuestion))
_ANSWERS = frozenset(get_args(PartnerAnswer))
_OUTCOMES = get_args(Outcome)
_UNSEEN = Unseen()


@dataclass(frozen=True, slots=True)
class Failed:
    """A command that failed: a bug in it, or a promise broken around it; or it is poison."""

    detail: str  # what it was, without anything personal
    reason: Reason = Reason.BUG
    attempts: int = 1

    @classmethod
    def by(cls, error: Exception) -> Failed:
        """An exception's own words may quote anything, and stay in the log."""
        return cls(f"raised {type(error).__name__}")


def _unfinished(value: object) -> Failed:
    _log.error("workflow ended without an outcome", ended_with=type(value).__name__)
    return Failed(f"gave a {type(value).__name__} where an outcome was expected")


@dataclass(eq=False, slots=True)
class Run:
    """One command on its way: its workflow, what it asks now, what it has heard."""

    row_id: UUID
    partition: int
    workflow: Workflow
    journal: Journal
    wants: AtVenue | None  # until its claim is decided, later ones wait for it
    trace: Mapping[str, str]  # headers that continue the client's trace
    asking: tuple[Question[Any], ...] = ()
    asks_database: bool = False
    asks_partners: bool = False
    heard: list[PartnerAnswer | None] = field(default_factory=list)
    """Of partners: what they have answered already, each in its question's place."""
    ended: Outcome | Failed | None = None

    def begin(self) -> None:
        self._advance(None)

    def hear(self, answers: Sequence[Any]) -> None:
        """Hand in the answers to what is asked now."""
        self._advance(tuple(answers))

    def _advance(self, answers: tuple[Any, ...] | None) -> None:
        try:
            self.asking = next(self.workflow) if answers is None else self.workflow.send(answers)
            while self._is_answered():
                self.asking = self.workflow.send(tuple(self.heard))
        except StopIteration as end:
            self._end(end.value if isinstance(end.value, _OUTCOMES) else _unfinished(end.value))
        except Exception as bug:  # noqa: BLE001 - a command's bug stays its own, here and nowhere else
            _log.exception("workflow failed", row_id=str(self.row_id))
            self._end(Failed.by(bug))

    def _is_answered(self) -> bool:
        """Whether there is a stored answer to every call asked now."""
        self.asks_database = type(self.asking[0]) in _DATABASE
        self.asks_partners = not self.asks_database
        if self.asks_database:
            return False
        self.heard = [self.journal.answer_to(call) for call in self.asking]  # type: ignore[arg-type]
        return None not in self.heard

    def fail(self, error: Exception) -> None:
        """End it as a bug would: something around it raised that never should."""
        self.workflow.close()
        self._end(Failed.by(error))

    def _end(self, outcome: Outcome | Failed) -> None:
        self.ended = outcome
        self.asking = ()
        self.asks_database = self.asks_partners = False
        self.wants = None


_Call = tuple[Run, int, PartnerCall]
"""Whose it is, and its place among what that asks now."""


class Transactions(Protocol):
    """Opens a transaction for the lanes of the batch."""

    def __call__(self) -> AbstractAsyncContextManager[LaneTransaction]: ...


async def run_to_end(
    runs: Sequence[Run],
    transactions: Transactions,
    partners: Partners,
    abreast: Abreast,
    watch: Onlooker = _UNSEEN,
) -> frozenset[int]:
    """Rounds until every workflow has ended; gives the partitions whose lane was lost on the way.

    `runs` are in log order and have had their first `answer_questions`. What belongs to a lost lane
    stays as it is: its next owner resumes it.
    """
    lost: frozenset[int] = frozenset()
    live = [run for run in runs if run.ended is None]
    while live:
        watch.at(Stage.PARTNERS)
        await _call_partners(live, partners, abreast)
        watch.at(Stage.QUESTIONS)
        if any(run.asking for run in live):
            async with transactions() as transaction:
                lost |= transaction.lost
                await answer_questions(transaction, live)
        live = [run for run in live if run.ended is None and run.partition not in lost]
    return lost


async def answer_questions(transaction: LaneTransaction, runs: Sequence[Run]) -> None:
    """Answer until nobody can go on without a partner; then write what the next calls rest on."""
    live = [run for run in runs if run.partition not in transaction.lost]
    while asking := _answerable(live):
        await _answer(transaction, asking)
    for run in live:
        if run.asks_partners:
            for call in run.asking:
                if type(call) in _CHANGING:
                    run.journal.about_to(call)  # type: ignore[arg-type]  # so it is one
    entries = [
        JournalEntry(run.row_id, run.journal.next_sequence, run.journal.write())
        for run in live
        if run.journal.has_unwritten_calls
    ]
    if entries:
        await transaction.journal(entries)


def _answerable(runs: Sequence[Run]) -> list[Run]:
    """Those that ask the database and may be answered; a claim waits for earlier wishes.

    So claims are granted in log order, whatever round each command has come to.
    """
    answerable: list[Run] = []
    if not any(run.asks_database for run in runs):
        return answerable
    earlier: defaultdict[UUID, list[AtVenue]] = defaultdict(list)
    for run in runs:
        if run.asks_database:
            claims = [question for question in run.asking if type(question) is ClaimSlot]
            if not any(_has_to_wait(claim, earlier) for claim in claims):
                answerable.append(run)
                if claims:
                    continue
        if run.wants is not None:
            earlier[run.wants.venue_id].append(run.wants)
    return answerable


def _has_to_wait(claim: ClaimSlot, earlier: Mapping[UUID, Sequence[AtVenue]]) -> bool:
    wishes = earlier.get(claim.venue_id)
    if not wishes:
        return False
    wanted = AtVenue(claim.venue_id, claim.slot)
    return any(wish.may_overlap(wanted) for wish in wishes)


async def _answer(transaction: LaneTransaction, asking: Sequence[Run]) -> None:
    """One statement a kind; claims are granted in the order of the runs."""
    questions = [(run, question) for run in asking for question in run.asking]
    bookings: Mapping[UUID, Booking] = {}
    if named := [q.booking_id for _, q in questions if type(q) is FindBooking]:
        bookings = await transaction.find_bookings(named)
    owed: Mapping[UUID, Undo] = {}
    if undo := [q.undo_id for _, q in questions if type(q) is FindUndo]:
        owed = await transaction.find_undo(undo)
    claims = [(run, q) for run, q in questions if type(q) is ClaimSlot]
    for run, _ in claims:
        run.wants = None
    claimed = iter(await _claim(transaction, claims) if claims else ())
    for run in asking:
        answers: list[Any] = []
        for question in run.asking:
            if type(question) is ClaimSlot:
                answers.append(next(claimed))
            elif type(question) is FindBooking:
                answers.append(bookings.get(question.booking_id))
            elif type(question) is FindUndo:
                answers.append(owed.get(question.undo_id))
        run.hear(answers)


async def _claim(
    transaction: LaneTransaction, claims: Sequence[tuple[Run, ClaimSlot]]
) -> list[Claimed | SlotTaken]:
    """Granted in the order given; what a command lost before a crash it has lost for good."""
    lost = [run.journal.lost_claim(claim.claim_id) for run, claim in claims]
    granted = iter(
        await transaction.claim(
            [
                (run.row_id, claim)
                for (run, claim), taken in zip(claims, lost, strict=True)
                if not taken
            ]
        )
    )
    answers: list[Claimed | SlotTaken] = []
    for (run, claim), taken in zip(claims, lost, strict=True):
        answer = taken or next(granted)
        answers.append(answer)
        if isinstance(answer, SlotTaken):
            run.journal.lose(claim.claim_id, answer)
    return answers


async def _call_partners(runs: Sequence[Run], partners: Partners, abreast: Abreast) -> None:
    """All calls of the round at once; each run goes on when all of them are back."""
    asking = [run for run in runs if run.asks_partners]
    calls: list[_Call] = [
        (run, place, call)  # type: ignore[misc]  # asks_partners says so
        for run in asking
        for place, call in enumerate(run.asking)
        if run.heard[place] is None
    ]
    answers = await abreast.each(partial(_timed, partners), calls)
    for (run, place, call), answer in zip(calls, answers, strict=True):
        if isinstance(answer, Exception):
            _log.error("partner call raised", row_id=str(run.row_id), exc_info=answer)
            run.fail(answer)
        elif type(answer) not in _ANSWERS:
            _log.error("no partner's answer", row_id=str(run.row_id), call=type(call).__name__)
            run.fail(TypeError(f"expected a partner's answer, got {type(answer).__name__}"))
        else:
            run.heard[place] = run.journal.hear(call, answer)
    for run in asking:
        if run.ended is None:
            run.hear(run.heard)


async def _timed(partners: Partners, calling: _Call) -> PartnerAnswer | Exception:
    """The answer, or what it raised, which is this run's alone."""
    run, _, call = calling
    made_ms = run.journal.now()
    try:
        answer = await partners.call(call, run.trace)
    except Exception as bug:  # noqa: BLE001 - whoever asked ends with it
        return bug
    run.journal.time(call, made_ms)
    return answer
