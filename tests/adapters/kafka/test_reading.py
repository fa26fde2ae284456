"""A topic is read to its end and no longer: what waits for a record may wait for one in vain."""

from __future__ import annotations

from aiokafka import TopicPartition

from adapters.kafka.reading import Stretch, TopicReader

PARTITION = TopicPartition("commands", 0)


class OnlyAMarker:
    """A consumer to whom the end of a transaction has come, in which its caller sees nothing."""

    def __init__(self) -> None:
        self.waited_ms = 0
        self.paused: list[TopicPartition] = []
        self._position = 7

    async def getmany(
        self, *sources: TopicPartition, timeout_ms: int, max_records: int
    ) -> dict[TopicPartition, list[object]]:
        self.waited_ms += timeout_ms
        self._position = 8
        return {}

    async def position(self, source: TopicPartition) -> int:
        return self._position

    def pause(self, source: TopicPartition) -> None:
        self.paused.append(source)


async def test_a_marker_at_the_end_of_a_topic_is_not_waited_behind() -> None:
    consumer = OnlyAMarker()
    reader = TopicReader(consumer, {PARTITION: Stretch(7, 8)})
    assert [batch async for batch in reader.batches()] == [(0, 8, [])]
    assert consumer.paused == [PARTITION]
    assert consumer.waited_ms <= 50
