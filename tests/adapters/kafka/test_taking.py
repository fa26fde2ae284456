"""What is taken is done: no error on the way loses what came before it."""

from __future__ import annotations

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from adapters.kafka.fetching import Fetching
from adapters.kafka.records import accept_any_record
from adapters.kafka.taking import Taking
from tests.adapters.kafka.workers import Cluster, never


class Damaged:
    """What was fetched of a partition; the next time it is whole."""

    def has_next(self) -> bool:
        return True

    def next_batch(self) -> Damaged:
        return self

    def validate_crc(self) -> bool:
        return False


@pytest.mark.parametrize("most", [8, 100], ids=["of the others", "of all"])
async def test_a_batch_that_was_damaged_on_its_way_takes_nothing_with_it(
    cluster: Cluster, most: int
) -> None:
    accept_any_record()
    sources = [TopicPartition(cluster.names.commands, number) for number in range(3)]
    sent = [(0, 0), (0, 1), (0, 2), (0, 3), (1, 0), (2, 0)]
    for partition, _ in sent:
        await cluster.send([b"{}"], partition=partition)
    consumer = AIOKafkaConsumer(
        **cluster.settings.connection(),
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    await consumer.start()
    try:
        consumer.assign(sources)
        buffered = consumer._fetcher._records
        while len(buffered) < len(sources):
            await consumer.end_offsets(sources)  # asks the broker, so this loop never spins
        in_order = sorted(buffered.items())
        buffered.clear()
        buffered.update(in_order)
        buffered[sources[-1]]._partition_records._records = Damaged()
        fetching = Fetching("reading", Taking(most, 2).records, never)
        found: list[tuple[int, int]] = []
        for _ in range(20):  # each waits for a moment when there is nothing
            found += [(r.partition, r.offset) for r in await fetching.get_msg(consumer)]
            if len(found) == len(sent):
                break
        assert sorted(found) == sent
    finally:
        await consumer.stop()
