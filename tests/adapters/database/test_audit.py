"""The audit log's table: what is added, in whose transaction, and that nothing else can be done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.database.audit_reads import Wanted, open_audit_reads
from adapters.database.database import Database, open_database
from adapters.database.settings import DatabaseSettings
from handlers.audit import Auditor
from handlers.audit_chain import Anchor, Verifier, linked
from handlers.ports import AuditEntry, AuditRow, ChainMoved, Coordinates, Effect, Head, Kind
from tests.adapters.database.lane import Lane, a_recording
from tests.adapters.database.sealing import KEYS
from tests.fakes.database import FakeDatabase
from tests.handlers.world import AUDIT_KEYS

AUDITOR = Auditor(AUDIT_KEYS)
ID = UUID("00000000-0000-4000-8000-0000000000a1")
BARE = AuditEntry("bare", Kind.QUERY, "admin", "Zoë 'the' admin", "get_booking")
FULL = AuditEntry(
    chain="booking.commands/3",
    kind=Kind.COMMAND,
    role="guest",
    subject=str(ID),
    operation="create_booking",
    code="slot_unavailable",
    effect=Effect.CREATED,
    message_id=ID,
    at=Coordinates("booking.commands", 0, 2**40, 1_780_000_000_000),
    booking_id=ID,
    booking_reference="BR-20260602-ABCDEFGH",
    guest_id=ID,
    venue_id=ID,
    version=1,
    shown=(ID, UUID(int=0)),
)


def settings_of(database: Database) -> DatabaseSettings:
    return DatabaseSettings(database._engines[0].url.render_as_string(hide_password=False))


async def rows_of(database: Database | FakeDatabase) -> list[AuditRow]:
    """Everything, chain by chain, as `booking audit verify` reads it."""
    if isinstance(database, FakeDatabase):
        return [row for _, row in sorted(database.tables.audit.items())]
    async with open_audit_reads(settings_of(database)) as reads:
        return [row async for row in reads.chain_by_chain(page=2)]


async def test_what_was_linked_is_read_as_it_was_hashed(database: Database | FakeDatabase) -> None:
    for entries in ([FULL, BARE, FULL], [BARE, BARE], [FULL]):
        await AUDITOR.write(database.audit, entries)
    rows = await rows_of(database)
    verifier = Verifier(AUDIT_KEYS)
    assert [broken for row in rows if (broken := verifier.take(row))] == []
    assert {chain: head.sequence for chain, head in verifier.heads.items()} == {
        "bare": 3,
        "booking.commands/3": 3,
    }


async def test_the_time_is_the_databases(database: Database | FakeDatabase) -> None:
    await AUDITOR.write(database.audit, [BARE])
    (row,) = await rows_of(database)
    at = datetime.fromisoformat(str(row["at"]))
    assert abs(datetime.now(UTC) - at) < timedelta(seconds=60)
    assert at.utcoffset() == timedelta(0)


async def test_heads_are_those_of_chains_that_have_begun(
    database: Database | FakeDatabase,
) -> None:
    await AUDITOR.write(database.audit, [BARE, BARE])
    last = (await rows_of(database))[-1]
    async with database.audit.transaction() as rows:
        _, heads = await rows.audit_heads({"bare", "nothing"})
    assert heads == {"bare": Head(2, str(last["hash"]))}


async def test_a_place_that_is_taken_stays_as_it_is(database: Database | FakeDatabase) -> None:
    await AUDITOR.write(database.audit, [BARE])
    before = await rows_of(database)
    stale = linked([FULL, BARE], datetime.now(UTC), {}, AUDIT_KEYS)  # #1 of `bare` again
    with pytest.raises(ChainMoved):
        async with database.audit.transaction() as rows:
            await rows.append_audit(stale)
    assert await rows_of(database) == before


async def test_those_who_write_into_one_chain_at_once_wait_for_each_other(
    database: Database | FakeDatabase,
) -> None:
    await asyncio.gather(*(AUDITOR.write(database.audit, [BARE, BARE]) for _ in range(5)))
    verifier = Verifier(AUDIT_KEYS)
    assert [broken for r in await rows_of(database) if (broken := verifier.take(r))] == []
    assert verifier.heads["bare"].sequence == 10


async def test_an_entry_stands_and_falls_with_its_lanes_transaction(lane: Lane) -> None:
    start = await lane.started()

    async def recorded(*, fails: bool) -> None:
        async with lane.transaction() as transaction:
            await transaction.record([a_recording(start)])
            await AUDITOR.append(transaction, [FULL])
            if fails:
                raise RuntimeError("the worker dies")

    with pytest.raises(RuntimeError):
        await recorded(fails=True)
    assert await rows_of(lane.database) == []
    await recorded(fails=False)
    assert len(await rows_of(lane.database)) == 1


# --- what operators ask ---


@pytest.fixture
async def postgresql(postgresql_url: str) -> AsyncIterator[Database]:
    """As the tables' owner: not even they may change an entry."""
    database = open_database(DatabaseSettings(postgresql_url), KEYS)
    yield database
    await database.close()


