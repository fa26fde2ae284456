"""What is sealed opens for who has the key, where it was sealed for, and nowhere else."""

from __future__ import annotations

from base64 import b64decode, b64encode
from datetime import UTC, datetime
from uuid import UUID

import pytest

from adapters.sealing.aes_gcm import AesGcmDataKey, AesGcmServiceKeys
from handlers.ports import CannotOpen, DataKey, Sealer, ServiceKeys, WrappedKey, key_id_of

OLD, NEW = b"o" * 32, b"n" * 32
SECRET, HERE = b'{"guest_name": "Ada Lovelace"}', "bookings.personal/1"
GUEST, OTHER = UUID(int=1), UUID(int=2)


def service(**keys: bytes) -> ServiceKeys:
    return AesGcmServiceKeys(keys or {"new": NEW})


def guest_key() -> DataKey:
    return service().create(GUEST)


SEALERS = pytest.mark.parametrize("sealer", [service(), guest_key()], ids=["service", "guest"])


def kept(key: DataKey) -> WrappedKey:
    return WrappedKey(key.id, key.guest_id, key.wrapped, datetime.now(UTC))


def changed(sealed: str, at: int) -> str:
    *name, text = sealed.rsplit(".", 1)
    data = bytearray(b64decode(text))
    data[at] ^= 1
    return ".".join((*name, b64encode(data).decode()))


@SEALERS
def test_what_is_sealed_opens_again(sealer: Sealer) -> None:
    assert sealer.open(sealer.seal(SECRET, HERE), HERE) == SECRET


@SEALERS
def test_nothing_of_it_can_be_read(sealer: Sealer) -> None:
    assert b"Ada" not in b64decode(sealer.seal(SECRET, HERE).rsplit(".", 1)[1])


@SEALERS
def test_the_same_sealed_twice_differs(sealer: Sealer) -> None:
    assert sealer.seal(SECRET, HERE) != sealer.seal(SECRET, HERE)


@SEALERS
def test_it_cannot_be_moved_to_another_place(sealer: Sealer) -> None:
    with pytest.raises(CannotOpen):
        sealer.open(sealer.seal(SECRET, HERE), "bookings.personal/2")


@SEALERS
@pytest.mark.parametrize("at", [0, 12, -1])
def test_a_changed_byte_is_found(sealer: Sealer, at: int) -> None:
    with pytest.raises(CannotOpen):
        sealer.open(changed(sealer.seal(SECRET, HERE), at), HERE)


@SEALERS
@pytest.mark.parametrize("strange", ["", ".", "..", "1..", "1.new.", "1.new.no base64!", "2.new.A"])
def test_a_strange_envelope_is_refused(sealer: Sealer, strange: str) -> None:
    with pytest.raises(CannotOpen):
        sealer.open(strange, HERE)


def test_another_guests_key_opens_nothing() -> None:
    sealed = guest_key().seal(SECRET, HERE)
    with pytest.raises(CannotOpen):
        service().create(OTHER).open(sealed, HERE)


def test_a_sealed_text_cannot_be_given_another_keys_name() -> None:
    one, other = guest_key(), guest_key()
    renamed = one.seal(SECRET, HERE).replace(str(one.id), str(other.id))
    with pytest.raises(CannotOpen):
        other.open(renamed, HERE)


def test_a_guests_key_is_named_in_what_it_seals() -> None:
    key = guest_key()
    assert key_id_of(key.seal(SECRET, HERE)) == key.id
    with pytest.raises(CannotOpen):
        key_id_of("not sealed")


def test_a_wrapped_key_is_the_same_key_again() -> None:
    key = guest_key()
    again = service().unwrapped(key.id, GUEST, key.wrapped)
    assert again.open(key.seal(SECRET, HERE), HERE) == SECRET


def test_a_wrapped_key_is_bound_to_its_id_and_its_guest() -> None:
    """Or who writes to the table could give one guest's key to another, and read on after both."""
    key = guest_key()
    for key_id, guest_id in ((UUID(int=9), GUEST), (key.id, OTHER)):
        with pytest.raises(CannotOpen):
            service().unwrapped(key_id, guest_id, key.wrapped)


def test_what_the_service_sealed_is_no_wrapped_key() -> None:
    key_id = UUID(int=9)
    sealed = service().seal(b"k" * 32, f"{key_id}/{GUEST}")
    with pytest.raises(CannotOpen):
        service().unwrapped(key_id, GUEST, sealed)


def test_the_first_key_seals_and_a_retired_one_still_opens() -> None:
    both = service(new=NEW, old=OLD)
    assert both.open(service(old=OLD).seal(SECRET, HERE), HERE) == SECRET
    assert both.seal(SECRET, HERE).startswith("1.new.")
    assert both.current == "new"


def test_a_key_that_is_missing_is_named() -> None:
    with pytest.raises(CannotOpen, match=r"'old'.*BOOKING_SEAL__KEYS"):
        service(new=NEW).open(service(old=OLD).seal(SECRET, HERE), HERE)


def test_another_key_under_the_same_name_opens_nothing() -> None:
    with pytest.raises(CannotOpen, match="'new'"):
        service(new=OLD).open(service(new=NEW).seal(SECRET, HERE), HERE)


def test_names_may_hold_dots() -> None:
    dotted = service(**{"2026.11": NEW})
    assert dotted.open(dotted.seal(SECRET, HERE), HERE) == SECRET


def test_wrapping_again_gives_the_same_key_under_the_current_one() -> None:
    key = service(old=OLD).create(GUEST)
    both = service(new=NEW, old=OLD)
    again = both.wrapped_again(kept(key))
    assert again is not None
    assert again.startswith("1.new.")
    alone = service(new=NEW).unwrapped(key.id, GUEST, again)
    assert alone.open(key.seal(SECRET, HERE), HERE) == SECRET
    assert both.wrapped_again(kept(alone)) is None


def test_no_keys_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one key"):
        AesGcmServiceKeys({})


def test_a_key_is_not_shown() -> None:
    assert (
        repr(AesGcmDataKey(UUID(int=9), GUEST, NEW, "wrapped")) == f"AesGcmDataKey({UUID(int=9)})"
    )
