"""The line of each outcome: like all others, and as many of them as are wanted."""

from __future__ import annotations

import logging
from io import StringIO
from typing import Any
from uuid import UUID

import orjson
import pytest
import structlog

from app.logs import configure_logs
from app.outcome_lines import OutcomeLog
from handlers.ended import Ended

DONE, REFUSED = Ended(201), Ended(409, "slot_unavailable")
LINE = {"operation": "create_booking", "message_id": UUID(int=1), "ms": {"whole": 1.5}}


pytestmark = pytest.mark.usefixtures("logs_as_they_were")


def written(log: OutcomeLog, stream: StringIO) -> list[dict[str, Any]]:
    log.write([LINE, LINE])
    return [orjson.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_has_what_every_other_line_has() -> None:
    stream = StringIO()
    configure_logs(stream=stream)
    first, _ = written(OutcomeLog("command done", logging.INFO), stream)
    assert first.pop("timestamp").endswith("Z")
    assert first == {
        "event": "command done",
        "level": "info",
        "logger": "booking.outcomes",
        "operation": "create_booking",
        "message_id": str(UUID(int=1)),
        "ms": {"whole": 1.5},
    }


def test_on_a_terminal_it_is_for_people() -> None:
    stream = StringIO()
    configure_logs(style="console", stream=stream)
    OutcomeLog("command done", logging.INFO).write([LINE])
    (line,) = stream.getvalue().splitlines()
    assert "command done" in line
    assert str(UUID(int=1)) in line


def test_without_a_style_the_stream_decides() -> None:
    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    for stream, is_json in ((StringIO(), True), (Terminal(), False)):
        configure_logs(stream=stream)
        structlog.get_logger("booking.test").info("said")
        assert stream.getvalue().startswith("{") is is_json


def test_below_its_level_nothing_is_wanted() -> None:
    configure_logs(level="INFO", stream=StringIO())
    assert OutcomeLog("command done", logging.INFO).wants(DONE)
    assert not OutcomeLog("query answered", logging.DEBUG).wants(REFUSED)


def test_of_the_successes_a_share_is_wanted_and_of_the_others_all() -> None:
    configure_logs(stream=StringIO())
    none = OutcomeLog("command done", logging.INFO, share=0.0)
    assert not none.wants(DONE)
    assert none.wants(REFUSED)
    some = OutcomeLog("command done", logging.INFO, share=0.5)
    assert 0 < sum(some.wants(DONE) for _ in range(200)) < 200
