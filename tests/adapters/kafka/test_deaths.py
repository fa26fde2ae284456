"""What works in the background for a consumer dies: the worker gives up, and says of what."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import pytest
from aiokafka.errors import GroupAuthorizationFailedError

from adapters.kafka.deaths import Death
from tests.adapters.kafka.workers import Cluster, Echo, working

COMMANDS, QUERIES = range(2)


class Boom(Exception):
    """What nobody expected."""


async def boom(*_: object) -> None:
    raise Boom


def lose_a_heartbeat(subscriber: Any) -> None:
    subscriber.consumer._coordinator._do_heartbeat = boom


def lose_an_offset(subscriber: Any) -> None:
    subscriber.consumer._coordinator._maybe_refresh_commit_offsets = boom
    subscriber.consumer._subscription.subscription.assignment.commit_refresh_needed.set()


DEATHS: Final[dict[str, Callable[[Any], object]]] = {
    "metadata": lambda it: it.consumer._client._sync_task.cancel(),
    "coordination": lambda it: it.consumer._coordinator._coordination_task.cancel(),
    "heartbeat": lose_a_heartbeat,
    "reading of offsets": lose_an_offset,
    "fetching": lambda it: it.consumer._fetcher._fetch_task.cancel(),
    "loop": lambda it: it.tasks[-1].cancel(),
}


@pytest.mark.parametrize(
    ("which", "part"), [*((COMMANDS, part) for part in DEATHS), (QUERIES, "heartbeat")]
)
async def test_a_worker_gives_up_when_a_part_of_a_consumer_dies(
    cluster: Cluster, which: int, part: str
) -> None:
    reasons: asyncio.Queue[str] = asyncio.Queue()
    async with working(
        cluster.settings, Echo(cluster.names.events), give_up=reasons.put_nowait
    ) as side:
        before = side.awaited
        subscriber: Any = side.broker.subscribers[which]
        DEATHS[part](subscriber)
        reason = await asyncio.wait_for(reasons.get(), 10)
        assert f"the {part} of a consumer of {subscriber.group_id}" in reason
        assert (before, side.awaited) == (None, "a restart")
    assert reasons.empty()


def test_of_a_right_that_was_taken_away_it_says_which() -> None:
    """The heartbeat may meet with it sooner than the records do."""
    death = Death("heartbeat", "g", GroupAuthorizationFailedError("g"))
    assert "the ACL for Read on the group g is missing" in str(death)
