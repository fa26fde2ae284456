"""Replies as a client sees them, and the CPU time that went by meanwhile."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from aiokafka import AIOKafkaConsumer, TopicPartition

from adapters.kafka.topics import PARTITIONS

PATIENCE_SECONDS: Final = 60
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class NoReplies(Exception):
    """Nothing came for a minute; the message says how far it had come."""


@dataclass(frozen=True, slots=True)
class Span:
    """The middle half of the replies: how many came, in what time, for how much CPU. All bodies,
    and when the last one was seen (`time.perf_counter`).
    """

    replies: int
    seconds: float
    cpu_by_process: Sequence[float]
    bodies: Sequence[bytes]
    ended: float

    @property
    def per_second(self) -> float:
        return self.replies / self.seconds

    @property
    def cpu_ms_each(self) -> float:
        return sum(self.cpu_by_process) / self.replies * 1000


class Replies:
    """Reads the committed records of one topic, from its end on."""

    def __init__(self, bootstrap_servers: str, topic: str) -> None:
        self._topic = topic
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap_servers,
            isolation_level="read_committed",
            enable_auto_commit=False,
            fetch_max_wait_ms=100,
        )

    async def __aenter__(self) -> Self:
        await self._consumer.start()
        targets = [TopicPartition(self._topic, each) for each in range(PARTITIONS)]
        self._consumer.assign(targets)
        await self._consumer.seek_to_end(*targets)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._consumer.stop()

    async def next(self) -> list[bytes]:
        """What has come since, as soon as something has. Raises NoReplies."""
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            found = await self._consumer.getmany(timeout_ms=1000)
            if found:
                return [record.value for records in found.values() for record in records]
        raise NoReplies(f"no reply on {self._topic} for {PATIENCE_SECONDS} s")

    async def span(self, count: int, *pids: int) -> Span:
        """Wait for so many. The clock runs from when a quarter of them was seen to three quarters.

        With the first reply to be seen a worker has several batches in hand, and with the last one
        none: from the first to the last it would seem to do for nothing what it had begun before.
        """
        bodies: list[bytes] = []
        while len(bodies) < count // 4:
            bodies += await self.next()
        early = len(bodies)
        began, before = time.perf_counter(), [cpu_seconds(pid) for pid in pids]
        while len(bodies) < count - count // 4:
            bodies += await self.next()
        seconds, replies = time.perf_counter() - began, len(bodies) - early
        cpu = [cpu_seconds(pid) - earlier for pid, earlier in zip(pids, before, strict=True)]
        while len(bodies) < count:
            bodies += await self.next()
        return Span(replies, seconds, cpu, bodies, time.perf_counter())

    async def settle(self, count: int) -> None:
        """Wait for so many, unmeasured."""
        while count > 0:
            count -= len(await self.next())

    async def surplus(self) -> int:
        """How many more come within a second: none, when everything is answered once."""
        try:
            async with asyncio.timeout(1):
                return len(await self.next())
        except TimeoutError:
            return 0


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far, all threads."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / _TICKS
