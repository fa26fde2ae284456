"""Which errors mean "wait and try again": they become DatabaseAway, all others stay themselves.

A database that answers and refuses is one of them: while a worker runs, nothing is lost by waiting
until somebody has put it right. Who only starts tells them apart by DatabaseRefuses.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import asyncpg
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
_REFUSALS: Final = {
    "28000": "the database does not let this user in this way",
    "28P01": "the database does not let this user in with this password",
    "3D000": "there is no such database",
    "42501": "this user lacks a right, see `booking grants`",
}
# SQLite, by the primary part of the extended code's name.
_AWAY_SQLITE: Final = ("SQLITE_BUSY", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN")


class DatabaseRefuses(DatabaseAway):
    """It answers, and will refuse us until somebody has put it right; the message says what."""


@contextmanager
def outages_named(setting: str = "BOOKING_DATABASE__URL") -> Iterator[None]:
    """Raises DatabaseAway in place of what driver, pool or socket raise in an outage; refusals name
    the setting that says whom we asked.
    """
    try:
        yield
    except (OSError, PoolTimeout) as error:
        if refusal := _refused_connection(error, setting):
            raise DatabaseRefuses(refusal) from error
        raise DatabaseAway(f"{type(error).__name__}: {error}") from error
    except DBAPIError as error:
        if refusal := _REFUSALS.get(_state(error)):
            raise DatabaseRefuses(f"{refusal} ({setting}): {error.orig}") from error
        if not _is_outage(error):
            raise
        raise DatabaseAway(f"{type(error.orig).__name__}: {error.orig}") from error


def is_about_a_value(error: DBAPIError) -> bool:
    """Whether something was asked for that no column could hold: class 22, data exceptions."""
    return _state(error).startswith("22")


def _refused_connection(error: Exception, setting: str) -> str | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"the database's certificate is not to be trusted: {error.verify_message}"
            f" (sslrootcert and the host in {setting})"
        )
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
        return f"TLS with the database fails ({setting}): {error}"
    if "rejected SSL upgrade" in str(error):  # asyncpg has no class for it
        return f"the database offers no TLS, which {setting} asks for"
    return None


def _state(error: DBAPIError | asyncpg.PostgresError) -> str:
    return getattr(_cause(error), "sqlstate", None) or ""


def _cause(error: DBAPIError | asyncpg.PostgresError) -> BaseException | None:
    """The driver's own; COPY is asked of the driver, and its errors come bare."""
    return error.orig if isinstance(error, DBAPIError) else error


def _is_outage(error: DBAPIError | asyncpg.PostgresError) -> bool:
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    state = _state(error)
    if state in _AWAY_STATES or state[:2] in _AWAY_CLASSES:
        return True
    name = getattr(_cause(error), "sqlite_errorname", None) or ""
    return name.startswith(_AWAY_SQLITE)
