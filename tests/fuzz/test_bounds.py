"""What one record can cost at most: CPU time beside a healthy one's, memory beside its size.

Measured in the same run, so that a slow machine is slow for both.
"""

from __future__ import annotations

import asyncio
import gc
import time
import tracemalloc
from collections.abc import Callable, Coroutine
from dataclasses import replace
from statistics import median
from typing import Any, Final

import pytest

from handlers.ports import Record
from tests.fuzz.corpus import everything
from tests.fuzz.crafting import craft
from tests.fuzz.oracle import size
from tests.fuzz.targets import commands_client, queries_client
from tests.handlers.world import GUEST, World

TIMES_A_HEALTHY_ONE: Final = 150
TIMES_FOR_EACH_MEGABYTE: Final = 10
TIMES_THE_SIZE: Final = 4
MEMORY_FOR_ANY_BYTES: Final = 24 * 1024 * 1024
"""Of 256 KiB of JSON that are all brackets or all unknown names."""

Work = Callable[[], Coroutine[Any, Any, Any]]
HEAVY: Final = [
    pytest.param(target, text, id=f"{target}-{name}".replace("/", "-"))
    for target, name, text in everything()
    if any(word in name for word in ("000", "megabyte", "huge", "wide", "deep", "kib", "digits"))
]


async def _prepared(target: str, text: bytes) -> tuple[Record, Work]:
    """A record, and its way through the pipeline."""
    world = World()
    booking = await world.booked(by=GUEST)
    if target == "queries":
        asked = craft(text, queries_client(world, booking["id"]))
        return asked, lambda: world.queries.answer([asked])
    made = craft(text, commands_client(world, booking["id"]))
    sent = world.send_bytes(made.value, partition=made.partition, headers=made.headers)
    world.log[-1] = replace(sent, key=made.key)
    return world.log[-1], world.settle


async def _cpu_seconds(target: str, text: bytes) -> float:
    _, work = await _prepared(target, text)
    gc.collect()
    gc.freeze()  # what other tests left behind is nothing that a record can help
    try:
        before = time.process_time()
        await work()
        return time.process_time() - before
    finally:
        gc.unfreeze()


def _typical(target: str, text: bytes, *, runs: int) -> float:
    return median(asyncio.run(_cpu_seconds(target, text)) for _ in range(runs))


@pytest.fixture(scope="module")
def healthy_seconds() -> float:
    """Of a create; a query takes a fifth of it."""
    return _typical("commands", b"", runs=25)


def test_there_is_something_to_measure() -> None:
    assert len(HEAVY) > 50


@pytest.mark.parametrize(("target", "text"), HEAVY)
def test_no_record_takes_much_longer_than_a_healthy_one(
    target: str, text: bytes, healthy_seconds: float
) -> None:
    record, _ = asyncio.run(_prepared(target, text))
    megabytes = size(record) / 1_000_000
    times = TIMES_A_HEALTHY_ONE + TIMES_FOR_EACH_MEGABYTE * megabytes
    taken = _typical(target, text, runs=1)
    if taken >= times * healthy_seconds:  # somebody else's work may have come between
        taken = _typical(target, text, runs=5)
    assert taken < times * healthy_seconds


@pytest.mark.parametrize(("target", "text"), HEAVY)
async def test_no_record_takes_more_memory_than_a_multiple_of_its_size(
    target: str, text: bytes
) -> None:
    record, work = await _prepared(target, text)
    tracemalloc.start()
    try:
        await work()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < TIMES_THE_SIZE * size(record) + MEMORY_FOR_ANY_BYTES
