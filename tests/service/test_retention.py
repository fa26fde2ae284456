"""A worker retires what is old, makes partitions ahead, and does nothing of it again."""

from __future__ import annotations

from uuid import uuid4

import pytest

from app.local_servers import KafkaServer, PostgresServer
from tests.service.builders import a_create
from tests.service.callers import a_guest
from tests.service.command_line import booking
from tests.service.house import House, a_house
from tests.service.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

SETTINGS = {"BOOKING_RETENTION__COMMANDS_DAYS": "30", "BOOKING_RETENTION__PARTITION": "day"}


async def test_what_is_old_is_retired_and_never_done_again(
    kafka: KafkaServer, postgres: PostgresServer
) -> None:
    async with a_house(kafka, postgres, settings=SETTINGS) as house:
        guest, create, id_ = a_guest(), a_create(), str(uuid4())
        first = await house.client.command(guest, "create_booking", create, command_id=id_)
        assert first.status == 201
        ended = await house.rows("select recorded_at from outcomes")
        await a_year_passes(house)
        assert len(ended) == len(await house.rows("select row_id from retired_commands"))
        calls = len(house.partners.inventory.ledger())
        again = await house.client.command(guest, "create_booking", create, command_id=id_)
        other = a_create(party_size=7)
        reused = await house.client.command(guest, "create_booking", other, command_id=id_)
        assert (again.status, again.code) == (409, "outcome_retired")
        assert (reused.status, reused.code) == (409, "command_id_reused")
        assert len(house.partners.inventory.ledger()) == calls, "no partner is called"
        told = await booking(house, "why", first.data["booking_reference"])
        assert (told.code, first.data["booking_reference"] in told.out) == (0, True), told.err
        replayed = await booking(house, "replay", "--dry-run", "--json")
        assert (replayed.code, replayed.json["again"]) == (0, []), replayed.json
        (ahead,) = await house.rows(
            "select max(until) > now() + interval '61 days' as is_enough"
            " from retention_partitions()"
        )
        assert ahead["is_enough"]


async def a_year_passes(house: House) -> None:
    """For what stands, while no worker is at work; the next one finds it."""
    (worker,) = house.workers
    worker.ask_to_stop()
    assert await worker.exit_code() == 0
    await house.rows("drop table outcomes_before")
    await house.rows("update outcomes set recorded_at = recorded_at - interval '1 year'")
    house.new_worker().start()

    async def all_gone() -> bool:
        return not await house.rows("select row_id from commands")

    await until(all_gone)
