"""Guests' keys in every database: made once, found as long as they are left, destroyed for all."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from adapters.database.database import Database, open_database
from adapters.database.settings import DatabaseSettings
from adapters.sealing.aes_gcm import AesGcmServiceKeys
from app.rekeying import CannotRekey, rekey
from domain.booking import Booking
from domain.outcome import StatusChange
from handlers.ports import CannotOpen, DataKey, KnownCommand, Output, WrappedKey
from handlers.sealing import KeyTopic
from tests.adapters.database.lane import Lane, a_recording, an_outcome, another_booking
from tests.adapters.database.sealing import KEYS
from tests.adapters.database.test_undo import an_undo, owe
from tests.builders import NOW

GUEST = UUID("00000000-0000-4000-8000-0000000000a1")
OLD, NEW = b"o" * 32, b"n" * 32


async def key_of(lane: Lane, guest_id: UUID = GUEST) -> DataKey:
    async with lane.transaction() as transaction:
        later = NOW + timedelta(hours=1)
        return (await transaction.guest_keys({guest_id: later}, NOW)).keys[guest_id]


async def destroyed(lane: Lane, *guest_ids: UUID) -> list[UUID]:
    async with lane.transaction() as transaction:
        return list(await transaction.destroy_keys(guest_ids or [GUEST], NOW))


async def read(lane: Lane, booking: Booking) -> Booking:
    async with lane.transaction() as transaction:
        return (await transaction.find_bookings([booking.id]))[booking.id]


async def test_a_guest_has_one_key(lane: Lane) -> None:
    first, again, other = await key_of(lane), await key_of(lane), await key_of(lane, uuid4())
    assert first.id == again.id != other.id
    assert again.open(first.seal(b"Ada", "here"), "here") == b"Ada"


async def test_a_destroyed_key_is_named_and_the_next_one_is_another(lane: Lane) -> None:
    first = await key_of(lane)
    assert await destroyed(lane) == [first.id]
    assert await destroyed(lane) == []
    assert (await key_of(lane)).id != first.id


async def test_only_the_guest_who_is_erased_is(lane: Lane) -> None:
    kept = await key_of(lane, uuid4())
    await key_of(lane)
    await destroyed(lane)
    assert (await key_of(lane, kept.guest_id)).id == kept.id


async def test_of_an_erased_guest_the_booking_stays_without_them(lane: Lane) -> None:
    booking = another_booking()
    change = StatusChange(None, booking.status, "admin:a", "Ada asked for it")
    await lane.recorded(booking, change)
    assert (await read(lane, booking)).contact.name == booking.contact.name
    await destroyed(lane, booking.contact.guest_id)
    for found in (
        await read(lane, booking),
        (await lane.database.reads.bookings([booking.id]))[booking.id],
    ):
        assert found == booking.without_person()
        assert found.contact.is_erased
    (row,) = (await lane.database.reads.histories([booking.id]))[booking.id]
    assert (row.change.to_status, row.change.reason) == (booking.status, None)


async def test_an_erased_guest_stays_erased_with_the_next_version(lane: Lane) -> None:
    booking = another_booking()
    await lane.recorded(booking)
    await destroyed(lane, booking.contact.guest_id)
    found = await read(lane, booking)
    await lane.recorded(replace(found, version=2, party_size=9))
    found = await read(lane, booking)
    assert (found.version, found.party_size, found.contact.is_erased) == (2, 9, True)
    # What is told of them anew is theirs under a new key.
    renamed = replace(found, version=3, contact=replace(found.contact, name="Ada again"))
    await lane.recorded(renamed)
    assert (await read(lane, booking)).contact.name == "Ada again"


async def test_a_stored_outcome_comes_with_its_key_while_that_is_left(lane: Lane) -> None:
    key, start = await key_of(lane), await lane.started()
    outcome = an_outcome(sealed=key.seal(b"{}", "there"))
    await lane.record([a_recording(start, outcome=outcome)])

    async def known() -> KnownCommand:
        async with lane.transaction() as transaction:
            return (await transaction.find_commands([start.row_id]))[start.row_id]

    found = await known()
    assert found.outcome == outcome
    assert found.key is not None
    assert found.key.id == key.id
    await destroyed(lane)
    assert ((await known()).outcome, (await known()).key) == (outcome, None)


async def test_nothing_of_it_stands_when_the_transaction_fails(lane: Lane) -> None:
    key = await key_of(lane)
    with suppress(ZeroDivisionError):
        async with lane.transaction() as transaction:
            await transaction.destroy_keys([GUEST], NOW)
            raise ZeroDivisionError
    assert (await key_of(lane)).id == key.id


async def test_tombstones_are_due_five_minutes_later_until_they_are_told(lane: Lane) -> None:
    store, key = lane.database.keys, await key_of(lane)
    await destroyed(lane)
    assert await store.tombstones_due(NOW + timedelta(minutes=4), 10) == []
    assert await store.tombstones_due(NOW + timedelta(minutes=6), 10) == [key.id]
    await store.tombstones_told([key.id])
    assert await store.tombstones_due(NOW + timedelta(minutes=6), 10) == []


async def test_two_lanes_at_once_give_a_new_guest_one_key(postgresql: Database) -> None:
    lane, guests = await Lane.opened(postgresql), [uuid4() for _ in range(20)]

    async def all_of_them(order: int) -> dict[UUID, UUID]:
        async with lane.transaction() as transaction:
            asked = dict.fromkeys(guests[::order], NOW)
            found = await transaction.guest_keys(asked, NOW)
            await asyncio.sleep(0)
            return {guest_id: key.id for guest_id, key in found.keys.items()}

    one, *others = await asyncio.gather(*(all_of_them(order) for order in (1, -1, 1, -1)))
    assert [each == one for each in others] == [True] * 3


async def test_no_column_holds_anything_personal_in_the_clear(postgresql: Database) -> None:
    lane, booking = await Lane.opened(postgresql), another_booking(cancellation_reason="Ada is ill")
    booking = replace(booking, special_requests="No nuts", internal_notes="is Ada")
    change = StatusChange(None, booking.status, "admin:a", "Ada is ill")
    await lane.recorded(booking, change)
    engine = postgresql._engines[0]
    async with engine.connect() as connection:
        rows = [
            str((await connection.exec_driver_sql(f"select * from {table}")).all())
            for table in ("bookings", "booking_history", "outcomes", "guest_keys")
        ]
    contact = booking.contact
    for clear in (contact.name, contact.email, contact.phone, "No nuts", "is Ada", "Ada is ill"):
        assert clear
        assert clear not in "".join(rows)


# --- the keys of the settings ---


def with_keys(url: str, **keys: bytes) -> Database:
    return open_database(DatabaseSettings(url), AesGcmServiceKeys(keys))


async def test_a_key_that_wraps_something_may_not_be_missing(postgresql_url: str) -> None:
    first = with_keys(postgresql_url, old=OLD)
    await first.keys.check(NOW)
    await first.close()
    wrong, both = with_keys(postgresql_url, new=NEW), with_keys(postgresql_url, new=NEW, old=OLD)
    with pytest.raises(CannotOpen, match=r"'old'.*BOOKING_SEAL__KEYS"):
        await wrong.keys.check(NOW)
    await both.keys.check(NOW)
    for database in (wrong, both):
        await database.close()


async def test_another_key_under_the_same_name_is_found_at_the_start(postgresql_url: str) -> None:
    right, wrong = (with_keys(postgresql_url, current=key) for key in (OLD, NEW))
    await right.keys.check(NOW)
    with pytest.raises(CannotOpen, match="another key under that name"):
        await wrong.keys.check(NOW)
    for database in (right, wrong):
        await database.close()


async def test_wrapping_anew_lets_the_old_key_go(postgresql_url: str) -> None:
    first = with_keys(postgresql_url, old=OLD)
    await first.keys.check(NOW)
    lane = await Lane.opened(first)
    booking = another_booking()
    await lane.recorded(booking)
    await first.close()

    service = AesGcmServiceKeys({"new": NEW, "old": OLD})
    both = open_database(DatabaseSettings(postgresql_url), service)
    await both.keys.check(NOW)
    with pytest.raises(CannotOpen, match="still holds"):
        await both.keys.retire_others()
    (key,) = await both.keys.wrapped_by_others(None, 10)
    wrapped = service.wrapped_again(key)
    assert wrapped is not None
    again = replace(key, wrapped=wrapped)
    assert await both.keys.write_wrapped([again]) == [again]
    assert await both.keys.wrapped_by_others(None, 10) == []
    await both.keys.retire_others()
    assert await both.keys.names_in_use() == ["new"]
    await both.close()

    alone = with_keys(postgresql_url, new=NEW)
    await alone.keys.check(NOW)
    assert (await alone.reads.bookings([booking.id]))[booking.id] == booking
    await alone.close()


async def test_a_key_that_was_destroyed_is_not_written_again(lane: Lane) -> None:
    key = await key_of(lane)
    await destroyed(lane)
    kept = WrappedKey(key.id, GUEST, key.wrapped, NOW)
    assert await lane.database.keys.write_wrapped([kept]) == []
    assert (await key_of(lane)).id != key.id


@pytest.fixture(params=["postgresql", "sqlite"])
def real(request: pytest.FixtureRequest) -> Database:
    found: Database = request.getfixturevalue(request.param)
    return found


async def test_two_keys_of_one_guest_come_back_and_go_together(real: Database) -> None:
    """A backup from before their first booking was restored, and they came again."""
    made = [KEYS.create(GUEST), KEYS.create(GUEST)]
    kept = [WrappedKey(key.id, GUEST, key.wrapped, NOW) for key in made]
    await real.rebuilding.write_keys(kept, ())
    both = {key.id for key in made}
    assert set(await real.rebuilding.keys(both)) == both
    lane = await Lane.opened(real)
    third = await key_of(lane)
    async with lane.transaction() as transaction:
        assert (await transaction.guest_keys({GUEST: NOW}, NOW)).left == {*both, third.id}
    assert set(await destroyed(lane)) == {*both, third.id}


async def test_a_rebuild_that_goes_on_takes_away_what_was_erased_meanwhile(real: Database) -> None:
    key = KEYS.create(GUEST)
    kept = WrappedKey(key.id, GUEST, key.wrapped, NOW)
    await real.rebuilding.write_keys([kept], ())
    await real.rebuilding.write_keys([], {key.id})
    assert await real.rebuilding.keys([key.id]) == {}


async def test_what_wraps_a_rebuilt_key_is_asked_for_at_the_start(postgresql_url: str) -> None:
    key = AesGcmServiceKeys({"old": OLD}).create(GUEST)
    both = with_keys(postgresql_url, new=NEW, old=OLD)
    await both.rebuilding.write_keys([WrappedKey(key.id, GUEST, key.wrapped, NOW)], ())
    await both.close()
    alone = with_keys(postgresql_url, new=NEW)
    with pytest.raises(CannotOpen, match="'old'"):
        await alone.keys.check(NOW)
    await alone.close()


class NoTopic:
    """Where keys would be published."""

    async def publish(self, outputs: Sequence[Output]) -> None:
        pass


async def rekeyed(database: Database, service: AesGcmServiceKeys) -> None:
    await rekey(database, NoTopic(), KeyTopic("keys"), service, lambda done, total: None)


async def test_rekey_refuses_a_secret_that_no_worker_has(postgresql_url: str) -> None:
    good = with_keys(postgresql_url, new=NEW, old=OLD)
    lane, booking = await Lane.opened(good), another_booking()
    await lane.recorded(booking)
    await good.keys.check(NOW)
    for service, error in (
        (AesGcmServiceKeys({"new": b"x" * 32, "old": OLD}), CannotOpen),
        (AesGcmServiceKeys({"newer": NEW, "old": OLD}), CannotRekey),
    ):
        wrong = open_database(DatabaseSettings(postgresql_url), service)
        with pytest.raises(error):
            await rekeyed(wrong, service)
        await wrong.close()
    assert (await good.reads.bookings([booking.id]))[booking.id] == booking
    await good.close()


async def test_what_is_owed_is_sealed_anew_too(postgresql_url: str) -> None:
    first = with_keys(postgresql_url, old=OLD)
    await first.keys.check(NOW)
    owed = an_undo()
    await owe(await Lane.opened(first), owed)
    await first.close()
    service = AesGcmServiceKeys({"new": NEW, "old": OLD})
    both = open_database(DatabaseSettings(postgresql_url), service)
    await both.keys.check(NOW)
    with pytest.raises(CannotOpen, match=r"undo\.owed"):
        await both.keys.retire_others()
    await rekeyed(both, service)
    await both.close()
    alone = with_keys(postgresql_url, new=NEW)
    await alone.keys.check(NOW)
    async with (await Lane.opened(alone)).transaction() as transaction:
        assert (await transaction.find_undo([owed.id]))[owed.id].owed == owed.owed
    await alone.close()


async def test_clearing_the_last_personal_field_leaves_a_booking_that_opens(lane: Lane) -> None:
    booking = another_booking()
    await lane.recorded(booking)
    bare = replace(
        booking.without_person(), version=2, contact=replace(booking.contact, name=None, email=None)
    )
    bare = replace(bare, contact=replace(bare.contact, phone=None, is_erased=False))
    await lane.recorded(bare)
    assert await read(lane, booking) == bare
