"""The service's own signature: on forwarded copies and on the commands that it sends itself.

A forwarded copy is trusted for who sent it, when, and from where, so its signature covers all that
its treatment depends on: the value, the origin, the principal, and the headers that say where the
reply goes and by when the work must have begun. Whoever can read and write the topic could
otherwise take a signed record and have another's answer sent to himself.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence
from typing import Final

import orjson

from domain.principal import Principal, System
from handlers.ports import Coordinates, Record, SignedBy
from schemas.stored import dump_principal, load_principal

ORIGIN: Final = "service-origin"
PRINCIPAL: Final = "service-principal"
SIGNATURE: Final = "service-signature"

SIGNED_HEADERS: Final = (
    "correlation_id",
    "reply_to",
    "reply_partition",
    "deadline",
    "kafka_correlationId",
    "kafka_replyTopic",
    "kafka_replyPartition",
)
"""Headers of the client that the signature covers; trace headers may change on the way."""

_NOT_FORWARDED: Final = frozenset({"authorization", ORIGIN, PRINCIPAL, SIGNATURE})
_PURPOSE: Final = b"booking-service-signature-1"  # a key may sign other things too: never alike

Headers = tuple[tuple[str, bytes], ...]
_Field = bytes | None


class ServiceSignature:
    """HMAC-SHA256 with the service's own key over length-prefixed fields."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def forward_headers(self, record: Record, origin: Coordinates, principal: Principal) -> Headers:
        """The headers of a forwarded copy: the client's own but its token, and our signature.

        Null header values become empty ones, as a producer here sends no nulls.
        """
        kept = tuple(
            (name, value or b"") for name, value in record.headers if name not in _NOT_FORWARDED
        )
        return kept + self._signed(record.value, kept, principal, origin)

    def system_headers(self, value: bytes) -> Headers:
        """The headers by which a lane knows the service's own command."""
        return self._signed(value, (), System(), None)

    def verified(self, record: Record) -> SignedBy | None:
        """What the record's signature vouches for; None when it has none that is valid.

        Raises ValueError when we signed something that this version cannot read: taking it for
        unsigned would answer a command wrongly that a newer worker let in.
        """
        origin = _only(record.headers, ORIGIN)
        principal = _only(record.headers, PRINCIPAL)
        signature = _only(record.headers, SIGNATURE)
        if origin is None or principal is None or signature is None:
            return None
        expected = self._signature(record.value, record.headers, principal, origin)
        if not hmac.compare_digest(expected, signature):
            return None
        return SignedBy(load_principal(principal.decode()), _origin_from_json(origin))

    def _signed(
        self,
        value: bytes | None,
        headers: Headers,
        principal: Principal,
        origin: Coordinates | None,
    ) -> Headers:
        who, where = dump_principal(principal).encode(), _origin_to_json(origin)
        signature = self._signature(value, headers, who, where)
        return (ORIGIN, where), (PRINCIPAL, who), (SIGNATURE, signature)

    def _signature(
        self,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes | None]],
        principal: bytes,
        origin: bytes,
    ) -> bytes:
        fields: list[_Field] = [_PURPOSE, value, origin, principal]
        for name, header in headers:
            if name in SIGNED_HEADERS:
                fields += (name.encode(), header)
        return hmac.digest(self._key, _framed(fields), "sha256").hex().encode()


def _framed(fields: Iterable[_Field]) -> bytes:
    """Each field behind its length: no byte can move to the next one, and null is not empty."""
    return b"".join(
        b"-" if field is None else b"+" + len(field).to_bytes(8, "big") + field for field in fields
    )


def _only(headers: Iterable[tuple[str, bytes | None]], name: str) -> bytes | None:
    """The header's value when it stands there exactly once."""
    values = [value for header, value in headers if header == name]
    return values[0] if len(values) == 1 else None


def _origin_to_json(origin: Coordinates | None) -> bytes:
    if origin is None:
        return b"null"
    return orjson.dumps([origin.topic, origin.partition, origin.offset, origin.timestamp_ms])


def _origin_from_json(text: bytes) -> Coordinates | None:
    stored = orjson.loads(text)
    return None if stored is None else Coordinates(*stored)
