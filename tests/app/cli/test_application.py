"""What holds for every command: help with an example, errors in one line, exit codes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.app.cli.conftest import Booking

COMMANDS = [
    "demo",
    "run",
    "send",
    "watch",
    "topics create",
    "topics check",
    "topics acls",
    "grants",
    "why",
    "undo list",
    "undo retry",
    "audit verify",
    "audit show",
    "audit cut",
    "migrate",
    "retention",
    "health",
    "token",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(booking: Booking, command: str) -> None:
    ran = booking(*command.split(), "--help")
    assert ran.code == 0
    assert "Example:" in ran.out


def test_the_version_is_told(booking: Booking) -> None:
    ran = booking("--version")
    assert (ran.code, ran.out.split()[0]) == (0, "booking")


@pytest.mark.parametrize(
    "arguments",
    [
        ("fly",),
        ("send",),
        ("send", "--wait", "soon", "create_booking", "{}"),
        ("watch", "everything"),
        ("token", "--role", "system"),
        ("token", "--venue", "here"),
        ("send", "--file", "/nowhere.json", "create_booking"),
        ("health", "--nonsense"),
    ],
)
def test_wrong_use_is_one_line_on_stderr_and_code_2(
    booking: Booking, arguments: tuple[str, ...]
) -> None:
    ran = booking(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("booking: ")
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    ("command", "variable"),
    [
        ("run", "BOOKING_KAFKA__BOOTSTRAP_SERVERS"),
        ("watch", "BOOKING_KAFKA__BOOTSTRAP_SERVERS"),
        ("topics create", "BOOKING_KAFKA__BOOTSTRAP_SERVERS"),
        ("topics check", "BOOKING_KAFKA__BOOTSTRAP_SERVERS"),
        ("topics acls --principal User:a", "BOOKING_KAFKA__BOOTSTRAP_SERVERS"),
        ("grants --role a", "BOOKING_DATABASE__URL"),
        ("migrate", "BOOKING_DATABASE__URL"),
        ("health", "BOOKING_HEALTH__FILE"),
        ("token", "BOOKING_AUTH__SECRET"),
    ],
)
def test_a_missing_setting_is_named_and_code_2(
    booking: Booking, command: str, variable: str
) -> None:
    ran = booking(*command.split())
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"booking: {variable} is missing: expected ")


def test_help_loads_neither_kafka_nor_the_database_nor_the_settings() -> None:
    script = (
        "import sys\n"
        "from app.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'aiokafka', 'sqlalchemy', 'pydantic', 'faststream', 'structlog'}\n"
        "print('loaded:', heavy & set(sys.modules))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert ran.stdout.splitlines()[-1] == "loaded: set()"


def test_an_unknown_variable_gets_a_warning_and_the_command_runs(
    booking: Booking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOKING_DATABASE__URL", "sqlite+aiosqlite:///here.sqlite3")
    monkeypatch.setenv("BOOKING_DATABASE__POOLSIZE", "3")
    ran = booking("migrate")
    assert ran.code == 0
    assert "BOOKING_DATABASE__POOLSIZE is not a setting" in ran.err
