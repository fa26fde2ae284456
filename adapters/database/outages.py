"""Which errors mean "wait and try again": they become DatabaseAway, all others stay themselves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from handlers.ports import DatabaseAway

# PostgreSQL, by SQLSTATE or its class: the connection is gone, the server is starting, stopping or
# failing over, is short of something, or chose this transaction to resolve a jam. Nothing stands.
_AWAY_CLASSES: Final = frozenset({"08", "40", "53"})
_AWAY_STATES: Final = frozenset(
    {
        "25006",  # read-only: a standby answered
        "25P03",  # idle_in_transaction_session_timeout
        "55P03",  # lock_timeout
        "57014",  # statement_timeout
        "57P01",  # admin_shutdown
        "57P02",  # crash_shutdown
        "57P03",  # cannot_connect_now
        "57P05",  # idle_session_timeout
    }
)
# SQLite, by the primary part of the extended code's name.
_AWAY_SQLITE: Final = ("SQLITE_BUSY", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN")


@contextmanager
def outages_named() -> Iterator[None]:
    """Raises DatabaseAway in place of what driver, pool or socket raise in an outage."""
    try:
        yield
    except (OSError, PoolTimeout) as error:
        raise DatabaseAway(f"{type(error).__name__}: {error}") from error
    except DBAPIError as error:
        if not _is_outage(error):
            raise
        raise DatabaseAway(f"{type(error.orig).__name__}: {error.orig}") from error


def _is_outage(error: DBAPIError) -> bool:
    if error.connection_invalidated:
        return True
    state = getattr(error.orig, "sqlstate", None) or ""
    if state in _AWAY_STATES or state[:2] in _AWAY_CLASSES:
        return True
    name = getattr(error.orig, "sqlite_errorname", None) or ""
    return name.startswith(_AWAY_SQLITE)
