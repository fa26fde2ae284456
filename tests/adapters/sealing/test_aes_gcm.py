"""What is sealed opens for who has the key, where it was sealed for, and nowhere else."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Any

import pytest

from adapters.sealing.aes_gcm import AesGcmSealer
from handlers.ports import CannotOpen

OLD, NEW = b"o" * 32, b"n" * 32
SECRET, HERE = b'{"guest_name": "Ada Lovelace"}', b"booking-1/3"


def sealed(**keys: bytes) -> dict[str, Any]:
    return dict(AesGcmSealer(keys or {"new": NEW}).seal(SECRET, HERE))


def test_what_is_sealed_opens_again() -> None:
    assert AesGcmSealer({"new": NEW}).open(sealed(), HERE) == SECRET


def test_nothing_of_it_can_be_read() -> None:
    envelope = sealed()
    assert b"Ada" not in b64decode(envelope["data"])
    assert (envelope["v"], envelope["key"]) == (1, "new")


def test_the_same_sealed_twice_differs() -> None:
    assert sealed()["data"] != sealed()["data"]


def test_a_retired_key_still_opens_what_it_sealed() -> None:
    both = AesGcmSealer({"new": NEW, "old": OLD})
    assert both.open(sealed(old=OLD), HERE) == SECRET
    assert both.seal(SECRET, HERE)["key"] == "new"


def test_a_key_that_is_missing_is_named() -> None:
    with pytest.raises(CannotOpen, match=r"'old'.*BOOKING_SEAL__KEYS"):
        AesGcmSealer({"new": NEW}).open(sealed(old=OLD), HERE)


def test_another_key_under_the_same_name_opens_nothing() -> None:
    with pytest.raises(CannotOpen, match="'new'"):
        AesGcmSealer({"new": OLD}).open(sealed(), HERE)


def test_a_sealed_part_cannot_be_moved_to_another_event() -> None:
    with pytest.raises(CannotOpen):
        AesGcmSealer({"new": NEW}).open(sealed(), b"booking-1/4")


def test_a_sealed_part_cannot_be_given_another_keys_name() -> None:
    with pytest.raises(CannotOpen):
        AesGcmSealer({"new": NEW, "twin": NEW}).open(sealed() | {"key": "twin"}, HERE)


@pytest.mark.parametrize("at", [0, 12, -1])
def test_a_changed_byte_is_found(at: int) -> None:
    envelope = sealed()
    data = bytearray(b64decode(envelope["data"]))
    data[at] ^= 1
    with pytest.raises(CannotOpen):
        AesGcmSealer({"new": NEW}).open(envelope | {"data": b64encode(data).decode()}, HERE)


@pytest.mark.parametrize(
    "strange",
    [{"v": 2}, {"v": None}, {"data": "no base64!"}, {"data": ""}, {"data": None}, {"key": None}],
)
def test_a_strange_envelope_is_refused(strange: dict[str, Any]) -> None:
    with pytest.raises(CannotOpen):
        AesGcmSealer({"new": NEW}).open(sealed() | strange, HERE)


def test_no_keys_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one key"):
        AesGcmSealer({})
