"""A partner at several addresses: calls are shared out, and who fails is left alone for a while."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from socket import socket
from typing import Any

import pytest
from structlog.testing import capture_logs

from adapters.partners.addresses import AddressCounts
from domain.effects import Partner, PartnerAnswer, PartnerUnavailable, Released
from tests.adapters.partners.conftest import RELEASE, Town
from tests.adapters.partners.instances import NAME, Instance, Resolver, instances
from tests.servers.certificates import Authority

THREE = ("127.0.0.1", "127.0.0.2", "127.0.0.3")


async def at(town: Town, some: Sequence[Instance], **settings: Any) -> None:
    await town.open(urls=tuple(instance.url for instance in some), **settings)


async def calls(town: Town, count: int) -> list[PartnerAnswer]:
    """One after another."""
    return [await town.ask(replace(RELEASE, key=f"k{n}")) for n in range(count)]


def counts(town: Town) -> AddressCounts:
    assert town.client is not None
    return town.client.addresses[Partner.INVENTORY]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
async def test_calls_are_shared_out_evenly_whatever_the_order(
    town: Town, order: tuple[int, ...]
) -> None:
    async with instances(*THREE) as some:
        await at(town, [some[n] for n in order])
        assert await calls(town, 12) == [Released()] * 12
        assert [len(instance.calls) for instance in some] == [4, 4, 4]
        assert [instance.connections for instance in some] == [1, 1, 1]


async def test_many_calls_at_once_are_shared_out_evenly(town: Town) -> None:
    async with instances(*THREE) as some:
        await at(town, some)
        for instance in some:
            instance.lets_go.clear()
        asked = asyncio.gather(*(town.ask(replace(RELEASE, key=f"k{n}")) for n in range(30)))
        await asyncio.gather(*(instance.called.wait() for instance in some))
        for instance in some:
            instance.lets_go.set()
        assert await asked == [Released()] * 30
        assert [len(instance.calls) for instance in some] == [10, 10, 10]


async def test_a_slow_one_gets_no_more_while_it_still_works_on_one(town: Town) -> None:
    async with instances(*THREE[:2]) as (slow, quick):
        await at(town, [slow, quick])
        slow.lets_go.clear()
        late = asyncio.create_task(town.ask(RELEASE))
        await slow.called.wait()
        assert await calls(town, 10) == [Released()] * 10
        assert (len(slow.calls), len(quick.calls)) == (1, 10)
        slow.lets_go.set()
        assert await late == Released()


async def test_one_that_is_dead_fails_no_call_not_even_with_a_single_attempt(town: Town) -> None:
    async with instances(*THREE) as some:
        await at(town, some, attempts=1)
        await some[1].stop()
        with capture_logs() as lines:
            assert await calls(town, 12) == [Released()] * 12
        assert [len(instance.calls) for instance in some] == [6, 0, 6]
        assert counts(town) == AddressCounts(serving=2, resting=1)
        assert [(line["event"], line["address"]) for line in lines] == [
            ("partner's address rests", some[1].url)
        ]


async def test_one_alive_among_the_dead_is_found_within_a_single_attempt(town: Town) -> None:
    async with instances(*THREE) as some:
        await at(town, some, attempts=1)
        await some[0].stop()
        await some[1].stop()
        assert await town.ask(RELEASE) == Released()


async def test_looking_for_one_alive_ends_with_the_time_of_an_attempt(town: Town) -> None:
    async with instances(*THREE) as some:
        await at(town, some, attempts=1, timeout_seconds=5.0)
        await some[0].stop()
        await some[1].stop()
        town.clock.step = 3.0  # each time somebody looks: at the start and after each failure
        answer = await town.ask(RELEASE)
        assert isinstance(answer, PartnerUnavailable)
        assert some[2].calls == []


async def test_who_is_asked_after_a_dead_one_has_only_the_time_that_is_left(town: Town) -> None:
    async with instances(*THREE[:2]) as (dead, hanging):
        await at(town, [dead, hanging], attempts=1, timeout_seconds=30.0)
        await dead.stop()
        hanging.lets_go.clear()
        town.clock.step = 29.0  # so that one second is left
        async with asyncio.timeout(10):
            answer = await town.ask(RELEASE)
        hanging.lets_go.set()
        assert isinstance(answer, PartnerUnavailable)
        assert len(hanging.calls) == 1


async def test_what_did_not_get_through_cannot_have_happened(town: Town) -> None:
    """Its connection hangs, as to a machine that is gone; until now this counted as a maybe."""
    with socket() as full, socket() as first, socket() as second:
        full.bind((THREE[0], 0))
        full.listen(0)
        for waiting in (first, second):  # more than it takes in: the next one is not answered
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        await town.open(urls=(f"http://{THREE[0]}:{full.getsockname()[1]}",), attempts=1)
        answer = await town.ask(RELEASE)
    assert isinstance(answer, PartnerUnavailable)
    assert not answer.may_have_happened
    # The client has a clock for connecting and one for the call; either may be first.
    assert answer.detail.removeprefix("connection failed: ") in {
        "deadline has elapsed",
        "operation timed out",
    }


async def test_it_is_tried_with_one_call_after_its_rest_and_is_back_when_well(town: Town) -> None:
    async with instances(*THREE[:2]) as (well, ill):
        await at(town, [well, ill])
        await ill.stop()
        await calls(town, 2)
        town.clock.now = 9.9
        await ill.start()
        await calls(town, 4)
        assert ill.calls == []
        town.clock.now = 10.0
        with capture_logs() as lines:
            await calls(town, 8)
        assert len(ill.calls) == 4
        assert counts(town) == AddressCounts(serving=2, resting=0)
        assert [(line["event"], line["address"]) for line in lines] == [
            ("partner's address is back", ill.url)
        ]


async def test_a_trial_that_fails_puts_the_next_one_off(town: Town) -> None:
    async with instances(*THREE[:2]) as (well, ill):
        ill.status = 503
        await at(town, [well, ill])
        await calls(town, 6)  # every second one goes there first
        assert len(ill.calls) == 3
        for now, tried in ((10.0, 4), (19.9, 4), (20.0, 5)):
            town.clock.now = now
            assert await calls(town, 4) == [Released()] * 4
            assert len(ill.calls) == tried


@pytest.mark.parametrize("status", [500, 503, 429])
async def test_one_that_answers_badly_rests_after_three_in_a_row(town: Town, status: int) -> None:
    async with instances(*THREE[:2]) as (well, ill):
        ill.status = status
        await at(town, [well, ill], attempts=2)
        answers = await calls(town, 20)
        assert (len(ill.calls), len(well.calls)) == (3, 20 if status != 500 else 17)
        refused = [answer for answer in answers if answer != Released()]
        assert len(refused) == (3 if status == 500 else 0)  # decision 11: 500 is not tried again


async def test_a_refusal_of_what_we_sent_says_nothing_about_the_address(town: Town) -> None:
    async with instances(*THREE[:2]) as (strict, other):
        strict.status = 401
        await at(town, [strict, other])
        await calls(town, 8)
        assert len(strict.calls) == 4


async def test_what_is_tried_again_goes_elsewhere_under_the_same_key(town: Town) -> None:
    async with instances(*THREE) as some:
        some[0].status = some[1].status = 503
        await at(town, some)
        assert await town.ask(RELEASE) == Released()
        assert [instance.calls for instance in some] == [[RELEASE.key]] * 3


async def test_it_goes_elsewhere_even_where_there_is_more_to_do(town: Town) -> None:
    async with instances(*THREE[:2]) as (busy, failing):
        await at(town, [busy, failing])
        failing.status = 503
        busy.lets_go.clear()
        first = asyncio.create_task(town.ask(replace(RELEASE, key="first")))
        await busy.called.wait()
        busy.called.clear()
        second = asyncio.create_task(town.ask(replace(RELEASE, key="second")))
        async with asyncio.timeout(5):
            await busy.called.wait()
        busy.lets_go.set()
        assert [await first, await second] == [Released()] * 2
        assert failing.calls == ["second"]


async def test_one_that_wants_to_be_left_for_long_keeps_no_call_from_the_others(town: Town) -> None:
    async with instances(*THREE[:2]) as (busy, free):
        busy.status = 503
        busy.headers = ("retry-after: 3600",)
        await at(town, [busy, free])
        assert await town.ask(RELEASE) == Released()


async def test_too_many_requests_is_said_for_all_addresses(town: Town) -> None:
    """429 is about us, not about who says it: its Retry-After is longer than we wait."""
    async with instances(*THREE[:2]) as (busy, free):
        busy.status = 429
        busy.headers = ("retry-after: 3600",)
        await at(town, [busy, free])
        assert isinstance(await town.ask(RELEASE), PartnerUnavailable)
        assert free.calls == []


async def test_the_breaker_stays_closed_while_one_serves(town: Town) -> None:
    async with instances(*THREE) as some:
        await at(town, some, breaker_failures=2)
        await some[0].stop()
        some[1].status = 503
        for round_of_rests in range(5):
            town.clock.now = 10.0 * round_of_rests
            assert await calls(town, 6) == [Released()] * 6


async def test_with_all_away_each_call_still_tries_until_the_breaker_opens(town: Town) -> None:
    async with instances(*THREE) as some:
        await at(town, some, attempts=1, breaker_failures=3)
        for instance in some:
            await instance.stop()
        answers = await calls(town, 4)
        assert all(isinstance(answer, PartnerUnavailable) for answer in answers)
        details = [answer.detail for answer in answers if isinstance(answer, PartnerUnavailable)]
        assert details[0] == details[2]
        assert details[0].startswith("3 addresses failed, the last one: connection failed: ")
        assert details[3] == "circuit breaker open"
        assert counts(town) == AddressCounts(serving=0, resting=3)


async def test_the_breakers_trial_finds_the_one_that_is_back(town: Town) -> None:
    async with instances(*THREE) as some:
        await at(town, some, breaker_failures=1, breaker_reset_seconds=5.0)
        for instance in some:
            await instance.stop()
        assert isinstance(await town.ask(RELEASE), PartnerUnavailable)
        await some[2].start()
        town.clock.now = 5.0  # a single attempt, and all three still rest
        assert await town.ask(RELEASE) == Released()


async def test_an_only_address_never_rests(town: Town) -> None:
    async with instances(THREE[0]) as (only,):
        await at(town, [only], attempts=1)
        only.status = 503
        await calls(town, 5)
        assert len(only.calls) == 5
        assert counts(town) == AddressCounts(serving=1, resting=0)


async def test_a_call_given_up_by_us_is_no_longer_in_flight_there(town: Town) -> None:
    async with instances(*THREE[:2]) as (slow, quick):
        await at(town, [slow, quick])
        slow.lets_go.clear()
        given_up = asyncio.create_task(town.ask(RELEASE))
        await slow.called.wait()
        given_up.cancel()
        await asyncio.gather(given_up, return_exceptions=True)
        slow.lets_go.set()
        await calls(town, 4)
        assert len(slow.calls) == 3
        assert len(quick.calls) == 2


async def test_tls_checks_the_name_at_each_address_and_sends_nothing_to_a_stranger(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path, "authority")
    ours, strangers = authority.signs("ours", [NAME]), authority.signs("other", ["other.test"])
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    shown = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    shown.load_cert_chain(ours.certificate, ours.key)
    strange = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    strange.load_cert_chain(strangers.certificate, strangers.key)
    async with instances(*THREE[:2], tls=shown) as some:
        stranger = Instance(THREE[2])
        await stranger.start(some[0].port, strange)
        try:
            town.resolver = Resolver(THREE[2], *THREE[:2])
            await town.open(
                inventory_alone=True,
                urls=(f"https://{NAME}:{some[0].port}",),
                resolve_seconds=0.001,
                token="t",
                attempts=1,
            )
            async with town.names_followed():
                await town.resolver.is_followed()
                assert await calls(town, 6) == [Released()] * 6
        finally:
            await stranger.stop()
    assert [len(instance.calls) for instance in some] == [3, 3]
    assert some[0].hosts == some[1].hosts == {f"{NAME}:{some[0].port}"}
    assert stranger.calls == []
