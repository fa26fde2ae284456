"""One worker process per SQLite file: whoever comes second is told so."""

from __future__ import annotations

import sqlite3


class DatabaseInUse(Exception):
    """Another worker has this SQLite file; the message names it."""


class WorkerLock:
    """Held as SQLite's own lock on a file beside the database, so that it dies with the process."""

    def __init__(self, database: str) -> None:
        """Raises DatabaseInUse when another worker holds it, ValueError when it cannot be made."""
        try:
            self._held = sqlite3.connect(
                f"{database}-worker", timeout=0, isolation_level=None, check_same_thread=False
            )
        except sqlite3.OperationalError as error:
            raise ValueError(f"cannot open the SQLite database {database}: {error}") from error
        try:
            self._held.execute("begin exclusive")
        except sqlite3.OperationalError as error:
            self._held.close()
            raise DatabaseInUse(
                f"another worker uses the SQLite database {database}; a second one needs PostgreSQL"
            ) from error

    def release(self) -> None:
        self._held.close()
