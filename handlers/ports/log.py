"""What comes from Kafka and what goes there, and who does the work in between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import UTC, datetime
from typing import Final, Protocol

from domain.values import dataclass

_LAST_MS: Final = 253_402_300_799_000  # the last second of the year 9999


@dataclass(frozen=True, slots=True)
class Coordinates:
    """Where a record lies; the timestamp (broker's, ms) tells it from one of a topic made anew."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a lane is published: what lies before it is done, outputs and all.

    The timestamp is what makes it safe: in a topic made anew under the old name offsets begin at 0
    again, but every record is later.
    """

    offset: int  # the next one to be done
    timestamp_ms: int  # no record before it is later than this

    def covers(self, at: Coordinates) -> bool:
        """Whether the outputs of the record there were published once."""
        return at.offset < self.offset and at.timestamp_ms <= self.timestamp_ms

    def risen_to(self, other: Mark | None) -> Mark:
        """The further one of both: a mark never falls, wherever the group is set back to."""
        if other is None:
            return self
        if other.timestamp_ms > self.timestamp_ms:
            return other
        return Mark(max(self.offset, other.offset), self.timestamp_ms)


@dataclass(frozen=True, slots=True)
class Held:
    """A lane as its worker holds it: the fence in the database, and how far it is published."""

    epoch: int
    mark: Mark | None = None  # None: nothing of it was ever published


@dataclass(frozen=True, slots=True)
class Record:
    """One Kafka record as bytes; only header names are text (undecodable bytes escaped)."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None = field(repr=False)
    headers: tuple[tuple[str, bytes | None], ...] = field(repr=False)

    @property
    def coordinates(self) -> Coordinates:
        return Coordinates(self.topic, self.partition, self.offset, self.timestamp_ms)

    @property
    def sent(self) -> datetime:
        """The broker's timestamp, or the nearest that a calendar has: producers may set some."""
        return datetime.fromtimestamp(min(max(self.timestamp_ms, 0), _LAST_MS) / 1000, UTC)


@dataclass(frozen=True, slots=True)
class Output:
    """One record to publish; `partition` None leaves the choice to the key."""

    topic: str
    key: bytes | None
    value: bytes = field(repr=False)
    headers: tuple[tuple[str, bytes], ...]
    partition: int | None = None
    is_tombstone: bool = False  # published without a value: in a compacted topic the key is gone


class CommandProcessor(Protocol):
    """The command handlers, as the Kafka side sees them."""

    async def process(
        self, records: Sequence[Record], lanes: Mapping[int, Held], *, alone: bool = False
    ) -> Mapping[int, Sequence[Output]]:
        """Do one batch; `lanes` holds the lane by input partition.

        Gives the outputs by input partition, to be published in one transaction with its offsets.
        A partition missing from the answer is no longer ours in the database: nothing of it was
        written, and its lane has to be closed. Raises DatabaseAway when the database cannot be
        reached; the batch is then delivered again.

        `alone`: the one record is suspected of having brought a worker down, or of raising. The try
        is counted before anything else is done, and after three that never ended it is set aside.
        """
        ...


class QueryProcessor(Protocol):
    """The query handlers, as the Kafka side sees them."""

    async def answer(self, records: Sequence[Record]) -> Sequence[Output]: ...


class Topics(Protocol):
    """What is known of the cluster's topics, from metadata that is kept fresh."""

    def partitions_of(self, topic: str) -> int | None:
        """How many partitions `topic` has; None when there is no such topic."""
        ...


class Publisher(Protocol):
    """Publishing outside of any lane: for the sweeper and the command line."""

    async def publish(self, outputs: Sequence[Output]) -> None:
        """Return when the broker has all of them."""
        ...
