"""What the log looks like, and what never stands in it."""

from __future__ import annotations

import logging
from io import StringIO
from typing import Any

import orjson
import pytest
import structlog

from app.logs import configure_logs
from handlers.ports import PromiseBroken

pytestmark = pytest.mark.usefixtures("logs_as_they_were")


def lines(stream: StringIO) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in stream.getvalue().splitlines()]


def log_into(stream: StringIO, **options: Any) -> Any:
    configure_logs(stream=stream, **options)
    return structlog.get_logger("booking.test")


def test_a_line_is_one_json_object_with_time_level_and_name() -> None:
    out = StringIO()
    log_into(out).warning("waiting", awaited="Kafka")
    (line,) = lines(out)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "waiting",
        "level": "warning",
        "logger": "booking.test",
        "awaited": "Kafka",
    }


def test_libraries_that_log_on_their_own_look_the_same() -> None:
    out = StringIO()
    log_into(out)
    logging.getLogger("some.library").error("lost %s", "it", extra={"partition": 3})
    (line,) = lines(out)
    assert (line["event"], line["level"], line["partition"]) == ("lost it", "error", 3)


def test_what_is_below_the_level_is_not_said() -> None:
    out = StringIO()
    log_into(out, level="WARNING").info("detail")
    assert out.getvalue() == ""


def test_reconnections_of_the_kafka_client_are_heard_in_debug_alone() -> None:
    for level, count in (("INFO", 0), ("DEBUG", 1)):
        out = StringIO()
        log_into(out, level=level)
        logging.getLogger("aiokafka.conn").error("Unable connect to node 0")
        assert len(lines(out)) == count


@pytest.mark.parametrize("style", ["json", "console"])
def test_personal_fields_are_blotted_out(style: str) -> None:
    out = StringIO()
    log_into(out, style=style).info("oops", guest_email="canary@example.org", token="canary")
    assert "canary" not in out.getvalue()
    assert out.getvalue().count("***") == 2


@pytest.mark.parametrize("style", ["json", "console"])
def test_a_traceback_shows_where_and_no_values(style: str) -> None:
    out = StringIO()
    log = log_into(out, style=style)

    address = "-".join(("canary", "bird"))
    with pytest.raises(LookupError) as caught:
        dict[str, str]()[f"no such {len(address)}"]
    log.error("failed", exc_info=caught.value)
    assert "no such 11" not in out.getvalue(), "another's message may repeat what it was given"
    assert "KeyError: (message withheld)" in out.getvalue()
    assert "test_logs.py" in out.getvalue()
    assert "canary-bird" not in out.getvalue()


def test_an_exception_is_still_one_line_of_json() -> None:
    out = StringIO()
    log = log_into(out)
    log.error("failed", exc_info=PromiseBroken("no such thing"))
    (line,) = lines(out)
    assert line["exception"].endswith("PromiseBroken: no such thing")


HOSTILE = "x\n2026-06-01T12:00:00Z [info     ] stopped\x1b[2J\x9b31m\u202e"


@pytest.mark.parametrize("style", ["json", "console"])
def test_nothing_that_is_quoted_looks_like_a_line_of_ours(style: str) -> None:
    out = StringIO()
    log = log_into(out, style=style)
    log.warning(HOSTILE, reason=HOSTILE)
    (line,) = out.getvalue().splitlines()
    assert line.isprintable()


@pytest.mark.parametrize("style", ["json", "console"])
def test_an_error_with_lines_in_its_message_cannot_end_its_own(style: str) -> None:
    out = StringIO()
    log = log_into(out, style=style)
    log.error("failed", exc_info=PromiseBroken(HOSTILE))
    first, *others = out.getvalue().rstrip("\n").split("\n")
    assert first.isprintable()
    assert all(line.isprintable() for line in others)
    assert all(line.startswith("  ") or not line for line in others)
