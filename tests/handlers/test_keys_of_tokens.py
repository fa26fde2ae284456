"""Keys that cannot be asked for keep a batch waiting; what was decided is never judged anew."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import UUID

import pytest

from adapters.tokens import listed_keys
from adapters.tokens.authenticator import TokenAuthenticator
from adapters.tokens.listed_keys import ListedKeys
from app.beside import beside
from handlers.ports import KeysAway
from tests.adapters.tokens.a_key import KeyPair, a_key, key_list
from tests.adapters.tokens.a_place import APlace
from tests.handlers.world import GUEST, NOW, World

OLD, NEW = a_key("one"), a_key("two")


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listed_keys, "FIRST_PAUSE_SECONDS", 0.005)
    monkeypatch.setattr(listed_keys, "LONGEST_PAUSE_SECONDS", 0.005)


@asynccontextmanager
async def a_world(place: APlace, patience_seconds: float = 300.0) -> AsyncIterator[World]:
    """A worker that trusts the keys listed there."""
    world = World()
    keys = ListedKeys(place, "ES256", patience_seconds=patience_seconds)
    async with beside(keys.keep_fresh()):
        tokens = TokenAuthenticator(keys)
        await tokens.prepare(())
        intake = replace(world.handlers.intake, authenticator=tokens)
        world.handlers = replace(world.handlers, intake=intake)
        world.queries = replace(world.queries, authenticator=tokens)
        yield world


def under(key: KeyPair) -> bytes:
    at = int(NOW.timestamp())
    return b"Bearer " + key.token(sub=str(GUEST.id), iat=at - 60, exp=at + 60)


async def test_a_command_under_a_new_key_waits_for_the_list_and_is_then_done() -> None:
    place = APlace(key_list(OLD), look_every_seconds=0.01)
    async with a_world(place) as world:
        place.text = None
        command_id = world.create(token=under(NEW))
        for _ in range(3):
            with pytest.raises(KeysAway):
                await world.deliver()
        assert world.published == []
        assert not world.database.tables.starts, "nothing was begun"
        place.text = key_list(OLD, NEW)
        await reading(place)
        await world.settle()
        assert world.reply_to(command_id).status == 201


async def test_what_others_sent_in_the_meantime_comes_after_it() -> None:
    """Order within a venue is worth more than the time."""
    place = APlace(key_list(OLD), look_every_seconds=0.01)
    async with a_world(place) as world:
        place.text = None
        world.create(token=under(NEW))
        world.create(token=under(OLD))
        with pytest.raises(KeysAway):
            await world.deliver()
        assert world.published == []


async def test_when_patience_is_over_only_the_unknown_key_is_refused() -> None:
    place = APlace(key_list(OLD), look_every_seconds=0.01)
    async with a_world(place, patience_seconds=0.0) as world:
        place.text = None
        refused, done = world.create(token=under(NEW)), world.create(token=under(OLD))
        await world.settle()
        assert world.reply_to(refused).status == 401
        assert world.reply_to(done).status in (201, 409)


async def test_a_command_that_was_begun_is_done_though_its_key_has_gone_since() -> None:
    place = APlace(key_list(OLD))
    async with a_world(place) as world:
        command_id = world.create(token=under(OLD))
        await world.deliver(abort=True)
        place.text = key_list(NEW)
    async with a_world(place) as later:  # another worker, which never knew the old key
        world.handlers = replace(world.handlers, intake=later.handlers.intake)
        fresh = world.create(token=under(OLD), party_size=3)
        await world.settle()
        assert world.reply_to(command_id).status == 201
        assert world.reply_to(fresh).status == 401


async def test_a_repeat_of_what_was_done_needs_a_key_that_is_listed() -> None:
    """Its outcome is personal: a key that was taken back opens nothing."""
    place = APlace(key_list(OLD), look_every_seconds=0.01)
    async with a_world(place) as world:
        data_id = UUID(int=7)
        world.create(token=under(OLD), command_id=data_id)
        await world.settle()
        place.text = key_list(NEW)
        await reading(place)
        world.create(token=under(OLD), command_id=data_id)
        await world.settle()
        assert [reply.status for reply in world.replies_to(data_id)] == [201, 401]


async def reading(place: APlace) -> None:
    """Returns when the list was read at least once more, and taken in."""
    until = place.readings + 2
    async with asyncio.timeout(10):
        while place.readings < until:  # noqa: ASYNC110 - a counter sends no event
            await asyncio.sleep(0.005)
