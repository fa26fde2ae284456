"""What a command's partner calls have come to, kept so that a crash forgets nothing.

Before a call with an effect is made, the answers that led to it and the call itself are written.
Calls are known by their Idempotency-Key, which names the command, its run and the step. A claim
that was won stands in the database; one that was lost leaves nothing there, so it is kept here.

When a call was made and when its answer came is kept for people (`booking why`); nothing is decided
by it, and entries of older versions are without.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson

from domain.effects import ChangingCall, PartnerAnswer, PartnerCall, SlotTaken, TakenSlot
from domain.policies.patience import after_unheard
from domain.time_slot import TimeSlot
from schemas.stored import answer_from_json, call_from_json, dump

_FOR_PAYING: Final = frozenset({"client_secret", "payment_method_id"})
_SAID: Final = tuple(f'"{name}":"' for name in _FOR_PAYING)
_NONE: Final[Set[str]] = frozenset()


class QuestionChanged(Exception):
    """A resumed command asks something else under a key that a call was already made with."""


class Journal:
    """One command's calls and answers: what is stored, and what is still to be."""

    __slots__ = (
        "_answers",
        "_begun",
        "_lost",
        "_met",
        "_milliseconds",
        "_times",
        "_told",
        "_unheard",
        "_unwritten_answers",
        "_unwritten_calls",
        "_unwritten_lost",
    )

    def __init__(
        self, stored: Sequence[str] = (), milliseconds: Callable[[], int] | None = None
    ) -> None:
        """`stored` in their order; without `milliseconds` since 1970 no call of it is timed."""
        self._milliseconds = milliseconds
        self._times: dict[str, tuple[str, int, int]] = {}
        self._answers: dict[str, PartnerAnswer] = {}
        self._begun: dict[str, ChangingCall] = {}
        self._unwritten_answers: dict[str, PartnerAnswer] = {}
        self._unwritten_calls: dict[str, ChangingCall] = {}
        self._lost: dict[UUID, SlotTaken] = {}
        self._met: set[str] = set()
        self._unwritten_lost: dict[UUID, SlotTaken] = {}
        self._told: list[str] = []  # all entries, without what only a resumed command would need
        self._unheard: Set[str] = _NONE
        if stored:
            self._read(stored)

    def _read(self, stored: Sequence[str]) -> None:
        for entry in stored:
            body: dict[str, Any] = orjson.loads(entry)
            for key, answer in body["heard"].items():
                self._answers[key] = answer_from_json(answer)
            for key, call in body["asked"].items():
                self._begun[key] = call_from_json(call)  # type: ignore[assignment]  # only such are written
            for claim_id, conflicts in body.get("lost", {}).items():
                self._lost[UUID(claim_id)] = _taken_from_json(conflicts)
            self._told.append(_without_secrets(entry, body))
        self._unheard = frozenset(self._begun.keys() - self._answers.keys())

    def answer_to(self, call: PartnerCall) -> PartnerAnswer | None:
        """The answer already heard; raises QuestionChanged when the key stood for another call."""
        key = call.key
        begun = self._begun.get(key)
        if begun is not None:
            self._met.add(key)
            if begun is not call and begun != call:
                raise QuestionChanged(f"{type(call).__name__} differs from the one made before")
        return self._answers.get(key)

    def hear(self, call: PartnerCall, answer: PartnerAnswer) -> PartnerAnswer:
        """`call` was answered; where an earlier try of it was not heard, that counts with it."""
        if call.key in self._unheard:
            answer = after_unheard(answer)
        self._answers[call.key] = self._unwritten_answers[call.key] = answer
        return answer

    def now(self) -> int:
        """Milliseconds since 1970, or 0 without a clock."""
        return self._milliseconds() if self._milliseconds else 0

    def time(self, call: PartnerCall, made_ms: int) -> None:
        """The answer to `call`, which was made then, has just come."""
        self._times[call.key] = (type(call).__name__, made_ms, self.now() - made_ms)

    def about_to(self, call: ChangingCall) -> None:
        self._met.add(call.key)
        if call.key not in self._begun:
            self._begun[call.key] = self._unwritten_calls[call.key] = call

    def lost_claim(self, claim_id: UUID) -> SlotTaken | None:
        """What the claim was lost to; it stays lost, as its reservation may be gone by now."""
        return self._lost.get(claim_id)

    def lose(self, claim_id: UUID, taken: SlotTaken) -> None:
        if claim_id not in self._lost:
            self._lost[claim_id] = self._unwritten_lost[claim_id] = taken

    @property
    def next_sequence(self) -> int:
        """The number of the entry that `write` gives next; the start of the command was 0."""
        return len(self._told) + 1

    def write(self) -> str:
        """The next entry: all that is not stored yet."""
        parts = self._unwritten()
        body = dump(parts)
        is_secret = any(said in body for said in _SAID)
        self._told.append(dump(parts, hiding=_FOR_PAYING) if is_secret else body)
        return body

    def _unwritten(self) -> dict[str, Any]:
        """All that is not stored yet, which from now on it is."""
        parts: dict[str, Any] = {"heard": self._unwritten_answers, "asked": self._unwritten_calls}
        if self._milliseconds:
            parts["written"] = self.now()
            parts["times"] = [self._times.get(key) for key in self._unwritten_answers]
        if self._unwritten_lost:
            parts["lost"] = {str(k): _taken_to_json(t) for k, t in self._unwritten_lost.items()}
        self._unwritten_answers, self._unwritten_calls, self._unwritten_lost = {}, {}, {}
        return parts

    @property
    def has_unwritten_calls(self) -> bool:
        return bool(self._unwritten_calls)

    def story(self) -> str:
        """Everything as one JSON list, to be kept with the outcome; without what only a resumed
        command would need: what the guest pays with.
        """
        if self._unwritten_answers or self._unwritten_calls or self._unwritten_lost:
            self._told.append(dump(self._unwritten(), hiding=_FOR_PAYING))
        return f"[{','.join(self._told)}]"

    def begun(self) -> list[tuple[ChangingCall, PartnerAnswer | None]]:
        """The calls that may have had an effect, in order, with their answers as far as heard."""
        return [(call, self._answers.get(key)) for key, call in self._begun.items()]

    def passed_by(self) -> list[tuple[ChangingCall, PartnerAnswer | None]]:
        """Calls that an earlier try had begun and this one never came to: it took another way."""
        return [
            (call, self._answers.get(key))
            for key, call in self._begun.items()
            if key not in self._met
        ]


def _without_secrets(entry: str, body: Mapping[str, Any]) -> str:
    """A stored entry as it may be told, from its text and from what that says."""
    if not any(name in entry for name in _FOR_PAYING):
        return entry
    told = [*body["heard"].values(), *body["asked"].values()]
    for each in told:
        each.update(dict.fromkeys(_FOR_PAYING & each.keys()))
    return orjson.dumps(body).decode()


def _taken_to_json(taken: SlotTaken) -> list[list[Any]]:
    return [[t.slot.starts_at, t.slot.ends_at, t.item] for t in taken.conflicts]


def _taken_from_json(stored: list[list[Any]]) -> SlotTaken:
    return SlotTaken(
        tuple(
            TakenSlot(TimeSlot(datetime.fromisoformat(start), datetime.fromisoformat(end)), item)
            for start, end, item in stored
        )
    )
