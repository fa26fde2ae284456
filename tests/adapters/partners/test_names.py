"""A partner's name is followed to where it leads, while connections are kept alive."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from adapters.partners import names
from adapters.partners.addresses import AddressCounts
from adapters.partners.names import host_of, system_resolver
from domain.effects import Partner, PartnerUnavailable, Released
from tests.adapters.partners.conftest import RELEASE, Town
from tests.adapters.partners.instances import NAME, Instance, Resolver, instances
from tests.adapters.partners.test_addresses import THREE, calls, counts


async def by_name(town: Town, resolver: Resolver, port: int, **settings: Any) -> None:
    town.resolver = resolver
    await at(town, f"http://{NAME}:{port}", **settings)


async def at(town: Town, *urls: str, resolve_seconds: float = 0.001, **settings: Any) -> None:
    """Look-ups follow each other at once: a test waits for them, not for their time."""
    await town.open(inventory_alone=True, urls=urls, resolve_seconds=resolve_seconds, **settings)


def shares(some: list[Instance]) -> list[int]:
    return [len(instance.calls) for instance in some]


async def test_all_addresses_of_a_name_share_the_calls_made_in_its_name(town: Town) -> None:
    async with instances(*THREE) as some:
        resolver = Resolver(*THREE)
        await by_name(town, resolver, some[0].port)
        async with town.names_followed():
            await resolver.is_followed()
            assert await calls(town, 12) == [Released()] * 12
        assert shares(some) == [4, 4, 4]
        assert {host for instance in some for host in instance.hosts} == {f"{NAME}:{some[0].port}"}


async def test_a_name_is_followed_although_connections_are_kept_alive(town: Town) -> None:
    async with instances(*THREE) as some:
        resolver = Resolver(THREE[0])
        await by_name(town, resolver, some[0].port)
        async with town.names_followed():
            await resolver.is_followed()
            await calls(town, 3)
            resolver.ips = THREE[1:]
            with capture_logs() as lines:
                await resolver.is_followed()
            await calls(town, 4)
        assert shares(some) == [3, 2, 2]
        assert [(line["event"], line["addresses"]) for line in lines] == [
            ("partner's name is found", [*THREE[1:]])
        ]


async def test_those_that_stay_keep_their_connections_and_their_rest(town: Town) -> None:
    async with instances(*THREE) as some:
        resolver = Resolver(*THREE[:2])
        await by_name(town, resolver, some[0].port)
        async with town.names_followed():
            await resolver.is_followed()
            await some[1].stop()
            await calls(town, 2)
            resolver.ips = (THREE[2], THREE[1], THREE[0])
            await resolver.is_followed()
            await calls(town, 6)
            assert counts(town) == AddressCounts(serving=2, resting=1)
        assert some[0].connections == 1


async def test_one_that_has_gone_answers_the_call_it_still_has_and_is_left(town: Town) -> None:
    async with instances(*THREE[:2]) as (old, new):
        resolver = Resolver(old.ip)
        await by_name(town, resolver, old.port)
        async with town.names_followed():
            await resolver.is_followed()
            old.lets_go.clear()
            late = asyncio.create_task(town.ask(RELEASE))
            await old.called.wait()
            resolver.ips = (new.ip,)
            await resolver.is_followed()
            assert await calls(town, 3) == [Released()] * 3
            old.lets_go.set()
            assert await late == Released()
            async with asyncio.timeout(5):
                await old.is_left()
        assert (len(old.calls), len(new.calls)) == (1, 3)


@pytest.mark.parametrize(
    "error", [OSError("Name or service not known"), UnicodeError("label too long")]
)
async def test_a_name_that_is_not_found_any_more_leads_where_it_led(
    town: Town, error: Exception
) -> None:
    async with instances(*THREE[:2]) as some:
        resolver = Resolver(*THREE[:2])
        await by_name(town, resolver, some[0].port)
        async with town.names_followed():
            await resolver.is_followed()
            resolver.error = error
            with capture_logs() as lines:
                await resolver.is_followed()
                await resolver.is_followed()
            assert await calls(town, 4) == [Released()] * 4
        assert [line["event"] for line in lines] == ["partner's name is not found"]
        assert shares(some) == [2, 2]


async def test_who_cannot_be_reached_is_looked_up_at_once_and_not_for_ever(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "_AT_MOST_EACH_SECONDS", 0.001)
    async with instances(*THREE[:2]) as (old, new):
        resolver = Resolver(old.ip)
        await by_name(town, resolver, old.port, resolve_seconds=3600.0, attempts=20)
        async with town.names_followed():
            await resolver.is_asked()
            await old.stop()
            resolver.ips = (new.ip,)
            assert await town.ask(RELEASE) == Released()
            asked = resolver.asked
            await calls(town, 50)
        assert len(new.calls) == 51
        assert resolver.asked <= asked + 1


async def test_both_ip_versions_of_a_machine_count_once_unless_one_is_no_good(town: Town) -> None:
    """As with `localhost`, which leads to ::1 and 127.0.0.1 whoever listens there."""
    async with instances("::1", "127.0.0.1") as (six, four):
        resolver = Resolver("::1", "127.0.0.1")
        await by_name(town, resolver, six.port)
        async with town.names_followed():
            await resolver.is_followed()
            await calls(town, 4)
            assert (len(six.calls), len(four.calls)) == (4, 0)
            await six.stop()
            assert await calls(town, 4) == [Released()] * 4
            assert len(four.calls) == 4


async def test_names_that_nobody_looks_up_are_left_to_the_client(town: Town) -> None:
    async with instances(THREE[0]) as (only,):
        resolver = Resolver(THREE[0])
        town.resolver = resolver
        await at(town, f"http://localhost:{only.port}", resolve_seconds=0.0)
        async with town.names_followed():
            assert await town.ask(RELEASE) == Released()
        assert resolver.asked == 0


async def test_an_ip_in_a_url_is_not_looked_up(town: Town) -> None:
    async with instances(*THREE[:2]) as some:
        town.resolver = resolver = Resolver()
        await at(town, *(instance.url for instance in some))
        async with town.names_followed():
            await calls(town, 2)
        assert resolver.asked == 0


async def test_a_name_without_any_address_is_unavailable_and_surely_did_nothing(
    town: Town,
) -> None:
    town.resolver = resolver = Resolver()
    await at(town, "http://nowhere.invalid:1", attempts=1)
    async with town.names_followed():
        await resolver.is_followed()
        answer = await town.ask(RELEASE)
    assert isinstance(answer, PartnerUnavailable)
    assert not answer.may_have_happened


async def test_an_address_that_no_url_can_lead_to_is_left_out(town: Town) -> None:
    async with instances(THREE[0]) as (only,):
        await by_name(town, resolver := Resolver("fe80::1%eth0", THREE[0], THREE[0]), only.port)
        async with town.names_followed():
            await resolver.is_followed()
            assert await town.ask(RELEASE) == Released()
            assert counts(town) == AddressCounts(serving=1, resting=0)
            resolver.ips = ("fe80::1%eth0",)
            await resolver.is_followed()
            assert await town.ask(RELEASE) == Released()


async def test_names_and_ips_may_stand_side_by_side(town: Town) -> None:
    async with instances(*THREE) as some:
        town.resolver = resolver = Resolver(*THREE[:2])
        await at(town, some[2].url, f"http://{NAME}:{some[0].port}")
        async with town.names_followed():
            await resolver.is_followed()
            await calls(town, 9)
        assert shares(some) == [3, 3, 3]


async def test_each_partner_has_addresses_of_its_own(town: Town) -> None:
    assert town.client is not None
    assert town.client.addresses == dict.fromkeys(Partner, AddressCounts(serving=1, resting=0))


async def test_a_bug_in_a_look_up_is_raised(town: Town) -> None:
    async def broken(_: str) -> list[str]:
        raise ZeroDivisionError

    town.resolver = broken
    await at(town, f"http://{NAME}")
    with pytest.raises(ZeroDivisionError):
        async with town.names_followed():
            await asyncio.Event().wait()


async def test_the_machines_own_resolver_gives_ips() -> None:
    assert "127.0.0.1" in await system_resolver("localhost")
    with pytest.raises(OSError, match=r"."):
        await system_resolver("nowhere.invalid")
    with pytest.raises(UnicodeError):
        await system_resolver("a" * 64)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://Inventory:8080/base", "inventory"),
        ("https://bücher.example", "xn--bcher-kva.example"),
        ("http://[::1]:80", "::1"),
    ],
)
def test_the_host_is_what_the_client_will_ask_for(url: str, host: str) -> None:
    assert host_of(url) == host