@pytest.fixture(params=["postgresql", "sqlite"])
def real(request: pytest.FixtureRequest) -> Database:
    found: Database = request.getfixturevalue(request.param)
    return found


async def found(real: Database, page: int = 100, **wanted: Any) -> list[str]:
    """The operations of the entries, in their order."""
    async with open_audit_reads(settings_of(real)) as reads:
        rows = [row async for row in reads.found(Wanted(**wanted), page=page)]
    return [str(row["operation"]) for row in rows]


async def test_entries_are_found_by_what_they_are_about(real: Database) -> None:
    guest, other = UUID(int=7), UUID(int=8)
    entries = [
        replace(FULL, operation="a", shown=()),
        replace(BARE, operation="b", shown=(other, ID)),
        replace(BARE, operation="c", guest_id=guest, booking_id=other),
        replace(BARE, operation="d", role="business", subject="staff", code="forbidden"),
    ]
    for entry in entries:
        await AUDITOR.write(real.audit, [entry])
    rows = sorted(await rows_of(real), key=lambda row: str(row["operation"]))
    times = [datetime.fromisoformat(str(row["at"])) for row in rows]
    for page in (1, 3, 100):
        assert await found(real, page) == ["a", "b", "c", "d"]
        assert await found(real, page, booking_id=ID) == ["a", "b"]
        assert await found(real, page, booking_id=other) == ["b", "c"]
    assert await found(real, guest_id=guest) == ["c"]
    assert await found(real, subject="staff", role="business") == ["d"]
    assert await found(real, subject="staff", role="admin") == []
    assert await found(real, refused=True) == ["a", "d"]
    assert await found(real, since=times[1], until=times[3]) == ["b", "c"]
    assert await found(real, booking_id=ID, since=times[1]) == ["b"]
    async with open_audit_reads(settings_of(real)) as reads:
        assert await reads.count() == 4
        assert await reads.booking_named(str(FULL.booking_reference).lower()) == ID
        assert await reads.booking_named(str(other)) == other
        assert await reads.booking_named("BR-NOTHING") is None


# --- nobody changes or removes anything ---


async def two_entries(real: Database) -> AsyncEngine:
    """What stands in the log; the engine connects as the owner of the table."""
    await AUDITOR.write(real.audit, [BARE, FULL])
    return real._engines[0]


async def run(engine: AsyncEngine, *statements: str) -> Any:
    async with engine.begin() as connection:
        for statement in statements[:-1]:
            await connection.execute(text(statement))
        result = await connection.execute(text(statements[-1]))
        return result.all() if result.returns_rows else None


@pytest.mark.parametrize(
    "statement",
    [
        "update audit set subject = 'nobody'",
        "update audit set effect = effect where chain = 'bare'",
        "delete from audit",
        "delete from audit where chain = 'bare'",
    ],
)
async def test_not_even_the_owner_changes_or_removes_an_entry(
    real: Database, statement: str
) -> None:
    engine = await two_entries(real)
    with pytest.raises(DBAPIError, match="the audit log is append-only"):
        await run(engine, statement)
    assert await run(engine, "select count(*) from audit where subject <> 'nobody'") == [(2,)]


