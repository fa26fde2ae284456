"""`booking audit` on SQLite, and what other commands leave there."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from base64 import b64encode
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from adapters.database.audit_log import open_audit_log
from adapters.database.database import open_database
from adapters.database.settings import DatabaseSettings
from app.settings.service import SealSection
from app.wiring import service_keys
from domain.booking import Booking
from domain.undo import ReleaseOwed, Undo
from handlers.audit import Auditor
from handlers.ports import AuditEntry, Coordinates, Effect, Kind
from tests.adapters.database.lane import Lane, another_booking
from tests.app.cli.conftest import Booking as Run
from tests.handlers.world import AUDIT_KEYS

BOOKING, OTHER, GUEST = (UUID(f"00000000-0000-4000-8000-0000000000{n}") for n in ("b1", "b2", "a1"))
REFERENCE = "BR-20260602-ABCDEFGH"
MADE = AuditEntry(
    "booking.commands/0",
    Kind.COMMAND,
    "guest",
    str(GUEST),
    "create_booking",
    effect=Effect.CREATED,
    message_id=uuid4(),
    at=Coordinates("booking.commands", 0, 17, 1_780_000_000_000),
    booking_id=BOOKING,
    booking_reference=REFERENCE,
    guest_id=GUEST,
)
LISTED = AuditEntry(
    "booking.queries/0",
    Kind.QUERY,
    "business",
    "staff-1",
    "list_venue_bookings",
    effect=Effect.GUEST_DATA_LIST,
    shown=(OTHER, BOOKING),
)
DENIED = AuditEntry(
    "booking.queries/0",
    Kind.QUERY,
    "guest",
    "stranger",
    "get_booking",
    code="booking_not_found",
    booking_id=OTHER,
)
STRANGE = AuditEntry("booking.queries/1", Kind.QUERY, "admin", "\x1b[31mred", "get_booking")


@pytest.fixture
def settings(
    booking: Run,  # first: it takes all settings away
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> DatabaseSettings:
    url = f"sqlite+aiosqlite:///{tmp_path}/b.sqlite3"
    monkeypatch.setenv("BOOKING_DATABASE__URL", url)
    monkeypatch.setenv("BOOKING_AUDIT__KEYS", f"k1:{b64encode(b'a' * 32).decode()}")
    booking("migrate")
    return DatabaseSettings(url)


@pytest.fixture
def log(settings: DatabaseSettings) -> DatabaseSettings:
    """With a few entries."""

    async def write() -> None:
        async with open_audit_log(settings) as audit:
            for entry in (MADE, LISTED, DENIED, STRANGE):
                await Auditor(AUDIT_KEYS).write(audit, [entry])

    asyncio.run(write())
    return settings


def tamper(settings: DatabaseSettings, *statements: str) -> None:
    """As whoever may write the file."""
    with sqlite3.connect(settings.url.removeprefix("sqlite+aiosqlite:///")) as connection:
        for name in ("rows", "all", "places"):
            connection.execute(f"drop trigger audit_keeps_{name}")
        for statement in statements:
            connection.execute(statement)


def entries(run: Run, *arguments: str) -> list[dict[str, Any]]:
    ran = run("audit", "show", "--json", *arguments)
    assert ran.code == 0, ran.err
    return [json.loads(line) for line in ran.out.splitlines()]


DOUBLED = """
    insert into audit select chain, 3, at, kind, role, subject, operation, outcome, code, effect,
        message_id, topic, partition, log_offset, timestamp_ms, booking_id, booking_reference,
        guest_id, venue_id, version, shown, key_id, previous, hash
    from audit where chain = 'booking.queries/0' and sequence = 2
