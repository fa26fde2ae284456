"""The demo as a newcomer starts it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import asyncpg
import psutil
import pytest
from aiokafka.admin import AIOKafkaAdminClient

from app.demo.cast import Venues
from app.demo.day import the_day
from app.demo.main import run_demo
from app.demo.script import Answer, Minutes, Person, Scene, Send
from app.local_servers import LocalServers
from tests.app.demo.demo_process import demo_process, servers_named

TITLES = [scene.title for scene in the_day()]


async def test_the_day_ends_as_told_and_somebody_elses_servers_are_left_as_they_were(
    servers: LocalServers,
) -> None:
    with demo_process(servers, "--trace") as demo:
        code, result = demo.end(within_seconds=100)

    assert code == 0, demo.told
    assert "\ncreate_booking  201 " in demo.told
    assert "\n    inventory reserve  answered " in demo.told
    outcome = json.loads(result)
    assert [scene["title"] for scene in outcome["scenes"]] == TITLES
    assert all(scene["as_told"] for scene in outcome["scenes"])
    assert outcome["totals"]["bookings"] == {
        "pending": 3,
        "checked_in": 1,
        "completed": 1,
        "cancelled": 1,
        "no_show": 1,
        "expired": 1,
    }
    assert all(f"{number} {title[:15]}" in demo.told for number, title in enumerate(TITLES, 1))
    assert [topic for topic in await _topics(servers) if topic.startswith("booking-demo")] == []
    assert [name for name in await _databases(servers) if name.startswith("booking_demo")] == []


def test_kept_on_sqlite_its_lines_work_as_they_were_printed(servers: LocalServers) -> None:
    with demo_process(servers, "--database", "sqlite", "--keep") as demo:
        demo.read_until(" run\n", within_seconds=100)
        create, get, listing, exports, _watch, health, _kill_and_run = [
            line
            for line in demo.told.split("In another shell:")[1].splitlines()
            if line and not line.startswith("#")
        ]
        replies = [json.loads(_pasted(line)) for line in (create, get, listing)]
        sample = _pasted(f"{exports}; cd samples/python; {sys.executable} book.py")
        assert "ready" in _pasted(health)
        demo.signal(signal.SIGINT)
        code, result = demo.end()

    assert code == 0, demo.told
    assert [scene["title"] for scene in json.loads(result)["scenes"]] == TITLES
    assert [reply["status"] for reply in replies] == [201, 200, 200]
    assert [line.split()[0] for line in sample.splitlines()] == ["booked", "booking.created"]
    assert replies[1]["data"]["status"] == "checked_in"
    assert len(replies[2]["data"]["items"]) == 2
    _, alive = psutil.wait_procs(demo.family, timeout=10)
    assert alive == []


def test_an_interrupt_while_it_starts_leaves_nothing_running(servers: LocalServers) -> None:
    with demo_process(servers, "--database", "sqlite") as demo:
        demo.read_until("Worker: starting")
        demo.signal(signal.SIGINT)
        code, _ = demo.end()

    assert code == 130
    _, alive = psutil.wait_procs(demo.family, timeout=10)
    assert alive == []


def test_a_scene_that_does_not_end_as_told_is_named_and_fails_the_demo(
    servers: LocalServers, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name, value in servers_named(servers).items():
        monkeypatch.setenv(name, value)
    guest = Person("Zoe", "guest", "6a0a4a7e-7a3f-4f0e-8f5e-0d8d3a1b2c3d")
    cafe = Venues().molo
    data = {"venue_id": str(cafe.id), "venue_type": "cafe", "party_size": 1}
    asks_for_the_past = Send(
        guest, "create_booking", cafe, {**data, "booking_time": Minutes(-60)}, Answer(201)
    )

    scene = Scene("Time travel", "Zoe books yesterday.", (asks_for_the_past,), "It was possible.")
    code = run_demo(keep=False, database="sqlite", story=[scene])

    told = capfd.readouterr().out
    assert code == 1
    assert "the reply is 400 booking_in_past" in " ".join(told.split())
    assert "It was possible." not in told
    assert "1 of 1 scenes did not end as the story says." in told


def _pasted(line: str) -> str:
    done = subprocess.run(line, shell=True, capture_output=True, text=True, check=False)  # noqa: S602
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout


async def _topics(servers: LocalServers) -> list[str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers.kafka.bootstrap_servers)
    await admin.start()
    try:
        return list(await admin.list_topics())
    finally:
        await admin.close()


async def _databases(servers: LocalServers) -> list[str]:
    connection = await asyncpg.connect(servers.postgres.url.replace("+asyncpg", ""))
    try:
        rows = await connection.fetch("select datname from pg_database")
    finally:
        await connection.close()
    return [row["datname"] for row in rows]