_ROW = (
    "audit (chain, sequence, at, kind, role, subject, operation, outcome, key_id, previous, hash)"
    " values ('bare', 1, '2026-01-01', 'query', 'admin', 'a', 'x', 'allowed', 'k', '', '')"
)


async def test_no_entry_is_overwritten(real: Database) -> None:
    engine = await two_entries(real)
    before = await run(engine, "select * from audit order by chain")
    if engine.dialect.name == "sqlite":
        for deed in ("insert or replace into", "replace into", "insert or ignore into"):
            with pytest.raises(DBAPIError, match="the audit log is append-only"):
                await run(engine, f"{deed} {_ROW}")
    else:
        for overwriting in (
            f"insert into {_ROW} on conflict (chain, sequence) do update set kind = 'x'",
            "merge into audit using (select 1) s on true when matched then update set kind = 'x'",
        ):
            with pytest.raises(DBAPIError, match="the audit log is append-only"):
                await run(engine, overwriting)
    assert await run(engine, "select * from audit order by chain") == before


async def test_the_log_cannot_be_emptied(postgresql: Database) -> None:
    await AUDITOR.write(postgresql.audit, [BARE])
    writing = postgresql._engines[0]
    for statement in ("truncate audit", "truncate audit cascade"):
        with pytest.raises(DBAPIError, match="the audit log is append-only"):
            await run(writing, statement)
    for deed in ("truncate audit", "delete from audit", "update audit set kind = 'x'"):
        with pytest.raises(DBAPIError, match="the audit log is append-only"):
            await run(writing, "set local session_replication_role = replica", deed)
    assert len(await rows_of(postgresql)) == 1


async def test_the_owner_prunes_up_to_heads_that_were_kept(postgresql: Database) -> None:
    """As docs/audit.md says."""
    await AUDITOR.write(postgresql.audit, [BARE, FULL, BARE, BARE])
    kept = [
        Anchor(str(r["chain"]), int(str(r["sequence"])), str(r["hash"]))
        for r in await rows_of(postgresql)
    ][-2:]
    await AUDITOR.write(postgresql.audit, [BARE, FULL])
    await run(
        postgresql._engines[0],
        "alter table audit disable trigger audit_keeps_rows",
        *(
            f"delete from audit where chain = '{each.chain}' and sequence < {each.sequence}"
            for each in kept
        ),
        "alter table audit enable always trigger audit_keeps_rows",
    )
    rows = await rows_of(postgresql)
    assert len(rows) == 4
    for pruned, breaks in ((kept, 0), ((), 1)):
        verifier = Verifier(AUDIT_KEYS, pruned=pruned)
        assert len([broken for row in rows if (broken := verifier.take(row))]) == breaks
        assert verifier.missing() == []
    with pytest.raises(DBAPIError, match="the audit log is append-only"):
        await run(postgresql._engines[0], "delete from audit")


async def test_a_role_that_may_insert_and_select_is_enough(
    postgresql: Database, postgresql_url: str
) -> None:
    """And more it should not have: then it fails before any trigger does."""
    await AUDITOR.write(postgresql.audit, [BARE])
    owner, role = postgresql._engines[0], "audit_test_worker"
    await run(owner, f"create role {role}", f"grant insert, select on audit to {role}")
    try:
        for deed in ("delete from audit", "update audit set kind = 'x'", "truncate audit"):
            with pytest.raises(DBAPIError, match="permission denied"):
                await run(owner, f"set local role {role}", deed)
        async with postgresql.audit.transaction() as rows:
            await rows._session.run(text(f"set local role {role}"))  # type: ignore[attr-defined]
            await AUDITOR.append(rows, [BARE, FULL])
    finally:
        await run(owner, f"revoke all on audit from {role}", f"drop role {role}")
    assert len(await rows_of(postgresql)) == 3
