"""A list of keys that cannot be read for a while: who waits, for how long, and who does not."""

from __future__ import annotations

import asyncio

import pytest

from adapters.tokens import listed_keys
from app.beside import beside
from handlers.ports import KeysAway
from tests.adapters.tokens.a_key import a_key, key_list
from tests.adapters.tokens.a_place import APlace
from tests.adapters.tokens.an_issuer import MINUTE, ONE, PATIENCE_SECONDS, TWO, Issuer, an_issuer


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listed_keys, "FIRST_PAUSE_SECONDS", 0.005)
    monkeypatch.setattr(listed_keys, "LONGEST_PAUSE_SECONDS", 0.005)


@pytest.mark.parametrize("garbage", [None, b"<html>", b"{}", b'{"keys": 5}'])
async def test_while_the_list_cannot_be_read_known_keys_hold_and_unknown_ones_wait(
    garbage: bytes | None,
) -> None:
    async with an_issuer() as issuer:
        assert await issuer.takes(ONE.token()) == [True]
        issuer.place.text = garbage
        with pytest.raises(KeysAway):
            await issuer.takes(TWO.token())
        assert await issuer.takes(ONE.token(jti="new")) == [True]
        issuer.place.text = key_list(ONE, TWO)
        await issuer.reads(1)
        assert await issuer.takes(TWO.token()) == [True], "a valid command is not lost"


async def test_waiting_ends_so_that_strangers_cannot_hold_everybody_up_for_long() -> None:
    async with an_issuer() as issuer:
        await issuer.takes(ONE.token())
        issuer.place.text = None
        with pytest.raises(KeysAway):
            await issuer.takes(TWO.token())
        issuer.now += PATIENCE_SECONDS - 0.1
        with pytest.raises(KeysAway):
            await issuer.takes(TWO.token())
        issuer.now += 0.1
        assert await issuer.takes(TWO.token(), ONE.token()) == [False, True]


async def test_patience_is_counted_from_the_first_who_waits_and_anew_in_the_next_outage() -> None:
    async with an_issuer(look_every_seconds=0.005) as issuer:
        await issuer.takes(ONE.token())
        for _ in range(2):
            issuer.place.text = None
            await issuer.reads(3)
            issuer.now += 10 * PATIENCE_SECONDS
            with pytest.raises(KeysAway):
                await issuer.takes(TWO.token())
            issuer.place.text = key_list(ONE)
            await issuer.reads(3)


async def test_an_outage_is_not_asked_more_often_because_many_wait() -> None:
    async with an_issuer() as issuer:
        await issuer.takes(ONE.token())
        issuer.place.text = None
        with pytest.raises(KeysAway):
            await issuer.takes(TWO.token())
        before = issuer.place.readings
        for number in range(50):
            with pytest.raises(KeysAway):
                await issuer.takes(TWO.token({"kid": str(number)}))
        assert issuer.place.readings <= before + 1


async def test_in_an_outage_a_batch_is_put_off_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listed_keys, "FIRST_PAUSE_SECONDS", 60)
    async with an_issuer() as issuer:
        issuer.place.text = None
        for _ in range(3):
            async with asyncio.timeout(2):
                with pytest.raises(KeysAway):
                    await issuer.takes(TWO.token())
            issuer.now += 1.5 * MINUTE
        assert issuer.place.readings == 2


@pytest.mark.parametrize("nothing", [None, b"garbage", key_list(), key_list(a_key("r", "RS256"))])
async def test_without_any_key_yet_everybody_waits_for_as_long_as_it_takes(
    nothing: bytes | None,
) -> None:
    async with an_issuer(nothing) as issuer:
        for _ in range(2):
            with pytest.raises(KeysAway):
                await issuer.takes()
            issuer.now += 10 * PATIENCE_SECONDS
        issuer.place.text = key_list(ONE)
        await issuer.reads(1)
        assert await issuer.takes(ONE.token()) == [True]


async def test_the_first_batch_waits_for_the_first_reading() -> None:
    issuer = Issuer(APlace(key_list(ONE)))
    issuer.place.answers.clear()
    async with beside(issuer.keys.keep_fresh()):
        waiting = asyncio.create_task(issuer.takes(ONE.token()))
        await issuer.reads(1)
        assert not waiting.done()
        issuer.place.answers.set()
        assert await waiting == [True]
