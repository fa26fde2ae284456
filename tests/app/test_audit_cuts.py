"""The audit log's oldest part is removed on purpose, and nothing else can pass for that."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from adapters.database import audit_cutting
from adapters.database.audit_log import open_audit_log
from adapters.database.migrations import migrate
from adapters.database.outages import DatabaseRefuses
from adapters.database.rights import Role
from adapters.database.settings import DatabaseSettings
from app.auditing import CannotCut, Verified, cut, verified
from app.local_servers import PostgresServer
from app.operators import OperatorsLog
from handlers.audit import Auditor
from handlers.audit_chain import Anchor, ChainKeys
from handlers.audit_cuts import signed
from handlers.ports import AuditEntry, Head, Kind
from tests.adapters.database.migrated import migrated, url_of
from tests.handlers.world import AUDIT_KEYS

OTHER_KEYS = ChainKeys({"k1": b"b" * 32})


@pytest.fixture(params=["postgresql", "sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Whose tables' owner we are."""
    if request.param == "sqlite":
        url = f"sqlite+aiosqlite:///{tmp_path}/new.sqlite3"
        migrate(url)
        yield url
    else:
        postgres: PostgresServer = request.getfixturevalue("postgres")
        with migrated(postgres) as made:
            yield made


@pytest.fixture
def log(url: str) -> OperatorsLog:
    """Two chains of six, written by the clock of the database: now."""
    found = OperatorsLog(DatabaseSettings(url), AUDIT_KEYS)
    asyncio.run(written(found, 6))
    return found


async def written(log: OperatorsLog, times: int) -> None:
    async with open_audit_log(log.database) as rows:
        for chain in ("booking.commands/0", "booking.queries/0"):
            entry = AuditEntry(chain, Kind.QUERY, "admin", "a", "get_booking")
            await Auditor(log.keys).write(rows, [entry] * times)


def look(log: OperatorsLog, keys: ChainKeys = AUDIT_KEYS, **more: Any) -> Verified:
    anchors, pruned = more.get("anchors", ()), more.get("pruned", ())
    return asyncio.run(verified(log.database, keys, anchors, pruned, lambda *_: None))


def cut_before(log: OperatorsLog, before: datetime, *, is_rehearsal: bool = False) -> Any:
    return asyncio.run(cut(log, before, is_rehearsal=is_rehearsal, advance=lambda *_: None))


def run(url: str, *statements: str) -> list[Any]:
    async def work() -> list[Any]:
        engine = create_async_engine(url, poolclass=NullPool)
        async with engine.begin() as connection:
            for statement in statements[:-1]:
                await connection.execute(text(statement))
            result = await connection.execute(text(statements[-1]))
        await engine.dispose()
        return list(result.all()) if result.returns_rows else []

    return asyncio.run(work())


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=5)


def test_a_chain_that_was_cut_is_whole_and_goes_on(log: OperatorsLog) -> None:
    heads = [Anchor(chain, h.sequence, h.hash) for chain, h in look(log).heads.items()]
    assert cut_before(log, datetime.now(UTC) - timedelta(days=1)) == {}
    rehearsed = cut_before(log, soon(), is_rehearsal=True)
    assert look(log).entries == 12
    assert (
        cut_before(log, soon())
        == rehearsed
        == {
            "booking.commands/0": 6,
            "booking.queries/0": 6,
        }
    )
    found = look(log, anchors=heads)
    assert (found.is_whole, found.entries) == (True, 3), found.breaks  # and the deed itself
    asyncio.run(written(log, 2))
    assert cut_before(log, soon()) == {"booking.commands/0": 8, "booking.queries/0": 8}
    assert look(log).is_whole
    told = run(log.database.url, "select operation, effect from audit where chain = 'operators'")
    assert [tuple(row) for row in told] == [("audit cut", "cut")] * 2


def test_stopped_half_way_it_is_whole_and_can_be_gone_on_with(
    log: OperatorsLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_cutting, "_CHUNK", 2)

    def stopped(done: int, total: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(cut(log, soon(), is_rehearsal=False, advance=stopped))
    found = look(log)
    assert (found.is_whole, found.entries) == (True, 9), found.breaks
    cut_before(log, soon())
    assert look(log).is_whole


@pytest.mark.parametrize(
    "deed",
    [
        "delete from audit where chain = 'booking.commands/0' and sequence = 6",
        "update audit set subject = 'nobody'",
        "delete from audit where sequence > 0 and chain = 'operators'",
    ],
)
def test_what_is_kept_stays_append_only(log: OperatorsLog, deed: str) -> None:
    cut_before(log, soon())
    with pytest.raises(DBAPIError, match="the audit log is append-only"):
        run(log.database.url, deed)


def test_who_has_only_the_database_cannot_cut(log: OperatorsLog) -> None:
    """The trigger lets them remove what they say was cut; then nobody has signed for it."""
    forged = signed("booking.commands/0", Head(4, "00" * 32), OTHER_KEYS)
    run(
        log.database.url,
        "insert into audit_cuts select chain, sequence, hash, 'k1', "
        f"'{forged.mac}' from audit where chain = 'booking.commands/0' and sequence = 4",
        "delete from audit where chain = 'booking.commands/0' and sequence < 4",
    )
    assert [(each.sequence, each.why.split(",")[0]) for each in look(log).breaks] == [
        (4, "a cut here is not signed"),
        (4, "the chain begins here"),
    ]
    with pytest.raises(CannotCut, match="not whole"):
        cut_before(log, soon())


def test_more_than_was_cut_may_not_be_missing(log: OperatorsLog) -> None:
    cut_before(log, soon())
    asyncio.run(written(log, 3))
    table = "alter table audit disable trigger audit_keeps_rows"
    if log.database.url.startswith("sqlite"):
        table = "drop trigger audit_keeps_all"
    run(
        log.database.url,
        table,
        "delete from audit where chain = 'booking.commands/0' and sequence < 8",
    )
    assert [(each.chain, each.sequence) for each in look(log).breaks] == [("booking.commands/0", 8)]


def test_no_worker_can_cut(postgres: PostgresServer) -> None:
    with migrated(postgres) as url:
        owner = OperatorsLog(DatabaseSettings(url), AUDIT_KEYS)
        asyncio.run(written(owner, 3))
        for role in (Role.WORKER, Role.OPERATOR):
            other = OperatorsLog(DatabaseSettings(url_of(url, role)), AUDIT_KEYS)
            with pytest.raises(DatabaseRefuses, match="permission denied"):
                cut_before(other, soon())
        assert look(owner).is_whole
