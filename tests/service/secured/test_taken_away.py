"""A right that is taken from a worker at work: nothing is lost, and what is missing is said."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.servers.acl_lines import carry_out
from tests.service.asking import book
from tests.service.builders import a_create
from tests.service.callers import a_guest
from tests.service.house import House
from tests.service.secured.conftest import Secured, as_owner, database_in
from tests.service.waiting import until
from tests.service.worker import WorkerProcess

pytestmark = [pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(240)]


@asynccontextmanager
async def without(secured: Secured, right: str) -> AsyncIterator[None]:
    """The worker may not do this while the block runs; `right` is options of kafka-acls.sh."""
    words = ["kafka-acls.sh", "--bootstrap-server", secured.kafka.scram, "--command-config"]
    words += ["admin.properties", "--allow-principal", "User:worker", *shlex.split(right)]
    await carry_out(secured.kafka.as_admin(), [shlex.join([*words, "--remove"])])
    try:
        yield
    finally:
        await carry_out(secured.kafka.as_admin(), [shlex.join([*words, "--add"])])


async def told(house: House, words: str) -> None:
    """Returns when the worker has said so."""
    (worker, *_) = house.workers

    async def is_told() -> bool:
        return words in await asyncio.to_thread(worker.log.read_text)

    await until(is_told)


async def test_without_a_topics_commands_the_worker_waits_and_goes_on(
    house: House, secured: Secured
) -> None:
    await book(house, a_guest())
    async with without(secured, f"--operation Read --topic {house.prefix}.commands"):
        sent = await house.client.send_command(a_guest(), "create_booking", a_create())
        await told(house, f"the ACL for Read or Write on the topic {house.prefix}.commands is miss")
    assert (await house.client.reply_to_sent(sent)).status == 201


async def test_without_a_grant_the_worker_waits_and_condemns_no_command(
    house: House, secured: Secured
) -> None:
    await book(house, a_guest())
    database = database_in(house.settings)
    await as_owner(secured, database, "revoke insert on outcomes from worker")
    sent = await house.client.send_command(a_guest(), "create_booking", a_create())
    await told(house, "permission denied for table outcomes")
    await as_owner(secured, database, "grant insert on outcomes to worker")
    reply = await house.client.reply_to_sent(sent)
    assert reply.status == 201, "it was not taken for poison"


@pytest.mark.parametrize(
    ("right", "says"),
    [
        ("--operation Read --group {group}", "the ACL for Read on the group {group} is missing"),
        ("--operation Write --topic {prefix}.events", "not_authorised; the ACL for Write is miss"),
    ],
    ids=["group", "events"],
)
async def test_what_the_worker_cannot_wait_for_ends_it_with_the_reason(
    house: House, secured: Secured, tmp_path: Path, right: str, says: str
) -> None:
    """The next one starts as soon as it may, and does what was left."""
    (usual, *_) = house.workers
    names = {"group": house.group, "prefix": house.prefix}
    await book(house, a_guest())  # it works, and so can be asked
    usual.ask_to_stop()
    assert await usual.exit_code() == 0
    worker = WorkerProcess(house.settings, tmp_path / "log")  # its errors are expected
    worker.start()
    await book(house, a_guest())
    async with without(secured, right.format(**names)):
        sent = await house.client.send_command(a_guest(), "create_booking", a_create())
        assert await worker.exit_code(60) == 1
    last = worker.log.read_text().splitlines()[-1]
    assert last.startswith("booking: gave up: ")
    assert says.format(**names) in last
    usual.start()
    assert (await house.client.reply_to_sent(sent)).status == 201
