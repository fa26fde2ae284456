"""The service's own signature: its keys are exchanged, and it is good for one record alone."""

from __future__ import annotations

import hmac
from dataclasses import replace
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.tokens.service_signature import SIGNATURE, SIGNED_HEADERS, ServiceSignature
from domain.principal import Guest
from handlers.ports import Coordinates, Record, SignedBy

OLD, NEW = b"o" * 32, b"n" * 32
GUEST = Guest(UUID("6f0d9a52-8f0b-4f0c-9df5-0a1b2c3d4e5f"))
ORIGIN = Coordinates("booking.commands", 3, 41, 1_777_000_000_000)


def a_record(value: bytes = b"{}", *headers: tuple[str, bytes | None]) -> Record:
    return Record("booking.commands", 7, 99, 1_777_000_000_500, b"venue", value, headers)


def forwarded(signer: ServiceSignature, record: Record | None = None, run: int = 0) -> Record:
    sent = record or a_record()
    return replace(sent, headers=signer.forward_headers(sent, ORIGIN, GUEST, run))


def test_a_fleet_exchanges_its_key_without_a_stop() -> None:
    """Each step runs beside the one before it, and each must believe the other."""
    steps = [
        ServiceSignature(OLD),
        ServiceSignature(OLD, NEW),
        ServiceSignature(NEW, OLD),
        ServiceSignature(NEW),
    ]
    for one, next_one in pairwise(steps):
        assert one.verified(forwarded(next_one)) == SignedBy(GUEST, ORIGIN)
        assert next_one.verified(forwarded(one)) == SignedBy(GUEST, ORIGIN)
    assert steps[-1].verified(forwarded(steps[0])) is None


def test_the_first_key_signs_whatever_else_is_accepted() -> None:
    assert ServiceSignature(NEW).verified(forwarded(ServiceSignature(NEW, OLD))) is not None
    assert ServiceSignature(OLD).verified(forwarded(ServiceSignature(NEW, OLD))) is None


def test_letters_of_before_the_exchange_can_still_be_put_back() -> None:
    sent = a_record()
    letter = replace(sent, headers=ServiceSignature(OLD).letter_headers(sent, ORIGIN, GUEST, 2))
    assert ServiceSignature(NEW, OLD).verified_letter(letter) == SignedBy(GUEST, ORIGIN, 2)
    assert ServiceSignature(NEW).verified_letter(letter) is None


def test_signatures_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[int] = []
    compare = hmac.compare_digest

    def noting(one: bytes, other: bytes) -> bool:
        compared.append(len(one))
        return compare(one, other)

    monkeypatch.setattr(hmac, "compare_digest", noting)
    ServiceSignature(NEW, OLD).verified(forwarded(ServiceSignature(OLD)))
    assert compared == [64, 64]


def test_a_signature_says_which_run_and_is_none_for_another() -> None:
    ours = ServiceSignature(OLD)
    third = forwarded(ours, run=3)
    assert ours.verified(third) == SignedBy(GUEST, ORIGIN, 3)
    signature = dict(forwarded(ours, run=2).headers)[SIGNATURE]
    kept = tuple(header for header in third.headers if header[0] != SIGNATURE)
    assert ours.verified(replace(third, headers=(*kept, (SIGNATURE, signature)))) is None


def test_a_letter_copied_into_the_commands_topic_vouches_for_nobody_and_the_other_way() -> None:
    ours, sent = ServiceSignature(OLD), a_record()
    letter = replace(sent, headers=ours.letter_headers(sent, ORIGIN, GUEST, 0))
    assert ours.verified(letter) is None
    assert ours.verified_letter(forwarded(ours)) is None


_RECORDS = st.builds(
    a_record,
    st.binary(max_size=8),
    st.tuples(st.sampled_from(SIGNED_HEADERS), st.binary(max_size=3)),
)


@given(_RECORDS, _RECORDS)
def test_a_signature_cannot_be_used_on_another_record(one: Record, other: Record) -> None:
    """All of one record's signed headers on another that differs in anything that counts."""
    ours = ServiceSignature(OLD)
    signed = forwarded(ours, one)
    service = tuple(h for h in signed.headers if h[0].startswith("service-"))
    moved = replace(other, headers=(*other.headers, *service))
    is_the_same = (one.value, one.headers) == (other.value, other.headers)
    assert (ours.verified(moved) is not None) is is_the_same
