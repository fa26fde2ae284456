"""Records that strangers wrote: whatever they put in, it arrives, and what is behind it too."""

from __future__ import annotations

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from adapters.kafka.watching import watching
from tests.adapters.kafka.workers import Cluster, Echo, working

Headers = list[tuple[str, bytes | None]]


class NotUtf8(str):
    """A header name that goes onto the wire as bytes that are no UTF-8."""

    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return b"\xff" + super().encode(encoding, errors)


async def send(cluster: Cluster, *records: tuple[bytes | None, Headers], codec: int = 0) -> None:
    """All in one batch, so that a bad one has neighbours."""
    producer = AIOKafkaProducer(**cluster.settings.connection())
    await producer.start()
    batch = producer.create_batch()
    # The compiled builder insists on plain str.
    batch._builder = _DefaultRecordBatchBuilderPy(
        2,
        codec,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=0,
        batch_size=1_000_000,
    )
    for value, headers in records:
        batch.append(timestamp=None, key=b"k", value=value, headers=headers)
    delivery = await producer.send_batch(batch, cluster.names.commands, partition=0)
    await delivery
    await producer.stop()


HOSTILE: list[tuple[bytes | None, Headers]] = [
    (b"first", []),
    (None, [("null", None)]),
    (b"", [("empty", b""), ("", b"no name")]),
    (b"\xff\xfe{", [("reply_to", b"\xff\xfe"), ("correlation_id", b"\x00\x80")]),
    (b"repeated", [("reply_to", b"a"), ("reply_to", b"b")]),
    (b"huge", [("correlation_id", b"x" * 300_000)]),
    (b"last", [("content-type", b"text/plain")]),
]


async def test_null_broken_repeated_and_huge_values_and_headers_arrive_as_they_are(
    cluster: Cluster,
) -> None:
    await send(cluster, *HOSTILE)
    echo = Echo(cluster.names.events)
    async with working(cluster.settings, echo):
        await cluster.events(len(HOSTILE))
    arrived = [(record.value, list(record.headers)) for batch in echo.batches for record in batch]
    assert arrived == HOSTILE


@pytest.mark.parametrize("codec", [0, 1, 2, 3, 4], ids=["plain", "gzip", "snappy", "lz4", "zstd"])
async def test_a_header_name_that_is_not_utf_8_wedges_nothing(cluster: Cluster, codec: int) -> None:
    await send(
        cluster,
        (b"before", []),
        (b"strange", [(NotUtf8("name"), b"value"), ("plain", None)]),
        (b"after", []),
        codec=codec,
    )
    echo = Echo(cluster.names.events)
    async with working(cluster.settings, echo):
        await cluster.events(3)
    arrived = [(record.value, record.headers) for batch in echo.batches for record in batch]
    assert arrived == [
        (b"before", ()),
        (b"strange", (("\udcffname", b"value"), ("plain", None))),
        (b"after", ()),
    ]


async def test_an_output_with_such_a_header_name_is_written_with_its_bytes_escaped(
    cluster: Cluster,
) -> None:
    await send(cluster, (b"strange", [(NotUtf8("name"), b"value")]))
    async with working(cluster.settings, Echo(cluster.names.events)):
        (event,) = await cluster.events(1)
    assert event.headers == (("\\udcffname", b"value"),)


async def test_watching_from_the_beginning_shows_what_is_there(cluster: Cluster) -> None:
    await send(cluster, (b"one", []), (b"two", [(NotUtf8("name"), None)]))
    async with watching(cluster.settings, cluster.names.commands, from_beginning=True) as watched:
        records = aiter(watched)
        assert [(await anext(records)).value, (await anext(records)).value] == [b"one", b"two"]


async def test_watching_from_now_shows_what_comes_and_nothing_older(cluster: Cluster) -> None:
    await send(cluster, (b"old", []))
    async with watching(cluster.settings, cluster.names.commands) as watched:
        await send(cluster, (b"new", []))
        assert (await anext(aiter(watched))).value == b"new"
