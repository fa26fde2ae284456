"""What is counted on the way from Kafka and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from aiokafka.errors import InvalidProducerEpoch, KafkaError, ProducerFenced
from opentelemetry.metrics import Counter, Meter

from adapters.kafka.sending import OutputRefused
from adapters.kafka.topics import TopicNames
from handlers.ports import DatabaseAway, KeysAway, Output
from schemas.instruments import NO_METER, counter
from schemas.measures import DEAD_LETTERS, FORWARDED, LANES_FENCED, LANES_OPENED, RETRIES

_REASONS: Final = ("unreadable", "poison", "bug", "reply_refused")
_AGAIN: Final = (
    "opening",
    "database",
    "kafka",
    "keys",
    "lane_lost",
    "fenced",
    "timeout",
    "failure",
)


@dataclass(frozen=True, slots=True)
class KafkaFigures:
    """Counters of the Kafka side."""

    retries: Counter
    forwarded: Counter
    dead_letters: Counter
    opened: Counter
    fenced: Counter

    @classmethod
    def by(cls, meter: Meter) -> KafkaFigures:
        """What happens seldom stands there with 0 from the start: Prometheus takes the first value
        of a series for no rise at all, and the first dead letter would go unnoticed.
        """
        retries, letters = counter(meter, RETRIES), counter(meter, DEAD_LETTERS)
        forwarded, fenced = counter(meter, FORWARDED), counter(meter, LANES_FENCED)
        for reason in _AGAIN:
            retries.add(0, {"reason": reason})
        for reason in _REASONS:
            letters.add(0, {"reason": reason})
        for fence in ("kafka", "database"):
            fenced.add(0, {"by": fence})
        forwarded.add(0)
        return cls(retries, forwarded, letters, counter(meter, LANES_OPENED), fenced)

    def again(self, parts: int, reason: str) -> None:
        """So many parts of a batch are fetched again."""
        self.retries.add(parts, {"reason": reason})

    def failed(self, parts: int, error: BaseException) -> None:
        """The same after an error."""
        reason = _reason(error)
        if reason == "fenced":
            self.fenced.add(parts, {"by": "kafka"})
        self.again(parts, reason)

    def lost(self, lanes: int) -> None:
        """Lanes that have another epoch in the database by now."""
        self.fenced.add(lanes, {"by": "database"})
        self.again(lanes, "lane_lost")

    def published(self, names: TopicNames) -> Callable[[Sequence[Output]], None]:
        """Counts outputs that the broker has, where they went to."""

        def count(outputs: Sequence[Output]) -> None:
            sent_on = 0
            for output in outputs:
                if output.topic == names.commands:
                    sent_on += 1
                elif output.topic == names.dead_letter:
                    self.dead_letters.add(1, {"reason": _reason_of(output)})
            if sent_on:
                self.forwarded.add(sent_on)

        return count


NO_FIGURES: Final = KafkaFigures.by(NO_METER)


def _reason_of(letter: Output) -> str:
    """The last one said counts: a stranger's header of that name was dropped, or stands before."""
    said = dict(letter.headers).get("dlq_reason", b"").decode("ascii", "replace")
    return said if said in _REASONS else "other"


def _reason(error: BaseException) -> str:
    match error:
        case ProducerFenced() | InvalidProducerEpoch():
            return "fenced"
        case DatabaseAway():
            return "database"
        case KeysAway():
            return "keys"
        case TimeoutError():
            return "timeout"
        case KafkaError() | OutputRefused():
            return "kafka"
        case _:
            return "failure"
