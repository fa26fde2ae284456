"""`booking retention`: sizes, and what is wrong with partitions, under an operator's rights."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.database.growth import GROWING, Grown
from adapters.database.rights import Role
from app.cli.retention import _wrong
from app.local_servers import PostgresServer
from tests.adapters.database.migrated import migrated, url_of
from tests.adapters.database.test_rights import executed
from tests.app.cli.conftest import Booking as Run

NOW = datetime(2026, 6, 1, tzinfo=UTC)
ROW = (
    "insert into outcomes (row_id, status, events, journal, recorded_at)"
    " values (gen_random_uuid(), 201, '[]', '[]', now() + interval '10 years')"
)


def test_every_table_that_grows_is_told_with_its_rows(
    booking: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BOOKING_DATABASE__URL", f"sqlite+aiosqlite:///{tmp_path}/b.sqlite3")
    booking("migrate")
    ran = booking("retention", "--json")
    assert ran.code == 0
    assert [each["name"] for each in ran.json["tables"]] == list(GROWING)
    assert {each["rows"] for each in ran.json["tables"]} == {0}


def test_rows_outside_of_all_partitions_are_said_to_be_wrong(
    booking: Run, monkeypatch: pytest.MonkeyPatch, postgres: PostgresServer
) -> None:
    with migrated(postgres) as url:
        monkeypatch.setenv("BOOKING_DATABASE__URL", url_of(url, Role.OPERATOR))
        told = booking("retention")
        assert (told.code, told.err) == (0, "")
        names = [line.split()[0] for line in told.out.splitlines()]
        assert names[0] == "outcomes_before"
        assert set(GROWING) - set(names) == {"outcomes"}
        asyncio.run(executed(url, f"{ROW}; analyze outcomes_default"))
        wrong = booking("retention", "--json")
    assert wrong.code == 1
    assert wrong.json["wrong"] == ["about 1 rows lie outside of all partitions"]


def test_partitions_that_end_soon_are_said_to_be_wrong() -> None:
    near, far = NOW + timedelta(days=30), NOW + timedelta(days=40)
    assert _wrong([Grown("a", 1, 1, None, far), Grown("b", 1, 1, None, near)], NOW) == []
    (why,) = _wrong([Grown("b", 1, 1, None, near), Grown("commands", 1, 1)], NOW)
    assert "ends at 2026-07-01" in why
    assert _wrong([Grown("commands", 1, None)], NOW) == []
