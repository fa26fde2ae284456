"""Batches that came compressed, unfolded to a size that one fixes beforehand.

A broker weighs a batch as it comes, and a megabyte of zstd can be gigabytes of zeros. Nothing here
takes more memory than the limit, whatever the batch says about itself.
"""

from __future__ import annotations

import gzip
import io
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import cramjam

from schemas.headers import MAX_CARRIED_BYTES, carried, weight

MOST_BYTES: Final = 16 * 1024 * 1024
"""Clients fill batches of a megabyte at most, measured before they compress them."""
_FIRST_TRY_BYTES: Final = 1024 * 1024
_MOST_VALUE: Final = 3 * 1024 * 1024  # what a dead letter may be
_MOST_KEY: Final = 1024
_MOST_HEADERS: Final = 1024 * 1024
NOT_UNFOLDED: Final = b"(not kept: it came in a batch that unfolds to more than 16 MiB)"
"""Stands in for the value of each record of such a batch."""

_HEADER: Final = struct.Struct(">qiibIhiqqqhii")
_ATTRIBUTES: Final = struct.Struct(">h")
_ATTRIBUTES_AT: Final = 21
_CODEC: Final = 0x07
_XERIAL: Final = b"\x82SNAPPY\0"
_XERIAL_HEADER_BYTES: Final = 16


class CannotUnfold(Exception):
    """It is larger than the limit, or no compressed bytes at all."""


@dataclass(frozen=True, slots=True)
class PlainRecord:
    """What aiokafka asks of a record."""

    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    checksum: None = None


def unfolded(batch: bytes, most_bytes: int = MOST_BYTES) -> bytes:
    """The same batch without compression; its checksum is not made anew. Raises CannotUnfold."""
    (attributes,) = _ATTRIBUTES.unpack_from(batch, _ATTRIBUTES_AT)
    unfold = _CODECS.get(attributes & _CODEC)
    if unfold is None:
        raise CannotUnfold(f"no codec has the number {attributes & _CODEC}")
    try:
        records = unfold(batch[_HEADER.size :], most_bytes)
    except (cramjam.DecompressionError, OSError, EOFError, zlib.error, struct.error) as error:
        raise CannotUnfold(str(error)) from None
    head = bytearray(batch[: _HEADER.size])
    _ATTRIBUTES.pack_into(head, _ATTRIBUTES_AT, attributes & ~_CODEC)
    return bytes(head) + records


def stand_ins(batch: Any, count: int) -> Iterator[PlainRecord]:
    """A record for each of the `count` in a batch that cannot be unfolded, so that none is skipped.

    Producers number them without gaps, and the topics read here are not compacted.
    """
    for offset in range(batch.base_offset, batch.base_offset + count):
        yield PlainRecord(offset, batch.max_timestamp, batch.timestamp_type, None, NOT_UNFOLDED, ())


def record_count(batch: bytes | memoryview) -> int:
    """How many records the batch says it has."""
    return int(_HEADER.unpack_from(batch)[-1])


def fitted(record: Any) -> Any:
    """The record, cut to a size of which a few hundred fit into memory at once; still so large that
    everybody behind this can see that it was cut.
    """
    headers = tuple(record.headers)
    key, value = record.key, record.value
    if weight(headers) > _MOST_HEADERS:
        filler = ("", bytes(MAX_CARRIED_BYTES + 1))
        headers = (*carried(headers), filler)
    return PlainRecord(
        record.offset,
        record.timestamp,
        record.timestamp_type,
        key and key[: _MOST_KEY + 1],
        value and value[: _MOST_VALUE + 1],
        headers,
    )


def _gzip(packed: bytes, most_bytes: int) -> bytes:
    with gzip.GzipFile(fileobj=io.BytesIO(packed)) as stream:
        records = stream.read(most_bytes + 1)
    if len(records) > most_bytes:
        raise CannotUnfold(f"more than {most_bytes} bytes")
    return records


def _snappy(packed: bytes, most_bytes: int) -> bytes:
    """Java writes blocks, each with its length before it; others one block and nothing else."""
    if not packed.startswith(_XERIAL):
        return _snappy_block(packed, most_bytes)
    records, at = bytearray(), _XERIAL_HEADER_BYTES
    while at < len(packed):
        (length,) = struct.unpack_from(">i", packed, at)
        if length < 0:
            raise CannotUnfold("a block of negative length")
        at += 4
        records += _snappy_block(packed[at : at + length], most_bytes - len(records))
        at += length
    return bytes(records)


def _snappy_block(block: bytes, most_bytes: int) -> bytes:
    if cramjam.snappy.decompress_raw_len(block) > most_bytes:
        raise CannotUnfold(f"more than {most_bytes} bytes")
    return bytes(cramjam.snappy.decompress_raw(block))


def _into(decompress_into: Callable[[bytes, bytearray], int]) -> Callable[[bytes, int], bytes]:
    """It fails where the buffer is too small; most batches fit the small one."""

    def unfold(packed: bytes, most_bytes: int) -> bytes:
        try:
            return _filled(min(_FIRST_TRY_BYTES, most_bytes), packed)
        except cramjam.DecompressionError:
            return _filled(most_bytes, packed)

    def _filled(size: int, packed: bytes) -> bytes:
        buffer = bytearray(size)
        written = decompress_into(packed, buffer)
        return bytes(memoryview(buffer)[:written])

    return unfold


_CODECS: Final[Mapping[int, Callable[[bytes, int], bytes]]] = {
    1: _gzip,
    2: _snappy,
    3: _into(cramjam.lz4.decompress_into),
    4: _into(cramjam.zstd.decompress_into),
}
