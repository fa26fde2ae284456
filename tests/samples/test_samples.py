"""Each sample books at a real worker, sends again what may be sent again, and hears its event."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from app.local_servers import KafkaServer, PostgresServer
from tests.samples.toolchains import LANGUAGES, built, environment
from tests.service.builders import a_create, a_venue, at
from tests.service.callers import a_guest
from tests.service.command_line import ran
from tests.service.house import House, a_house
from tests.service.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]

_RUN_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Sample:
    """A built sample."""

    folder: Path
    start: tuple[str, ...]

    async def run(self, house: House, venue_id: str) -> tuple[int, list[str]]:
        """Its exit code, and the lines that it printed."""
        settings = {
            "KAFKA_BOOTSTRAP_SERVERS": house.bootstrap_servers,
            "TOPIC_PREFIX": house.prefix,
            "REPLY_TOPIC": house.client.reply_to,
            "GUEST_TOKEN": a_guest().token or "",
            "VENUE_ID": venue_id.upper(),  # the key is to be lower case all the same
        }
        done = await ran(
            *self.start,
            env={**environment(), **settings},
            cwd=self.folder,
            within_seconds=_RUN_SECONDS,
        )
        lines = done.out.splitlines()
        assert lines, f"it printed nothing but {done.err!r}"
        return done.code, lines


@pytest.fixture(scope="module", params=LANGUAGES)
def sample(request: pytest.FixtureRequest) -> Sample:
    """Skipped, or failed, where the language's tools are missing: tests/tools.py."""
    return Sample(*built(request.param))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(kafka: KafkaServer, postgres: PostgresServer) -> AsyncIterator[House]:
    """One for all samples; a call of inventory is tried once, so that one fault is enough."""
    once = {"BOOKING_INVENTORY__ATTEMPTS": "1"}
    async with a_house(kafka, postgres, settings=once) as running:
        yield running


async def test_it_sends_a_retryable_refusal_again_and_hears_of_its_booking(
    house: House, sample: Sample
) -> None:
    venue_id = a_venue()
    async with httpx.AsyncClient() as http:
        fault = {"kind": "error", "status": 503, "where": {"venue_id": venue_id}, "times": 1}
        await http.post(f"{house.partners.inventory_url}/_faults", json=fault)

    code, lines = await sample.run(house, venue_id)

    rows = await house.rows("select booking_reference from bookings where venue_id = $1", venue_id)
    reference = rows[0]["booking_reference"] if rows else "nothing"
    assert (code, lines) == (
        0,
        [
            "inventory_unavailable: trying again",
            f"booked {reference}, 55.00 EUR",
            f"booking.created {reference}",
        ],
    )
    assert len(rows) == 1
    await house.feed.caught_up()
    commands = house.feed.records(f"{house.prefix}.commands")
    sent = [record for record in commands if record.key == venue_id.encode()]
    assert len(sent) == 2, "two tries, and nothing was forwarded"


async def test_it_does_not_send_again_what_is_final(house: House, sample: Sample) -> None:
    venue_id = a_venue()
    tomorrow = datetime.now(UTC).replace(hour=19, minute=0, second=0) + timedelta(days=1)
    taken = a_create(venue_id, booking_time=at(tomorrow))
    assert (await house.client.command(a_guest(), "create_booking", taken)).status == 201

    code, lines = await sample.run(house, venue_id)

    assert code == 1
    assert len(lines) == 1
    assert lines[0].startswith("refused: slot_unavailable (")


async def test_where_nobody_answers_they_ask_again_and_book_once(house: House) -> None:
    """All languages at once, on one reply topic, as what is waited for is the same for all."""
    samples = dict(_those_with_tools())
    venues = {name: a_venue() for name in samples}
    commands = f"{house.prefix}.commands"
    await house.has_members(1)
    house.workers[0].freeze()
    runs = [asyncio.create_task(samples[name].run(house, venues[name])) for name in samples]

    async def all_asked_twice() -> bool:
        keys = [record.key for record in house.feed.records(commands)]
        return all(keys.count(venue_id.encode()) == 2 for venue_id in venues.values())

    await until(all_asked_twice)
    house.workers[0].wake()
    ended = dict(zip(samples, await asyncio.gather(*runs), strict=True))

    for name, (code, lines) in ended.items():
        booked = "select booking_reference from bookings where venue_id = $1"
        references = [row["booking_reference"] for row in await house.rows(booked, venues[name])]
        assert (code, lines) == (
            0,
            [f"booked {each}, 55.00 EUR" for each in references]
            + [f"booking.created {each}" for each in references],
        ), name
        assert len(references) == 1, name


def _those_with_tools() -> Iterator[tuple[str, Sample]]:
    for name in LANGUAGES:
        with suppress(pytest.skip.Exception):  # the test of that language alone is skipped visibly
            yield name, Sample(*built(name))
