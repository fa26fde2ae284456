"""The commands of pages that lead somebody by the hand, run in their order against a service."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from app.local_servers import KafkaServer, PostgresServer
from tests.service.builders import a_create, in_hours
from tests.service.callers import an_admin
from tests.service.house import House, a_house
from tests.service.waiting import until
from tests.service.worker import environment
from tests.site.blocks import blocks, shell_lines
from tests.site.pages import DOCS

pytestmark = pytest.mark.asyncio(loop_scope="module")

# What is not run here, and where it is.
ELSEWHERE = {
    "make demo": "tests/app/demo",
    "make demo ARGS=--keep": "tests/app/demo",
    "booking run": "the house's worker",
}
_RUN_SECONDS = 60
_DAY = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(
    kafka: KafkaServer, postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    """One whose worker tells how it is."""
    health = tmp_path_factory.mktemp("health") / "health"
    own = {"BOOKING_HEALTH__FILE": str(health)}
    async with a_house(kafka, postgres, settings=own) as running:
        await running.has_members(1)
        yield running


async def test_the_demo_is_run_by_its_own_tests() -> None:
    assert _lines("start.md") == []


async def test_events_are_watched_until_one_has_seen_enough(house: House, tmp_path: Path) -> None:
    await house.client.command(an_admin(), "create_booking", a_create(source="phone"))
    (line,) = _lines("consuming.md")
    async with _started(house, tmp_path, f"exec {line}") as watching:
        assert watching.stdout is not None
        told = await asyncio.wait_for(anext(aiter(watching.stdout)), _RUN_SECONDS)
        watching.send_signal(signal.SIGINT)
        await asyncio.wait_for(watching.communicate(), _RUN_SECONDS)
    assert json.loads(told)["value"]["event_type"] == "booking.created"
    assert watching.returncode == 0


async def test_a_booking_is_made_by_hand_and_made_once(house: House, tmp_path: Path) -> None:
    lines = _lines("publishing.md")
    sent_again = next(line for line in lines if line.startswith("booking send create_booking"))
    code, told = await _shell(house, tmp_path, [*lines, sent_again])
    assert code == 0, told
    assert told.count('"status": 201') == 2, told
    assert told.count("replayed: the outcome of an earlier try") == 1
    assert told.count('"operation": "list_venue_bookings"') == 1
    venue_id = re.findall(r'"venue_id": "([0-9a-f-]+)"', sent_again)[0]
    assert len(await house.rows("select 1 from bookings where venue_id = $1", venue_id)) == 1


async def test_a_service_is_set_up_and_looked_after(house: House, tmp_path: Path) -> None:
    made = await house.client.command(an_admin(), "create_booking", a_create(source="phone"))
    reference = made.data["booking_reference"]

    health = Path(house.settings["BOOKING_HEALTH__FILE"])

    async def tells_how_it_is() -> bool:
        return await asyncio.to_thread(health.exists)

    await until(tells_how_it_is)
    code, told = await _shell(house, tmp_path, _lines("operating.md"), REFERENCE=reference)
    assert code == 0, told
    for line in ("nothing is owed", "no dead letters", reference):
        assert line in told, told


def _lines(page: str) -> list[str]:
    shown = [block for block in blocks(DOCS / page) if block.language == "sh"]
    assert shown
    lines = [line for block in shown for line in shell_lines(block.text)]
    return [line for line in lines if line not in ELSEWHERE]


async def _shell(
    house: House, folder: Path, lines: list[str], **placeholders: str
) -> tuple[int, str]:
    """Exit code and all that was said; the first that fails ends it. Days are moved on."""
    script = _DAY.sub(in_hours(48).replace("+00:00", "Z"), "\n".join(lines))
    for name, value in placeholders.items():
        script = script.replace(name, value)
    async with _started(house, folder, script, stderr=asyncio.subprocess.STDOUT) as process:
        out, _ = await asyncio.wait_for(process.communicate(), _RUN_SECONDS)
    assert process.returncode is not None
    return process.returncode, out.decode()


@asynccontextmanager
async def _started(
    house: House, folder: Path, script: str, *, stderr: int = asyncio.subprocess.DEVNULL
) -> AsyncIterator[asyncio.subprocess.Process]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    process = await asyncio.create_subprocess_exec(
        *("sh", "-e", "-c", script),
        cwd=folder,
        env={**environment(house.settings), "PATH": path},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=stderr,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