"""


# --- verify ---


@pytest.mark.usefixtures("settings")
def test_a_log_with_nothing_in_it_is_whole(booking: Run) -> None:
    ran = booking("audit", "verify")
    assert (ran.code, ran.out) == (0, "entries     0 in 0 chains, 0.0 s: whole\n")
    shown = booking("audit", "show")
    assert (shown.code, shown.out, shown.err) == (0, "", "no entries\n")


@pytest.mark.usefixtures("log")
def test_a_log_as_it_was_written_is_whole_and_says_its_heads(booking: Run) -> None:
    ran = booking("audit", "verify")
    assert ran.code == 0
    assert "entries     4 in 3 chains" in ran.out
    assert ran.out.count("head        ") == 3
    found = booking("audit", "verify", "--json").json
    assert found["is_whole"]
    assert [(head["chain"], head["sequence"]) for head in found["heads"]] == [
        ("booking.commands/0", 1),
        ("booking.queries/0", 2),
        ("booking.queries/1", 1),
    ]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (
            "update audit set subject = 'nobody' where code is not null",
            "booking.queries/0 #2: is not what was written",
        ),
        (
            "update audit set booking_id = 'nonsense' where sequence = 2",
            "booking.queries/0 #2: is not what was written",
        ),
        (
            "delete from audit where chain = 'booking.queries/0' and sequence = 1",
            "booking.queries/0 #2: the chain begins here",
        ),
        (
            DOUBLED,
            "booking.queries/0 #3: does not follow",
        ),
    ],
)
def test_a_break_is_told_with_its_place_and_code_1(
    booking: Run, log: DatabaseSettings, statement: str, expected: str
) -> None:
    tamper(log, statement)
    ran = booking("audit", "verify")
    assert ran.code == 1
    assert ran.out.startswith(f"BROKEN      {expected}")
    assert ran.out.rstrip().endswith("1 broken")
    (broken,) = booking("audit", "verify", "--json").json["breaks"]
    assert expected.startswith(f"{broken['chain']} #{broken['sequence']}: ")


def test_a_tail_that_was_cut_off_is_found_by_the_heads_that_were_kept(
    booking: Run, log: DatabaseSettings, tmp_path: Path
) -> None:
    heads = tmp_path / "heads.json"
    heads.write_text(booking("audit", "verify", "--json").out)
    assert booking("audit", "verify", "--expect", str(heads)).code == 0
    tamper(log, "delete from audit where chain = 'booking.queries/0' and sequence = 2")
    assert booking("audit", "verify").code == 0
    ran = booking("audit", "verify", "--expect", str(heads))
    assert ran.code == 1
    assert "booking.queries/0 #2: is gone, an anchor names it" in ran.out


def test_what_was_pruned_up_to_kept_heads_is_whole_with_them(
    booking: Run, log: DatabaseSettings, tmp_path: Path
) -> None:
    heads = tmp_path / "heads.json"
    heads.write_text(booking("audit", "verify", "--json").out)
    again = open_audit_log(log)

    async def write() -> None:
        async with again as audit:
            await Auditor(AUDIT_KEYS).write(audit, [MADE, LISTED])

    asyncio.run(write())
    kept = json.loads(heads.read_text())["heads"]
    tamper(
        log,
        *(
            f"delete from audit where chain = '{h['chain']}' and sequence < {h['sequence']}"
            for h in kept
        ),
    )
    assert booking("audit", "verify").code == 1
    assert booking("audit", "verify", "--expect", str(heads)).code == 1
    assert booking("audit", "verify", "--pruned", str(heads)).code == 0


def test_the_oldest_entries_are_removed_and_the_rest_is_whole(
    booking: Run, log: DatabaseSettings
) -> None:
    told = booking("audit", "cut", "--older-than", "1", "--dry-run")
    assert (told.code, told.out) == (0, "nothing is as old as that\n")
    assert booking("audit", "cut", "--older-than", "0").code == 2
    assert booking("audit", "verify").code == 0


def test_another_key_is_named_and_breaks_are_not_told_without_end(
    booking: Run, settings: DatabaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def write() -> None:
        async with open_audit_log(settings) as audit:
            await Auditor(AUDIT_KEYS).write(audit, [MADE] * 150)

    asyncio.run(write())
    monkeypatch.setenv("BOOKING_AUDIT__KEYS", f"k2:{b64encode(b'b' * 32).decode()}")
    ran = booking("audit", "verify")
    assert ran.code == 1
    assert "#1: its key k1 is not among BOOKING_AUDIT__KEYS" in ran.out
    assert ran.out.rstrip().endswith("100 or more broken")


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("content", [None, "", "{}", '{"heads": [1]}', '{"heads": [{}]}'])
def test_heads_that_cannot_be_read_are_wrong_use(
    booking: Run, tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "heads.json"
    if content is not None:
        file.write_text(content)
    ran = booking("audit", "verify", "--expect", str(file))
    assert (ran.code, ran.out) == (2, "")
    assert str(file) in ran.err


@pytest.mark.parametrize("command", ["verify", "show"])
def test_a_schema_without_the_log_is_named_with_what_to_run(
    booking: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str
) -> None:
    monkeypatch.setenv("BOOKING_DATABASE__URL", f"sqlite+aiosqlite:///{tmp_path}/new.sqlite3")
    ran = booking("audit", command)
    assert (ran.code, ran.out) == (1, "")
    assert "run booking migrate" in ran.err


# --- show ---


@pytest.mark.usefixtures("log")
def test_what_is_about_a_booking_is_also_the_lists_it_was_shown_in(booking: Run) -> None:
    by_reference = entries(booking, "--booking", REFERENCE.lower())
    assert [row["operation"] for row in by_reference] == ["create_booking", "list_venue_bookings"]
    assert entries(booking, "--booking", str(BOOKING)) == by_reference
    assert entries(booking, "--booking", str(uuid4())) == []
    unknown = booking("audit", "show", "--booking", "BR-1")
    assert (unknown.code, unknown.err) == (1, "booking: nothing is known of BR-1\n")


@pytest.mark.usefixtures("log")
def test_entries_are_chosen_by_who_whose_when_and_whether_refused(booking: Run) -> None:
    assert len(entries(booking)) == 4
    assert [row["outcome"] for row in entries(booking, "--refused")] == ["refused"]
    for name in ("staff-1", "business:staff-1"):
        assert [r["subject"] for r in entries(booking, "--principal", name)] == ["staff-1"]
    assert entries(booking, "--principal", "admin:staff-1") == []
    assert [r["operation"] for r in entries(booking, "--guest", str(GUEST))] == ["create_booking"]
    all_ = entries(booking)
    second = all_[1]["at"]
    earlier, later = entries(booking, "--until", second), entries(booking, "--since", second)
    assert earlier + later == all_
    assert entries(booking, "--booking", REFERENCE, "--until", all_[0]["at"]) == []


@pytest.mark.usefixtures("log")
def test_a_page_for_people_moves_no_cursor(booking: Run) -> None:
    ran = booking("audit", "show")
    assert "\x1b" not in ran.out
    first, second = ran.out.splitlines()[:2]
    assert first.endswith(f"Z  allowed  guest:{GUEST}  create_booking  created  {REFERENCE}")
    assert "booking.commands/0@17" in second
    assert "(booking.commands/0 #1)" in second


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize(
    "arguments", [("--since", "2026-01-01"), ("--until", "soon"), ("--guest", "me")]
)
def test_what_cannot_be_understood_is_wrong_use(booking: Run, arguments: tuple[str, ...]) -> None:
    ran = booking("audit", "show", *arguments)
    assert (ran.code, ran.out) == (2, "")


# --- what operators do ---


def a_story(settings: DatabaseSettings) -> tuple[Booking, Undo]:
    """A booking for which something is owed."""

    async def write() -> tuple[Booking, Undo]:
        keys = service_keys(SealSection().seal_keys)
        database = open_database(settings, keys)
        made = another_booking()
        owed = Undo(uuid4(), made.id, made.venue.id, ReleaseOwed("key", "BR-1", "res-1"))
        await (await Lane.opened(database)).recorded(made, owed=(owed,))
        await database.close()
        return made, owed

    return asyncio.run(write())


def test_who_sees_what_is_personal_is_told_and_who_does_not_is_not(
    booking: Run, settings: DatabaseSettings
) -> None:
    made, _ = a_story(settings)
    assert booking("why", str(made.id)).code == 0
    assert entries(booking) == []
    ran = booking("why", str(made.id), "--personal")
    assert (ran.code, ran.err) == (0, "")
    (row,) = entries(booking)
    assert row == {
        **row,
        "chain": "operators",
        "kind": "operator",
        "role": "operator",
        "operation": "why",
        "effect": "guest_data",
        "booking_id": str(made.id),
        "booking_reference": made.reference,
        "guest_id": str(made.contact.guest_id),
    }
    assert "@" in row["subject"]
    assert booking("audit", "verify").code == 0


def test_nothing_personal_is_shown_when_it_cannot_be_written_down(
    booking: Run, settings: DatabaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, _ = a_story(settings)

    async def away(*_: object) -> None:
        from handlers.ports import DatabaseAway

        raise DatabaseAway("read-only")

    monkeypatch.setattr("adapters.database.audit_log.SqlAuditRows.append_audit", away)
    ran = booking("why", str(made.id), "--personal")
    assert (ran.code, ran.out) == (1, "")


def test_who_called_sudo_is_told_too(
    booking: Run, settings: DatabaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, _ = a_story(settings)
    monkeypatch.setenv("SUDO_USER", "alice\x1b")
    booking("why", str(made.id), "--personal")
    assert entries(booking)[0]["subject"].startswith("alice as ")


def test_each_row_that_is_tried_again_is_told_with_its_booking(
    booking: Run, settings: DatabaseSettings
) -> None:
    made, owed = a_story(settings)
    booking("undo", "list")
    assert booking("undo", "retry", str(uuid4())).code == 1
    assert entries(booking) == []
    booking("undo", "retry", "--all")
    (row,) = entries(booking, "--booking", str(made.id))
    assert (row["operation"], row["effect"], row["message_id"]) == (
        "undo retry",
        "made_due",
        str(owed.id),
    )


def test_an_operator_has_no_key_to_forge_with(
    booking: Run, settings: DatabaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In production nobody goes by the key that everybody knows."""
    monkeypatch.setenv("BOOKING_SEAL__KEYS", "k:" + b64encode(b"s" * 32).decode())
    made, _ = a_story(settings)
    monkeypatch.setenv("BOOKING_ENVIRONMENT", "production")
    monkeypatch.delenv("BOOKING_AUDIT__KEYS")
    ran = booking("why", str(made.id), "--personal")
    assert (ran.code, ran.out) == (2, "")
    assert "BOOKING_AUDIT__KEYS is missing" in ran.err
    assert booking("why", str(made.id)).code == 0
