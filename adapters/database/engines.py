"""Engines: how each database is connected to, and what every connection is told first."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, event
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from adapters.database.encryption import without_tls_words
from adapters.database.session import SETTING

IDLE_IN_TRANSACTION_SECONDS: Final = 5

# A worker that froze in the middle of a transaction must not hold its lanes against its successor,
# which waits for them no longer than `lock_timeout`. Milliseconds, and seconds for TCP's.
_SESSION: Final = {
    "application_name": "booking-worker",
    "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_SECONDS * 1000),
    "lock_timeout": "10000",
    "statement_timeout": "30000",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "jit": "off",  # all statements are short
    # Every statement looks rows up by a key. What the planner believes of a table that was empty
    # when the statement was prepared must not make it read the whole of it for the next hour.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}
# Beyond the server's own timeout only a lost server leaves a statement without an answer.
_ANSWER_SECONDS: Final = 35
_CONNECT_SECONDS: Final = 10
_PATIENT_SECONDS: Final = 6 * 60 * 60
# A replica has to answer sooner: there is somebody else who can.
_REPLICA_ANSWER_SECONDS: Final = 5
_REPLICA_CONNECT_SECONDS: Final = 2
_POOL_SECONDS: Final = 10
_BUSY_MS: Final = 5000


def replica_engine(url: URL, pool_size: int) -> AsyncEngine:
    """For reading only, and impatient."""
    engine = postgresql_engine(
        url,
        pool_size,
        read_only=True,
        connect_seconds=_REPLICA_CONNECT_SECONDS,
        answer_seconds=_REPLICA_ANSWER_SECONDS,
    )
    return engine.execution_options(**{SETTING: "BOOKING_DATABASE__REPLICA_URL"})


def postgresql_engine(
    url: URL,
    pool_size: int,
    *,
    read_only: bool,
    is_patient: bool = False,
    connect_seconds: float = _CONNECT_SECONDS,
    answer_seconds: float = _ANSWER_SECONDS,
) -> AsyncEngine:
    """READ COMMITTED for the lanes; autocommit for those who only read.

    Who looks at whole tables is patient: the server may take as long as it takes, and we wait for
    hours.
    """
    url, tls = without_tls_words(url)
    settings = _SESSION | ({"default_transaction_read_only": "on"} if read_only else {})
    settings |= {"statement_timeout": "0"} if is_patient else {}
    return create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=_POOL_SECONDS,
        isolation_level="AUTOCOMMIT" if read_only else "READ COMMITTED",
        connect_args={
            "server_settings": settings,
            "timeout": connect_seconds,
            "command_timeout": _PATIENT_SECONDS if is_patient else answer_seconds,
            **tls,
        },
        hide_parameters=True,  # they hold personal data
    )


def sqlite_engine(url: URL, pool_size: int, *, read_only: bool) -> AsyncEngine:
    """With one connection for writing, whose transactions take the write lock when they begin."""
    engine = create_async_engine(
        url,
        pool_size=pool_size if read_only else 1,
        max_overflow=0,
        pool_timeout=_POOL_SECONDS,
        hide_parameters=True,
    )
    pragmas = [
        f"busy_timeout = {_BUSY_MS}",
        "journal_mode = wal",
        "synchronous = full",  # an outcome that was published must survive a power cut
        "foreign_keys = on",
        *(["query_only = on"] if read_only else []),
    ]

    def on_connect(connection: Any, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"pragma {pragma}")
        cursor.close()

    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql("begin" if read_only else "begin immediate")

    event.listen(engine.sync_engine, "connect", on_connect)
    event.listen(engine.sync_engine, "begin", on_begin)
    return engine
