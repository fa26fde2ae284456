"""`booking why` and `booking undo` where there is nothing to tell."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import pytest

from tests.app.cli.conftest import Booking


@pytest.fixture
def database(
    booking: Booking,  # first: it takes all settings away
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("BOOKING_DATABASE__URL", f"sqlite+aiosqlite:///{tmp_path}/b.sqlite3")
    monkeypatch.setenv("BOOKING_AUDIT__KEYS", f"k1:{b64encode(b'a' * 32).decode()}")


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("name", ["BR-1", "00000000-0000-4000-8000-0000000000a1"])
def test_what_nobody_knows_is_a_line_and_code_1(booking: Booking, name: str) -> None:
    booking("migrate")
    ran = booking("why", name)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"booking: nothing is known of {name}")


@pytest.mark.usefixtures("database")
def test_nothing_owed_is_said_so(booking: Booking) -> None:
    booking("migrate")
    assert booking("undo", "list").out == "nothing is owed\n"
    assert booking("undo", "list", "--json", "--older-than", "0").json == {"undo": []}
    assert booking("undo", "retry", "--all", "--wait", "5").code == 0


@pytest.mark.usefixtures("database")
def test_an_id_under_which_nothing_is_owed_is_named(booking: Booking) -> None:
    booking("migrate")
    unknown = "00000000-0000-4000-8000-0000000000a1"
    ran = booking("undo", "retry", unknown)
    assert (ran.code, ran.err) == (1, f"booking: nothing is owed under {unknown}\n")


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("arguments", [("why", "BR-1"), ("undo", "list")])
def test_a_schema_that_is_behind_is_named_with_what_to_run(
    booking: Booking, arguments: tuple[str, ...]
) -> None:
    ran = booking(*arguments)
    assert ran.code == 1
    assert "run booking migrate" in ran.err


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("arguments", [(), ("--all", "00000000-0000-4000-8000-0000000000a1")])
def test_retry_wants_either_ids_or_all(booking: Booking, arguments: tuple[str, ...]) -> None:
    assert booking("undo", "retry", *arguments).code == 2
