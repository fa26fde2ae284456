"""Batches that come compressed: everybody's arrive, and nobody's take more memory than is fixed."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from adapters.kafka.records import _Batches
from adapters.kafka.unfolding import MOST_BYTES, NOT_UNFOLDED
from schemas.headers import MAX_CARRIED_BYTES, carried, weight

CODECS = {"plain": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
Told = tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]]]
compressed = pytest.mark.parametrize("codec", [1, 2, 3, 4], ids=list(CODECS)[1:])


def a_batch(codec: int, *records: Told, first: int = 0) -> bytes:
    """As a producer writes it."""
    builder = _DefaultRecordBatchBuilderPy(2, codec, 0, -1, -1, 0, 1 << 40)
    for offset, (key, value, headers) in enumerate(records):
        assert builder.append(offset, 1_780_000_000_000, key, value, headers) is not None
    batch = bytearray(builder.build())
    batch[:8] = first.to_bytes(8, "big")
    return bytes(batch)


def read(*batches: bytes) -> list[Any]:
    """What aiokafka's fetcher is given."""
    found = _Batches(b"".join(batches))
    records = []
    while found.has_next():
        batch = found.next_batch()
        assert batch.validate_crc() or batch.base_offset
        records += list(batch)
    return records


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_a_batch_of_any_codec_arrives_as_it_is(codec: int) -> None:
    sent: list[Told] = [
        (b"k", b"x" * 1000, [("name", b"value"), ("null", None)]),
        (None, None, []),
        (b"", b"", [("", b"")]),
    ]
    records = read(a_batch(codec, *sent), a_batch(codec, *sent, first=3))
    assert [(r.key, r.value, list(r.headers)) for r in records] == sent * 2
    assert [record.offset for record in records] == [0, 1, 2, 3, 4, 5]
    assert {record.timestamp for record in records} == {1_780_000_000_000}


@compressed
def test_a_bomb_costs_no_memory_and_none_of_its_records_is_skipped(codec: int) -> None:
    bomb = a_batch(codec, *[(b"k", bytes(20_000_000), [])] * 3, (b"k", b"healthy", []))
    after = a_batch(codec, (b"k", b"after", []), first=4)
    tracemalloc.start()
    try:
        records = read(bomb, after)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [record.offset for record in records] == [0, 1, 2, 3, 4]
    assert [record.value for record in records] == [NOT_UNFOLDED] * 4 + [b"after"]
    assert peak < 3 * MOST_BYTES + 4 * len(bomb)


@compressed
def test_what_does_not_unfold_at_all_stops_nobody(codec: int) -> None:
    whole = a_batch(codec, (b"k", b"x" * 1000, []), (b"k", b"y", []))
    broken = whole[:61] + bytes(byte ^ 0x55 for byte in whole[61:])
    found = _Batches(broken + a_batch(0, (b"k", b"after", []), first=2))
    first = [record.value for record in found.next_batch()]
    assert first == [NOT_UNFOLDED] * 2
    assert [record.value for record in found.next_batch()] == [b"after"]


@pytest.mark.parametrize("codec", [0, 4], ids=["plain", "zstd"])
def test_large_records_are_cut_so_that_many_fit_and_it_can_still_be_seen(codec: int) -> None:
    ours: list[tuple[str, bytes | None]] = [("authorization", b"Bearer x"), ("reply_to", b"r")]
    junk: list[tuple[str, bytes | None]] = [("junk", bytes(3_000_000))]
    (record,) = read(a_batch(codec, (bytes(3_000_000), bytes(5_000_000), [*junk, *ours])))
    assert 1024 < len(record.key) < 2048
    assert 3 * 1024 * 1024 < len(record.value) < 4 * 1024 * 1024
    assert MAX_CARRIED_BYTES < weight(record.headers) < 4 * MAX_CARRIED_BYTES
    assert list(carried(record.headers)) == ours


def test_what_fits_is_not_cut() -> None:
    headers: list[tuple[str, bytes | None]] = [(f"h{n}", b"x" * 100) for n in range(1000)]
    (record,) = read(a_batch(4, (b"k", b"x" * 600_000, headers)))
    assert (record.value, list(record.headers)) == (b"x" * 600_000, headers)
