"""The command line over the same connections, by an operator with rights of their own."""

from __future__ import annotations

import asyncio
import json
import signal

import pytest

from tests.servers.acl_lines import carry_out
from tests.service.asking import book
from tests.service.callers import a_guest
from tests.service.client import Sent
from tests.service.command_line import Ran, booking
from tests.service.feed import header
from tests.service.house import House
from tests.service.secured.conftest import Secured, database_in
from tests.service.waiting import PATIENCE_SECONDS
from tests.service.worker import BOOKING, REPOSITORY, environment

pytestmark = [pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(240)]


async def test_an_operator_sees_and_does_what_has_to_be_done(
    house: House, secured: Secured
) -> None:
    guest = a_guest()
    booked = await book(house, guest)
    await house.client.publish("commands", b"{")
    own = secured.settings("operator", database_in(house.settings))

    async def runs(*arguments: str) -> Ran:
        return await booking(house, *arguments, settings=own)

    asked = json.dumps({"booking_id": booked["id"]})
    send = ("send", "get_booking", asked, "--token", guest.token or "", "--wait", "30", "--json")
    ran = await asyncio.gather(
        runs(*send),
        runs("topics", "check"),
        runs("why", booked["booking_reference"]),
        runs("undo", "retry", "--all"),
        runs("dlq", "list", "--json"),
        runs("replay", "--dry-run", "--json"),
    )
    sent, checked, why, retried, letters, replayed = ran
    told = [(each.code, each.err) for each in ran]
    await house.feed.caught_up()
    house.client.sent += from_the_command_line(house)
    assert json.loads(sent.out)["data"]["id"] == booked["id"], told
    assert (checked.code, why.code, retried.code, replayed.code) == (0, 0, 0, 0), told
    assert booked["booking_reference"] in why.out
    assert {each["reason"] for each in letters.json["letters"]} == {"unreadable"}, told
    assert replayed.json["records"] >= 1


def from_the_command_line(house: House) -> list[Sent]:
    """Queries that the house's own client does not know of."""
    own = {each.correlation_id for each in house.client.sent}
    return [
        Sent(record.topic, record.partition, record.offset, record.value, correlation_id)
        for record in house.feed.records(f"{house.prefix}.queries")
        if (correlation_id := header(record, "correlation_id")) not in own
    ]


async def test_an_operator_watches_events_and_a_worker_may_not(
    house: House, secured: Secured
) -> None:
    await book(house, a_guest())
    own = secured.settings("operator", database_in(house.settings))
    watch = ("watch", "events", "--from-beginning", "--json")
    process = await asyncio.create_subprocess_exec(
        *BOOKING,
        *watch,
        env=environment({**house.settings, **own}),
        cwd=REPOSITORY,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), PATIENCE_SECONDS)
    process.send_signal(signal.SIGINT)
    await process.communicate()
    assert json.loads(line)["value"]["event_type"] == "booking.created"
    ran = await booking(house, *watch)
    assert ran.code == 1
    assert ran.err.splitlines()[-1] == (
        "booking: Kafka does not allow it: the ACL for Read or Write on the topic"
        f" {house.prefix}.events is missing, see booking topics acls"
    )


async def test_who_deploys_creates_topics_and_sees_that_they_are_right(
    lasting_house: House, secured: Secured
) -> None:
    own = secured.settings("deployer", "none") | {"BOOKING_KAFKA__TOPIC_PREFIX": "another-house"}
    printed = await booking(
        lasting_house,
        *("topics", "acls", "--principal", "User:deployer", "--for", "deployer"),
        settings=own,
    )
    await carry_out(secured.kafka.as_admin(), printed.out.splitlines())
    created = await booking(lasting_house, "topics", "create", "--json", settings=own)
    assert len(created.json["created"]) == 6, created.err
    checked = await booking(lasting_house, "topics", "check", settings=own)
    assert checked.code == 0, checked.err
