"""`booking health`: what is said of a worker that beats, waits, hangs or is not there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.health_file import STALE_AFTER, Condition, HealthFile, last_beat
from tests.app.cli.conftest import Booking


@pytest.fixture
def path(booking: Booking, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    path = tmp_path / "health"
    monkeypatch.setenv("BOOKING_HEALTH__FILE", str(path))
    return path


def beat(path: Path, condition: Condition, age: timedelta = timedelta(0)) -> None:
    HealthFile(path, lambda: datetime.now(UTC) - age).beat(condition)


def test_a_worker_that_beats_is_ready(booking: Booking, path: Path) -> None:
    beat(path, Condition(ready=True))
    assert booking("health").out == "ready\n"
    assert booking("health", "--json").json == {"alive": True, "ready": True, "reason": None}


def test_live_and_ready_are_two_questions(booking: Booking, path: Path) -> None:
    beat(path, Condition(ready=False, reason="waits for Kafka"))
    assert booking("health", "--live").code == 0
    assert booking("health", "--ready").code == 1
    assert booking("health", "--live", "--ready").code == 2


def test_a_beat_from_the_future_does_not_hide_a_worker_that_hangs(
    booking: Booking, path: Path
) -> None:
    beat(path, Condition(ready=True), age=-STALE_AFTER - timedelta(seconds=5))
    assert booking("health", "--live").code == 1


def test_a_worker_that_waits_is_alive_and_not_ready(booking: Booking, path: Path) -> None:
    beat(path, Condition(ready=False, reason="waits for Kafka"))
    ran = booking("health")
    assert (ran.code, ran.err) == (1, "booking: alive, not ready: waits for Kafka\n")
    assert booking("health", "--live").code == 0


def test_a_worker_that_hangs_is_not_alive(booking: Booking, path: Path) -> None:
    beat(path, Condition(ready=True), age=STALE_AFTER + timedelta(seconds=5))
    ran = booking("health", "--live")
    assert ran.code == 1
    assert "not alive: the last beat is 20 s old" in ran.err


def test_a_worker_that_never_was_is_not_alive(booking: Booking, path: Path) -> None:
    ran = booking("health", "--json")
    assert (ran.code, ran.json["alive"]) == (1, False)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"beat": "x"}', b'{"beat": 1}'])
def test_a_file_of_something_else_is_no_beat(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert last_beat(path) is None


def test_a_beat_without_an_offset_is_no_beat(path: Path) -> None:
    path.write_text('{"beat": "2030-01-01T00:00:00", "ready": true, "reason": null, "pid": 1}')
    assert last_beat(path) is None


def test_a_worker_that_ended_leaves_no_file(path: Path) -> None:
    health_file = HealthFile(path, lambda: datetime.now(UTC))
    health_file.beat(Condition(ready=True))
    health_file.remove()
    assert list(path.parent.iterdir()) == []
