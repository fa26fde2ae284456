"""Lanes on real Kafka: opened by a batch, closed by whatever goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from aiokafka import AIOKafkaProducer, TopicPartition

from handlers.ports import DatabaseAway, Held, LaneState, Output, Record
from tests.adapters.kafka.workers import Cluster, Echo, LaneRowsInMemory, working


def numbered(count: int, name: str = "c") -> list[bytes]:
    return [f"{name}{number:05}".encode() for number in range(count)]


def values(records: Sequence[Record]) -> list[bytes | None]:
    return sorted((record.value for record in records), key=lambda value: value or b"")


async def test_every_command_is_published_once_and_its_offset_committed(cluster: Cluster) -> None:
    sent = numbered(1_200)
    await cluster.send(sent)
    async with working(cluster.settings, Echo(cluster.names.events)):
        events = await cluster.events(len(sent))
    assert values(events) == sent
    # 100 a partition; the next one to read is the hundredth.
    assert await cluster.committed_offsets() == dict.fromkeys(range(12), 100)


async def test_records_fetched_before_the_lane_was_open_are_fetched_again(cluster: Cluster) -> None:
    await cluster.send(numbered(3), partition=5)
    rows, echo = LaneRowsInMemory(), Echo(cluster.names.events)

    async def another_owner_publishes(topic: str, partition: int) -> LaneState:
        """Between the fetch and the lane, the former owner finishes the first two records."""
        rows.raised.append(partition)
        await commit_elsewhere(cluster, partition, 2)
        rows.rows[partition] = LaneState(7, None, None)
        return rows.rows[partition]

    rows.open_lane = another_owner_publishes  # type: ignore[method-assign]
    async with working(cluster.settings, echo, rows):
        events = await cluster.events(1)
    assert values(events) == [b"c00002"]
    assert rows.raised == [5]
    assert [shown[5].epoch for shown in echo.lanes] == [7]


async def commit_elsewhere(cluster: Cluster, partition: int, offset: int) -> None:
    connection, source = cluster.settings.connection(), cluster.names.commands
    former = AIOKafkaProducer(**connection, transactional_id=source)
    async with former, former.transaction():
        await former.send_offsets_to_transaction(
            {TopicPartition(source, partition): offset}, cluster.settings.group_id
        )
    # A commit is answered before it can be read; a producer of the same name waits for that, as
    # the lane's own does.
    async with AIOKafkaProducer(**connection, transactional_id=source):
        pass


async def test_a_lane_stays_open_for_the_batches_that_follow(cluster: Cluster) -> None:
    rows = LaneRowsInMemory()
    async with working(cluster.settings, Echo(cluster.names.events), rows):
        for name in ("a", "b", "c"):
            await cluster.send(numbered(5, name), partition=3)
            await cluster.events({"a": 5, "b": 10, "c": 15}[name])
    assert rows.raised == [3]


async def test_commands_of_a_failed_batch_come_again_and_no_others(cluster: Cluster) -> None:
    await cluster.send(numbered(24))
    failures = [DatabaseAway("the database went away"), ValueError("a bug")]

    async def fail_twice(records: Sequence[Record], lanes: Mapping[int, Held]) -> None:
        if failures:
            raise failures.pop()

    async with working(cluster.settings, Echo(cluster.names.events, before=fail_twice)):
        await cluster.events(24)
        await cluster.send(numbered(12, "d"))
        events = await cluster.events(36)
    assert values(events) == numbered(24) + numbered(12, "d")


async def test_one_partition_that_cannot_publish_leaves_the_others_alone(cluster: Cluster) -> None:
    await cluster.send(numbered(24))
    given_up: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def give_up(reason: str) -> None:
        if not given_up.done():
            given_up.set_result(reason)

    class OneRefused(Echo):
        def output(self, record: Record) -> Output:
            output = super().output(record)
            # An event too large for the broker, which may go nowhere else.
            return replace(output, value=b"x" * 5_000_000) if record.partition == 4 else output

    async with working(cluster.settings, OneRefused(cluster.names.events), give_up=give_up):
        events = await cluster.events(22)
        reason = await given_up
    assert len(events) == 22
    assert set(await cluster.committed_offsets()) == set(range(12)) - {4}
    assert f"{cluster.names.events}: too_large" in reason


async def test_a_lane_lost_in_the_database_publishes_nothing_until_it_is_opened_again(
    cluster: Cluster,
) -> None:
    await cluster.send(numbered(2), partition=1)
    echo, rows = Echo(cluster.names.events, lost={1}), LaneRowsInMemory()

    async def find_again(records: Sequence[Record], shown: Mapping[int, Held]) -> None:
        if shown[1].epoch > 1:
            echo.lost.clear()

    echo.before = find_again
    async with working(cluster.settings, echo, rows):
        events = await cluster.events(2)
    assert values(events) == numbered(2)
    assert [shown[1].epoch for shown in echo.lanes] == [1, 2]


async def test_a_batch_that_takes_too_long_is_given_up_and_comes_again(cluster: Cluster) -> None:
    settings = replace(cluster.settings, rebalance_timeout_ms=2_000)
    hung: list[bool] = []

    async def hang_once(records: Sequence[Record], lanes: Mapping[int, Held]) -> None:
        if not hung:
            hung.append(True)
            await asyncio.Event().wait()

    await cluster.send(numbered(3), partition=0)
    async with working(settings, Echo(cluster.names.events, before=hang_once)):
        events = await cluster.events(3)
    assert values(events) == numbered(3)


async def test_stopping_waits_for_the_batch_in_hand(cluster: Cluster) -> None:
    started, sent = asyncio.Event(), numbered(3)

    async def slow(records: Sequence[Record], lanes: Mapping[int, Held]) -> None:
        started.set()
        await asyncio.sleep(0.5)

    await cluster.send(sent, partition=0)
    async with working(cluster.settings, Echo(cluster.names.events, before=slow)):
        await started.wait()
    assert values(await cluster.committed_records(cluster.names.events)) == sent


async def test_stopping_gives_up_a_batch_that_does_not_end(cluster: Cluster) -> None:
    settings = replace(cluster.settings, drain_seconds=0.5)
    started = asyncio.Event()

    async def never_end(records: Sequence[Record], lanes: Mapping[int, Held]) -> None:
        started.set()
        await asyncio.Event().wait()

    await cluster.send(numbered(3), partition=0)
    async with asyncio.timeout(15):
        async with working(settings, Echo(cluster.names.events, before=never_end)):
            await started.wait()
    assert await cluster.committed_records(cluster.names.events) == []
    assert await cluster.committed_offsets() == {}


async def test_workers_that_come_and_go_publish_every_command_once(cluster: Cluster) -> None:
    sent = numbered(4_800)

    async def coming_and_going() -> None:
        for _ in range(2):
            async with working(cluster.settings, Echo(cluster.names.events)):
                await asyncio.sleep(1.0)

    async with working(cluster.settings, Echo(cluster.names.events)):
        guest = asyncio.create_task(coming_and_going())
        for start in range(0, len(sent), 300):
            await cluster.send(sent[start : start + 300])
            await asyncio.sleep(0.1)
        await guest
        events = await cluster.events(len(sent))
    assert values(events) == sent
