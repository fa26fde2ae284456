"""Opens the database that a URL names: everything the handlers need of it, in one object."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from opentelemetry.metrics import Counter, Meter
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import QueuePool

from adapters.database.audit_log import SqlAuditLog
from adapters.database.claims import ClaimTable
from adapters.database.claims_postgresql import PostgresqlClaimTable
from adapters.database.claims_sqlite import SqliteClaimTable
from adapters.database.documents import Documents
from adapters.database.due_work import SqlDueWork
from adapters.database.engines import postgresql_engine, replica_engine, sqlite_engine
from adapters.database.key_store import SqlKeyStore
from adapters.database.lane_database import SqlLaneDatabase
from adapters.database.reads import SqlBookingReads
from adapters.database.rebuilding import SqlRebuildRows
from adapters.database.replica import ReplicaReads
from adapters.database.retention import SqlRetention
from adapters.database.schema import SqlSchema
from adapters.database.settings import DatabaseSettings
from adapters.database.sqlite_lock import WorkerLock
from adapters.database.standby import Standby
from adapters.database.use_counts import SqlUseCounts
from handlers.ports import (
    AuditLog,
    BookingReads,
    Cache,
    DueWork,
    KeyStore,
    LaneDatabase,
    RebuildRows,
    RetentionRows,
    Schema,
    ServiceKeys,
    UseCounts,
)
from schemas.instruments import NO_METER, counter
from schemas.measures import REPLICA_READS

_POOLS: Final = ("writing", "reading", "replica")


@dataclass(frozen=True, slots=True)
class Database:
    """Close it when the work is done."""

    lanes: LaneDatabase
    due: DueWork
    reads: BookingReads
    counts: UseCounts
    rebuilding: RebuildRows
    retention: RetentionRows
    keys: KeyStore
    audit: AuditLog
    schema: Schema
    _engines: tuple[AsyncEngine, ...]
    _replica: ReplicaReads | None = None
    _lock: WorkerLock | None = None

    def connections(self) -> list[tuple[float, dict[str, str]]]:
        """How many of each pool, and what they do; may be asked from another thread."""
        found: list[tuple[float, dict[str, str]]] = []
        for name, engine in zip(_POOLS, self._engines, strict=False):
            pool = engine.sync_engine.pool
            if isinstance(pool, QueuePool):
                found.append((pool.checkedout(), {"pool": name, "state": "used"}))
                found.append((pool.checkedin(), {"pool": name, "state": "idle"}))
        return found

    async def close(self) -> None:
        if self._replica:
            await self._replica.close()
        for engine in self._engines:
            await engine.dispose()
        if self._lock:
            self._lock.release()


def open_database(
    settings: DatabaseSettings,
    keys: ServiceKeys,
    meter: Meter = NO_METER,
    rows: Cache | None = None,
    *,
    is_patient: bool = False,
) -> Database:
    """Connects with the first question, not here. Who answers queries is counted by `meter`; `rows`
    remembers what was looked up by reference; a patient one's statements may take their time.

    Raises DatabaseInUse when another worker has the SQLite file, and ValueError for a URL of
    another kind.
    """
    url = make_url(settings.url)
    match url.drivername:
        case "postgresql+asyncpg":
            database = _postgresql(url, settings.pool_size, keys, rows, is_patient=is_patient)
            if settings.replica_url is None:
                return database
            return _with_replica(database, settings, keys, counter(meter, REPLICA_READS))
        case "sqlite+aiosqlite":
            return _sqlite(url, settings.pool_size, keys, rows)
        case other:
            raise ValueError(f"expected postgresql+asyncpg or sqlite+aiosqlite, got {other}")


def _postgresql(
    url: URL, pool_size: int, keys: ServiceKeys, rows: Cache | None, *, is_patient: bool
) -> Database:
    writing = postgresql_engine(url, pool_size, read_only=False, is_patient=is_patient)
    reading = postgresql_engine(url, pool_size, read_only=True, is_patient=is_patient)
    documents = Documents(writing.dialect)
    return _assembled(writing, reading, documents, PostgresqlClaimTable(documents), keys, rows)


def _with_replica(
    database: Database, settings: DatabaseSettings, keys: ServiceKeys, answers: Counter
) -> Database:
    engine = replica_engine(make_url(settings.replica_url or ""), settings.pool_size)
    _, primary = database._engines
    documents = Documents(engine.dialect)
    reads = ReplicaReads(
        Standby(engine, primary, documents, settings.replica_lag_seconds),
        SqlBookingReads(engine, documents, PostgresqlClaimTable(documents), keys),
        database.reads,
        answers,
    )
    return replace(database, reads=reads, _engines=(*database._engines, engine), _replica=reads)


def _sqlite(url: URL, pool_size: int, keys: ServiceKeys, rows: Cache | None) -> Database:
    if not url.database or url.database == ":memory:":
        raise ValueError("expected a file in the SQLite URL: several connections share it")
    lock = WorkerLock(url.database)
    writing = sqlite_engine(url, pool_size, read_only=False)
    reading = sqlite_engine(url, pool_size, read_only=True)
    documents = Documents(writing.dialect)
    return _assembled(writing, reading, documents, SqliteClaimTable(documents), keys, rows, lock)


def _assembled(
    writing: AsyncEngine,
    reading: AsyncEngine,
    documents: Documents,
    claim_table: ClaimTable,
    keys: ServiceKeys,
    rows: Cache | None,
    lock: WorkerLock | None = None,
) -> Database:
    return Database(
        lanes=SqlLaneDatabase(writing, documents, claim_table, keys),
        due=SqlDueWork(reading, documents),
        reads=SqlBookingReads(reading, documents, claim_table, keys, rows),
        counts=SqlUseCounts(writing, documents),
        rebuilding=SqlRebuildRows(writing, documents, claim_table, keys),
        retention=SqlRetention(writing, documents),
        keys=SqlKeyStore(writing, documents, keys),
        audit=SqlAuditLog(writing, documents),
        schema=SqlSchema(reading, documents),
        _engines=(writing, reading),
        _lock=lock,
    )
