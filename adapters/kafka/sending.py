"""Batches on their way: outputs sorted by target partition, and what the broker says to them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from adapters.kafka.hearing import hear
from adapters.kafka.partitioning import home_partition
from adapters.kafka.refusals import REFUSED_FOR_GOOD, TOPIC_CLOSED, Refusals
from adapters.kafka.rights_held import in_words
from handlers.ports import Output


class OutputRefused(Exception):
    """The broker refused some outputs for good; the refusals know which, another try goes round."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A batch on its way to one partition, and what is in it."""

    outputs: Sequence[Output]
    delivery: asyncio.Future[Any]


async def send(
    producer: AIOKafkaProducer, outputs: Sequence[Output], refusals: Refusals | None
) -> list[Sent]:
    """Put the outputs into batches of their own, which saves a future and a lookup per record.

    A topic that may not even be seen is noted, and raised as OutputRefused.
    """
    by_target: dict[TopicPartition, list[Output]] = {}
    partitions: dict[str, int] = {}
    for output in outputs:
        topic, partition = output.topic, output.partition
        if partition is None:
            if topic not in partitions:
                try:
                    partitions[topic] = len(await producer.partitions_for(topic))
                except TOPIC_CLOSED as error:
                    _refuse([(each, error) for each in outputs if each.topic == topic], refusals)
            key = output.value if output.key is None else output.key
            partition = home_partition(key, partitions[topic])
        by_target.setdefault(TopicPartition(topic, partition), []).append(output)
    sent: list[Sent] = []
    for target, batch in by_target.items():
        sent += await _send_to(producer, target, batch)
    return sent


async def _send_to(
    producer: AIOKafkaProducer, target: TopicPartition, outputs: Sequence[Output]
) -> list[Sent]:
    sent: list[Sent] = []
    batch, start = producer.create_batch(), 0
    for position, output in enumerate(outputs):
        if not _append(batch, output):
            delivery = await producer.send_batch(batch, target.topic, partition=target.partition)
            delivery.add_done_callback(hear)
            sent.append(Sent(outputs[start:position], delivery))
            batch, start = producer.create_batch(), position
            _append(batch, output)  # an empty batch takes any record
    delivery = await producer.send_batch(batch, target.topic, partition=target.partition)
    delivery.add_done_callback(hear)
    return [*sent, Sent(outputs[start:], delivery)]


def _append(batch: Any, output: Output) -> bool:
    appended = batch.append(
        timestamp=None,
        key=output.key,
        value=None if output.is_tombstone else output.value,
        headers=_writable(output.headers),
    )
    return appended is not None


def _writable(headers: Sequence[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """As aiokafka takes them: a list. Names that came in as bytes that are not UTF-8 go out with
    those bytes escaped.
    """
    if all(name.isascii() for name, _ in headers):
        return list(headers)
    return [(name.encode("utf-8", "backslashreplace").decode(), value) for name, value in headers]


async def delivered(sent: Sequence[Sent], refusals: Refusals | None) -> None:
    """Wait for all; what is refused for good is noted and raised as OutputRefused."""
    results = await asyncio.gather(*(batch.delivery for batch in sent), return_exceptions=True)
    failed = [result for result in results if isinstance(result, BaseException)]
    refused = [
        (output, result)
        for batch, result in zip(sent, results, strict=True)
        if isinstance(result, REFUSED_FOR_GOOD)
        for output in batch.outputs
    ]
    if refused:
        _refuse(refused, refusals)
    if failed:
        raise failed[0]


def _refuse(refused: Sequence[tuple[Output, KafkaError]], refusals: Refusals | None) -> NoReturn:
    if refusals is not None:
        refusals.note(refused)
    output, error = refused[0]
    raise OutputRefused(f"{output.topic}: {in_words(error)}") from error
