"""Keys that an issuer brings and takes back while a worker runs."""

from __future__ import annotations

import asyncio

import pytest

from tests.adapters.tokens.a_key import a_key, key_list
from tests.adapters.tokens.an_issuer import MINUTE, ONE, THREE, TWO, an_issuer


async def test_an_unknown_kid_makes_the_list_be_read_and_its_token_is_taken() -> None:
    async with an_issuer() as issuer:
        assert await issuer.takes(ONE.token()) == [True]
        issuer.place.text = key_list(ONE, TWO)
        assert await issuer.takes(TWO.token()) == [True]
        assert issuer.place.readings == 2


async def test_known_keys_make_nobody_read_the_list() -> None:
    async with an_issuer() as issuer:
        for number in range(5):
            assert await issuer.takes(ONE.token(jti=str(number))) == [True]
            issuer.now += 2 * MINUTE
        assert issuer.place.readings == 1


async def test_unknown_kids_have_the_list_read_once_a_minute_at_most() -> None:
    async with an_issuer() as issuer:
        for number in range(10):
            assert await issuer.takes(TWO.token({"kid": f"invented-{number}"})) == [False]
        assert issuer.place.readings == 2
        issuer.now += MINUTE - 0.1
        assert await issuer.takes(TWO.token()) == [False]
        assert issuer.place.readings == 2
        issuer.now += 0.1
        issuer.place.text = key_list(ONE, TWO)
        assert await issuer.takes(TWO.token()) == [True]
        assert issuer.place.readings == 3


async def test_a_batch_full_of_unknown_kids_is_one_reading() -> None:
    async with an_issuer() as issuer:
        issuer.place.text = key_list(TWO, THREE)
        batch = [TWO.token(), THREE.token(), *(ONE.token({"kid": f"k{n}"}) for n in range(198))]
        assert (await issuer.takes(*batch))[:3] == [True, True, False]
        assert issuer.place.readings == 2


async def test_commands_and_queries_that_ask_at_the_same_time_share_one_reading() -> None:
    async with an_issuer() as issuer:
        await issuer.takes(ONE.token())
        issuer.place.text = key_list(ONE, TWO, THREE)
        issuer.place.answers.clear()
        asking = [asyncio.create_task(issuer.takes(key.token())) for key in (TWO, THREE)]
        await issuer.reads(1)
        issuer.place.answers.set()
        assert await asyncio.gather(*asking) == [[True], [True]]
        assert issuer.place.readings == 2


async def test_who_knows_his_keys_does_not_wait_for_a_reading() -> None:
    async with an_issuer() as issuer:
        await issuer.takes(ONE.token())
        issuer.place.answers.clear()
        waiting = asyncio.create_task(issuer.takes(TWO.token()))
        await issuer.reads(1)
        async with asyncio.timeout(1):
            assert await issuer.takes(ONE.token(jti="new")) == [True]
        issuer.place.answers.set()
        assert await waiting == [False]


async def test_a_batch_that_was_given_up_while_the_list_was_read_finds_it_next_time() -> None:
    async with an_issuer() as issuer:
        await issuer.takes(ONE.token())
        issuer.place.text = key_list(ONE, TWO)
        issuer.place.answers.clear()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(issuer.takes(TWO.token()), 0.02)
        again = asyncio.create_task(issuer.takes(TWO.token()))
        await asyncio.sleep(0.01)
        assert not again.done(), "the answer is on its way and not to be missed"
        issuer.place.answers.set()
        assert await again == [True]
        assert issuer.place.readings == 2


async def test_an_old_key_holds_for_as_long_as_it_is_listed() -> None:
    async with an_issuer(key_list(TWO, ONE)) as issuer:
        assert await issuer.takes(ONE.token(), TWO.token()) == [True, True]
        issuer.place.text = key_list(THREE, TWO, ONE)
        assert await issuer.takes(THREE.token(), ONE.token()) == [True, True]


async def test_a_key_that_is_listed_no_more_is_refused_also_for_tokens_that_were_known() -> None:
    async with an_issuer(key_list(ONE, TWO)) as issuer:
        known, other = ONE.token(), TWO.token()
        assert await issuer.takes(known, other) == [True, True]
        issuer.place.text = key_list(TWO, THREE)
        assert await issuer.takes(THREE.token()) == [True]
        assert await issuer.takes(known, other, ONE.token()) == [False, True, False]


async def test_another_key_under_the_same_kid_takes_its_place() -> None:
    async with an_issuer() as issuer:
        known = ONE.token()
        assert await issuer.takes(known) == [True]
        issuer.place.text = key_list(TWO.public(kid="one"))
        await issuer.takes(THREE.token())
        assert await issuer.takes(known, TWO.token({"kid": "one"})) == [False, True]


async def test_a_list_that_grows_old_is_read_though_nobody_asks() -> None:
    async with an_issuer(key_list(ONE, TWO), look_every_seconds=0.01) as issuer:
        assert await issuer.takes(ONE.token()) == [True]
        issuer.place.text = key_list(TWO)
        await issuer.reads(2)
        assert await issuer.takes(ONE.token()) == [False]


async def test_an_issuer_that_lists_nothing_any_more_has_taken_everything_back() -> None:
    async with an_issuer() as issuer:
        assert await issuer.takes(ONE.token()) == [True]
        issuer.place.text = key_list()
        assert await issuer.takes(TWO.token(), ONE.token()) == [False, False]


@pytest.mark.parametrize(
    "header", [{"alg": "none"}, {"typ": "dpop+jwt"}, {"crit": ["x"]}, {"kid": None}]
)
async def test_what_no_key_could_make_genuine_has_nobody_read_the_list(
    header: dict[str, object],
) -> None:
    async with an_issuer(key_list(ONE, THREE)) as issuer:
        await issuer.takes()
        token = TWO.token({"kid": "unknown", **header}) if "alg" not in header else b"e30.e30."
        assert await issuer.takes(token, b"", b"no token") == [False, False, False]
        assert issuer.place.readings == 1


async def test_another_algorithm_under_an_unknown_kid_has_nobody_read_the_list() -> None:
    async with an_issuer() as issuer:
        await issuer.takes()
        assert await issuer.takes(a_key("rsa", "RS256").token()) == [False]
        assert issuer.place.readings == 1
