"""Outputs that the broker refuses for good go round, and never block their partition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from adapters.kafka.publishing import BrokerPublisher
from handlers.dead_letter import opened
from handlers.ports import Held, Output, Record
from tests.adapters.kafka.workers import Cluster, Echo, working
from tests.fakes.sealing import FakeServiceKeys

TOO_MUCH = b"x" * 1_500_000  # replies and events take 1 MiB, dead letters 3


class Replying(Echo):
    """Answers each record by one reply to the topic in its value, next to its event."""

    size: bytes = b"reply"

    async def process(
        self, records: Sequence[Record], lanes: Mapping[int, Held], *, alone: bool = False
    ) -> Mapping[int, Sequence[Output]]:
        answer = await super().process(records, lanes, alone=alone)
        return {
            partition: [
                *outputs,
                *(
                    Output((o.key or b"").decode(), b"c1", self.size, (("correlation_id", b"c1"),))
                    for o in outputs
                ),
            ]
            for partition, outputs in answer.items()
        }


async def test_a_reply_to_a_topic_that_does_not_exist_goes_to_the_default_topic(
    cluster: Cluster,
) -> None:
    await cluster.send([f"{cluster.names.replies}.nobody".encode()])
    async with working(cluster.settings, Replying(cluster.names.events)):
        await cluster.events(1)
    (reply,) = await cluster.visible(cluster.names.replies, 1)
    assert reply.value == b"reply"
    assert reply.headers == (("correlation_id", b"c1"), ("reply_to_refused", b"true"))


async def test_a_reply_too_large_for_its_topic_goes_to_the_dead_letters(cluster: Cluster) -> None:
    await cluster.send([cluster.names.replies.encode()])
    processor = Replying(cluster.names.events)
    processor.size = TOO_MUCH
    async with working(cluster.settings, processor):
        events = await cluster.events(1)
    (letter,) = await cluster.visible(cluster.names.dead_letter, 1)
    record = Record(letter.topic, 0, 0, 0, letter.key, letter.value, letter.headers)
    assert opened(record, FakeServiceKeys(), None).value == TOO_MUCH
    assert ("dlq_reason", b"reply_refused") in letter.headers
    assert ("dlq_detail", b"too_large") in letter.headers
    assert len(events) == 1
    assert await cluster.committed_records(cluster.names.replies) == []


async def test_small_replies_beside_one_too_large_are_delivered(cluster: Cluster) -> None:
    replies = cluster.names.replies.encode()
    await cluster.send([replies] * 3, partition=0)

    class LargeSecond(Replying):
        async def process(
            self, records: Sequence[Record], lanes: Mapping[int, Held], *, alone: bool = False
        ) -> Mapping[int, Sequence[Output]]:
            answer = dict(await super().process(records, lanes, alone=alone))
            outputs = list(answer[0])
            outputs[4] = replace(outputs[4], value=TOO_MUCH)
            return {0: outputs}

    async with working(cluster.settings, LargeSecond(cluster.names.events)):
        await cluster.events(3)
    assert len(await cluster.visible(cluster.names.replies, 2)) == 2
    assert len(await cluster.visible(cluster.names.dead_letter, 1)) == 1


class MadeAnew(Replying):
    """As what stores nothing is answered: each try has a time, and so bytes, of its own."""

    tries: int = 0

    def anew(self, outputs: Sequence[Output]) -> list[Output]:
        self.tries += 1
        return [
            replace(each, value=each.value + f"{self.tries:09}".encode())
            if each.key == b"c1"
            else each
            for each in outputs
        ]

    async def process(
        self, records: Sequence[Record], lanes: Mapping[int, Held], *, alone: bool = False
    ) -> Mapping[int, Sequence[Output]]:
        answer = await super().process(records, lanes, alone=alone)
        return {partition: self.anew(outputs) for partition, outputs in answer.items()}

    async def answer(self, records: Sequence[Record]) -> Sequence[Output]:
        answers = await super().answer(records)
        key = (("correlation_id", b"c1"),)
        asked = [topic for each in records if (topic := (each.value or b"").decode()) != "small"]
        return self.anew([*answers, *(Output(topic, b"c1", self.size, key) for topic in asked)])


async def test_a_large_reply_that_is_made_anew_each_time_blocks_no_commands(
    cluster: Cluster,
) -> None:
    await cluster.send([cluster.names.replies.encode()])
    processor = MadeAnew(cluster.names.events)
    processor.size = TOO_MUCH
    async with working(cluster.settings, processor):
        await cluster.events(1)
    (letter,) = await cluster.visible(cluster.names.dead_letter, 1)
    assert ("dlq_detail", b"too_large") in letter.headers


async def test_a_large_answer_that_is_made_anew_each_time_blocks_no_queries(
    cluster: Cluster,
) -> None:
    publisher = BrokerPublisher(cluster.settings)
    processor = MadeAnew(cluster.names.events)
    processor.size = TOO_MUCH
    async with working(cluster.settings, processor):
        await publisher.publish(
            [Output(cluster.names.queries, None, cluster.names.replies.encode(), (), 0)]
        )
        (letter,) = await cluster.visible(cluster.names.dead_letter, 1)
        tries = len(await cluster.events(2))
        await publisher.publish([Output(cluster.names.queries, None, b"small", (), 0)])
        answers = await cluster.events(tries + 1)
    await publisher.stop()
    assert ("dlq_detail", b"too_large") in letter.headers
    assert answers[-1].value == b"small"


async def test_a_reply_topic_made_while_the_worker_runs_is_found(cluster: Cluster) -> None:
    own = f"{cluster.names.replies}.shop"
    async with working(cluster.settings, Replying(cluster.names.events)):
        admin = AIOKafkaAdminClient(**cluster.settings.connection())
        await admin.start()
        await admin.create_topics([NewTopic(own, 12, 1)])
        while own not in await admin.list_topics():  # a broker hears of it a moment later
            pass
        await admin.close()
        await send_asking_for(cluster, own)
        await cluster.events(1)
    assert len(await cluster.visible(own, 1)) == 1


async def send_asking_for(cluster: Cluster, reply_to: str) -> None:
    async with AIOKafkaProducer(**cluster.settings.connection()) as producer:
        await producer.send_and_wait(
            cluster.names.commands,
            b"{}",
            reply_to.encode(),
            headers=[("reply_to", reply_to.encode())],
        )


async def test_an_event_that_cannot_be_written_stops_the_worker_with_the_reason(
    cluster: Cluster,
) -> None:
    reasons: list[str] = []
    await cluster.send([cluster.names.events.encode()])
    processor = Replying(cluster.names.events)
    processor.size = TOO_MUCH
    async with working(cluster.settings, processor, give_up=reasons.append) as side:
        await side.broker.ping(timeout=5)
        while not reasons:
            await cluster.committed_offsets()
    assert f"{cluster.names.events}: too_large" in reasons[0]
    assert await cluster.committed_records(cluster.names.events) == []
    assert await cluster.committed_offsets() == {}
