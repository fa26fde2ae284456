"""Records as they lie in Kafka: bytes stay bytes, and nothing in them stops a partition."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Any

from aiokafka import ConsumerRecord
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords
from faststream.kafka.message import FAKE_CONSUMER, KafkaMessage

from adapters.kafka.unfolding import CannotUnfold, fitted, record_count, stand_ins, unfolded
from handlers.ports import Record

_ALL_FIT_BYTES = 1024 * 1024  # what a topic takes that is not compressed is never cut


async def keep_bytes(batch: tuple[ConsumerRecord[Any, Any], ...]) -> KafkaMessage:
    """A FastStream parser that reads nothing; its own fails the whole batch on a null header."""
    return KafkaMessage(raw_message=batch, body=b"", consumer=FAKE_CONSUMER)


async def as_records(message: KafkaMessage) -> Sequence[Record]:
    """A FastStream decoder that gives the handler the batch's records, in order per partition."""
    batch: tuple[ConsumerRecord[Any, Any], ...] = message.raw_message
    return [record_of(record) for record in batch]


def record_of(record: ConsumerRecord[Any, Any]) -> Record:
    """The same record without aiokafka."""
    return Record(
        record.topic,
        record.partition,
        record.offset,
        record.timestamp,
        record.key,
        record.value,
        record.headers,
    )


def accept_any_record() -> None:
    """Make aiokafka's consumers read header names that are not UTF-8 instead of failing for ever.

    Kafka takes any bytes as a header's name, aiokafka 0.14 decodes them strictly while it iterates
    a fetched batch, and its position then never moves again: one record would wedge its partition
    and all others of that consumer. The fetcher offers no seam but this name in its module.
    Bytes that do not decode arrive as lone surrogates (PEP 383). Idempotent.

    The same seam bounds what a batch unfolds to: aiokafka unfolds it whole, however large that is.
    """
    fetcher.MemoryRecords = _Batches


class _Batches:
    """aiokafka's MemoryRecords, with a second try for a batch that does not decode, and a limit."""

    _BASE_OFFSET_AND_LENGTH = struct.Struct(">qi")

    __slots__ = ("_data", "_fast", "_start")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._fast = MemoryRecords(data)
        self._start = 0

    def has_next(self) -> bool:
        return bool(self._fast.has_next())

    def size_in_bytes(self) -> int:
        return int(self._fast.size_in_bytes())

    def next_batch(self) -> _Batch:
        header = self._BASE_OFFSET_AND_LENGTH
        _, length = header.unpack_from(self._data, self._start)
        start, self._start = self._start, self._start + header.size + length
        return _Batch(self._fast.next_batch(), memoryview(self._data)[start : self._start])


class _Batch:
    """One record batch; everything but its records comes from aiokafka's own."""

    __slots__ = ("_fast", "_records", "_slice")

    def __init__(self, fast: Any, raw: memoryview) -> None:
        self._fast = fast
        self._slice = raw
        self._records: Iterator[Any] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._fast, name)

    def __iter__(self) -> Iterator[Any]:
        batch, raw = self._fast, self._slice
        if isinstance(batch, DefaultRecordBatch) and batch.compression_type:
            try:
                raw = memoryview(unfolded(bytes(raw)))
            except CannotUnfold:
                return stand_ins(batch, record_count(raw))
            batch = DefaultRecordBatch(bytes(raw))
        try:
            records = list(batch)
        except UnicodeDecodeError:
            records = list(_EscapingBatch(bytes(raw)))
        return iter(records) if len(raw) <= _ALL_FIT_BYTES else map(fitted, records)

    def __next__(self) -> Any:
        if self._records is None:
            self._records = iter(self)
        return next(self._records)


class _EscapingBatch(_DefaultRecordBatchPy):  # type: ignore[misc]
    """aiokafka's batch in Python, reading from a buffer whose slices decode without failing."""

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer: bytearray = _EscapingBuffer(self._buffer)


class _EscapingBuffer(bytearray):
    def __getitem__(self, index: Any) -> Any:
        part = super().__getitem__(index)
        return _EscapingSlice(part) if isinstance(index, slice) else part


class _EscapingSlice(bytearray):
    def decode(self, encoding: str = "utf-8", errors: str = "surrogateescape") -> str:
        return super().decode(encoding, errors)
