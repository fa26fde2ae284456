"""What works in the background for a consumer, and whether something of it has died.

aiokafka and FastStream start none of it again, nor do they tell: without metadata, coordination or
heartbeats a worker is out of its group for good, without the rest it is in it and reads nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from adapters.kafka.rights_held import in_words

Task = asyncio.Future[Any]


@dataclass(frozen=True, slots=True)
class Death:
    """Which part of which group's consumer has ended, and of what if that is known."""

    part: str
    group_id: str
    cause: BaseException | None

    def __str__(self) -> str:
        cause = self.cause and in_words(self.cause)
        return f"the {self.part} of a consumer of {self.group_id} died: {cause}"


def death_in(subscriber: Any) -> Death | None:
    """Of a FastStream subscriber, started or starting; None while all that it has lives."""
    for part, task, may_have_ended in _parts(subscriber):
        if task is not None and task.done() and not may_have_ended(task):
            cause = None if task.cancelled() else task.exception()
            return Death(part, subscriber.group_id, cause)
    return None


def _parts(subscriber: Any) -> Iterator[tuple[str, Task | None, Callable[[Task], bool]]]:
    """Each with what it may end of while the consumer goes on."""
    consumer = subscriber.consumer
    if consumer is None:
        return
    yield "metadata", consumer._client._sync_task, _nothing
    if (coordinator := consumer._coordinator) is not None:
        yield "coordination", coordinator._coordination_task, _nothing
        # Every rebalance ends these two and begins new ones.
        yield "heartbeat", coordinator._heartbeat_task, _no_error
        yield "reading of offsets", coordinator._commit_refresh_task, _no_error
    if consumer._fetcher is not None:
        yield "fetching", consumer._fetcher._fetch_task, _nothing
    if subscriber.tasks:
        # FastStream begins another one after an error, not after a cancellation.
        yield "loop", subscriber.tasks[-1], _an_error


def _nothing(task: Task) -> bool:
    return False


def _no_error(task: Task) -> bool:
    return not task.cancelled() and task.exception() is None


def _an_error(task: Task) -> bool:
    return not task.cancelled() and task.exception() is not None
