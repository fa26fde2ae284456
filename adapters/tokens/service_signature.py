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
from schemas.headers import carried
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
_LETTER: Final = b"booking-dead-letter-1"

Headers = tuple[tuple[str, bytes], ...]
_Field = bytes | None


class ServiceSignature:
    """HMAC-SHA256 with the service's own key over length-prefixed fields.

    While the key is exchanged there are several: the first signs, any of them is believed.
    """

    def __init__(self, key: bytes, *accepted: bytes) -> None:
        self._keys = (key, *accepted)

    def forward_headers(
        self, record: Record, origin: Coordinates, principal: Principal, run: int = 0
    ) -> Headers:
        """The headers of a forwarded copy: the client's own but its token, and our signature.

        Null header values become empty ones, as a producer here sends no nulls.
        """
        kept = _without_ours(record)
        return kept + self._signed(_PURPOSE, record.value, kept, principal, origin, run)

    def letter_headers(
        self, record: Record, origin: Coordinates, principal: Principal, run: int
    ) -> Headers:
        """The same for a dead letter, under a purpose of its own: whoever copies a letter into the
        commands' topic has not forwarded it.
        """
        kept = _without_ours(record)
        return kept + self._signed(_LETTER, record.value, kept, principal, origin, run)

    def unsigned_headers(self, record: Record) -> Headers:
        """The client's own headers but its token, and nothing that is or looks like ours."""
        return _without_ours(record)

    def system_headers(self, value: bytes) -> Headers:
        """The headers by which a lane knows the service's own command."""
        return self._signed(_PURPOSE, value, (), System(), None, 0)

    def verified(self, record: Record) -> SignedBy | None:
        """What the record's signature vouches for; None when it has none that is valid.

        Raises ValueError when we signed something that this version cannot read: taking it for
        unsigned would answer a command wrongly that a newer worker let in.
        """
        return self._verified(record, _PURPOSE)

    def verified_letter(self, letter: Record) -> SignedBy | None:
        """The same of a dead letter: who stands behind what is in it."""
        return self._verified(letter, _LETTER)

    def _verified(self, record: Record, purpose: bytes) -> SignedBy | None:
        origin = _only(record.headers, ORIGIN)
        principal = _only(record.headers, PRINCIPAL)
        signature = _only(record.headers, SIGNATURE)
        if origin is None or principal is None or signature is None:
            return None
        signed = _signed_bytes(purpose, record.value, record.headers, principal, origin)
        if not any(hmac.compare_digest(_digest(key, signed), signature) for key in self._keys):
            return None
        return SignedBy(load_principal(principal.decode()), *_origin_from_json(origin))

    def _signed(
        self,
        purpose: bytes,
        value: bytes | None,
        headers: Headers,
        principal: Principal,
        origin: Coordinates | None,
        run: int,
    ) -> Headers:
        who, where = dump_principal(principal).encode(), _origin_to_json(origin, run)
        signature = _digest(self._keys[0], _signed_bytes(purpose, value, headers, who, where))
        return (ORIGIN, where), (PRINCIPAL, who), (SIGNATURE, signature)


def _signed_bytes(
    purpose: bytes,
    value: bytes | None,
    headers: Sequence[tuple[str, bytes | None]],
    principal: bytes,
    origin: bytes,
) -> bytes:
    fields: list[_Field] = [purpose, value, origin, principal]
    for name, header in headers:
        if name in SIGNED_HEADERS:
            fields += (name.encode(), header)
    return _framed(fields)


def _digest(key: bytes, signed: bytes) -> bytes:
    return hmac.digest(key, signed, "sha256").hex().encode()


def _framed(fields: Iterable[_Field]) -> bytes:
    """Each field behind its length: no byte can move to the next one, and null is not empty."""
    return b"".join(
        b"-" if field is None else b"+" + len(field).to_bytes(8, "big") + field for field in fields
    )


def _only(headers: Iterable[tuple[str, bytes | None]], name: str) -> bytes | None:
    """The header's value when it stands there exactly once."""
    values = [value for header, value in headers if header == name]
    return values[0] if len(values) == 1 else None


def _origin_to_json(origin: Coordinates | None, run: int) -> bytes:
    if origin is None:
        return b"null"
    where = [origin.topic, origin.partition, origin.offset, origin.timestamp_ms]
    return orjson.dumps([*where, run] if run else where)


def _origin_from_json(text: bytes) -> tuple[Coordinates | None, int]:
    stored = orjson.loads(text)
    if stored is None:
        return None, 0
    return Coordinates(*stored[:4]), stored[4] if len(stored) > 4 else 0


def _without_ours(record: Record) -> Headers:
    return tuple(
        (name, value or b"")
        for name, value in carried(record.headers)
        if name not in _NOT_FORWARDED
    )
