"""What the service's own signature vouches for, and that nothing it covers can be changed."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import orjson
import pytest

from adapters.tokens.service_signature import (
    ORIGIN,
    PRINCIPAL,
    SIGNATURE,
    SIGNED_HEADERS,
    ServiceSignature,
)
from domain.principal import Admin, Business, Guest, Principal, System
from handlers.ports import Coordinates, Record, SignedBy
from schemas.stored import dump_principal

ORIGIN_OF_CLIENT = Coordinates("booking.commands", 3, 41, 1_777_000_000_000)
GUEST = Guest(UUID("6f0d9a52-8f0b-4f0c-9df5-0a1b2c3d4e5f"))
ours = ServiceSignature(b"k" * 32)


def a_record(
    value: bytes | None = b"{}", headers: tuple[tuple[str, bytes | None], ...] = ()
) -> Record:
    return Record("booking.commands", 7, 99, 1_777_000_000_500, b"venue", value, headers)


def a_forward(
    headers: tuple[tuple[str, bytes | None], ...] = (), principal: Principal = GUEST
) -> Record:
    """The copy of a client's record, as its home lane reads it."""
    sent = a_record(headers=headers)
    return replace(sent, headers=ours.forward_headers(sent, ORIGIN_OF_CLIENT, principal))


def with_header(record: Record, name: str, value: bytes | None) -> Record:
    kept = tuple(header for header in record.headers if header[0] != name)
    return replace(record, headers=(*kept, (name, value)))


@pytest.mark.parametrize(
    "principal", [GUEST, Business("anna", frozenset({GUEST.id})), Admin("root"), System()]
)
def test_a_forward_vouches_for_its_principal_and_its_origin(principal: Principal) -> None:
    assert ours.verified(a_forward(principal=principal)) == SignedBy(principal, ORIGIN_OF_CLIENT)


def test_a_system_command_vouches_for_the_service_and_has_no_origin() -> None:
    record = a_record(b'{"type":"expire_booking"}')
    signed = replace(record, headers=ours.system_headers(record.value or b""))
    assert ours.verified(signed) == SignedBy(System(), None)


def test_a_record_without_a_signature_vouches_for_nothing() -> None:
    assert ours.verified(a_record()) is None


def test_a_forward_keeps_the_clients_headers_and_drops_the_token() -> None:
    headers = (
        ("authorization", b"Bearer secret"),
        ("correlation_id", b"c"),
        ("traceparent", b"00-1-2-01"),
        ("service-principal", b"forged"),
        ("x", None),
    )
    copy = a_forward(headers)
    assert copy.headers[:3] == (("correlation_id", b"c"), ("traceparent", b"00-1-2-01"), ("x", b""))
    assert {name for name, _ in copy.headers[3:]} == {ORIGIN, PRINCIPAL, SIGNATURE}


def test_a_forward_of_a_forward_is_signed_once() -> None:
    once = a_forward((("correlation_id", b"c"),))
    twice = replace(once, headers=ours.forward_headers(once, ORIGIN_OF_CLIENT, GUEST))
    assert twice.headers == once.headers


def test_another_key_vouches_for_nothing() -> None:
    assert ServiceSignature(b"x" * 32).verified(a_forward()) is None


@pytest.mark.parametrize("value", [b"{ }", b"", None])
def test_another_value_breaks_the_signature(value: bytes | None) -> None:
    assert ours.verified(replace(a_forward(), value=value)) is None


@pytest.mark.parametrize(
    "origin",
    [
        ["booking.commands", 3, 42, 1_777_000_000_000],
        ["booking.commands", 4, 41, 1_777_000_000_000],
        ["booking.commands", 3, 41, 1_777_000_000_001],
        ["other.commands", 3, 41, 1_777_000_000_000],
        None,
    ],
)
def test_another_origin_breaks_the_signature(origin: object) -> None:
    assert ours.verified(with_header(a_forward(), ORIGIN, orjson.dumps(origin))) is None


def test_another_principal_breaks_the_signature() -> None:
    admin = dump_principal(Admin("root")).encode()
    assert ours.verified(with_header(a_forward(), PRINCIPAL, admin)) is None


@pytest.mark.parametrize("name", SIGNED_HEADERS)
@pytest.mark.parametrize("value", [b"mine", b"", None])
def test_a_changed_or_added_route_header_breaks_the_signature(
    name: str, value: bytes | None
) -> None:
    assert ours.verified(with_header(a_forward(((name, b"yours"),)), name, value)) is None
    assert ours.verified(with_header(a_forward(), name, value)) is None


@pytest.mark.parametrize("name", SIGNED_HEADERS)
def test_a_removed_route_header_breaks_the_signature(name: str) -> None:
    signed = a_forward(((name, b"yours"),))
    kept = tuple(header for header in signed.headers if header[0] != name)
    assert ours.verified(replace(signed, headers=kept)) is None


def test_two_route_headers_that_change_places_break_the_signature() -> None:
    first, second, *rest = a_forward((("reply_to", b"a"), ("reply_to", b"b"))).headers
    assert ours.verified(replace(a_forward(), headers=(second, first, *rest))) is None


def test_a_byte_cannot_move_from_one_field_to_the_next() -> None:
    signed = a_forward((("correlation_id", b"ab"), ("reply_to", b"c")))
    moved = with_header(with_header(signed, "correlation_id", b"a"), "reply_to", b"bc")
    assert ours.verified(moved) is None


def test_a_byte_cannot_move_from_the_value_to_the_origin() -> None:
    signed = a_forward()
    origin = dict(signed.headers)[ORIGIN] or b""
    moved = replace(with_header(signed, ORIGIN, origin[1:]), value=b"{}" + origin[:1])
    assert ours.verified(moved) is None


def test_a_null_header_is_not_an_empty_one() -> None:
    signed = a_forward((("reply_to", b""),))
    as_null = tuple((name, value or None) for name, value in signed.headers)
    assert ours.verified(replace(signed, headers=as_null)) is None


def test_a_header_cannot_take_another_name() -> None:
    (_, value), *rest = a_forward((("reply_to", b"x"),)).headers
    renamed = replace(a_forward(), headers=(("correlation_id", value), *rest))
    assert ours.verified(renamed) is None


def test_trace_headers_may_change_on_the_way() -> None:
    changed = with_header(a_forward((("traceparent", b"a"),)), "traceparent", b"b")
    assert ours.verified(changed) is not None


@pytest.mark.parametrize("name", [ORIGIN, PRINCIPAL, SIGNATURE])
@pytest.mark.parametrize("value", [None, b"", b"\xff\x00", b"null"])
def test_a_damaged_signature_header_vouches_for_nothing(name: str, value: bytes | None) -> None:
    assert ours.verified(with_header(a_forward(), name, value)) is None


@pytest.mark.parametrize("name", [ORIGIN, PRINCIPAL, SIGNATURE])
def test_a_repeated_signature_header_vouches_for_nothing(name: str) -> None:
    signed = a_forward()
    again = next(header for header in signed.headers if header[0] == name)
    assert ours.verified(replace(signed, headers=(*signed.headers, again))) is None
