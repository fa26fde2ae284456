"""The schema's history, applied and taken back by Alembic; a worker asks `revisions` alone."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from adapters.database.revisions import missing, on_a_connection


def migrate(url: str, revision: str | None = None) -> None:
    """Bring the schema to `revision`, or to the newest; a second one at the same time waits and
    finds it done.

    Each migration in a transaction of its own: what one has locked is free before the next begins.
    Blocks; may be called from a thread that runs an event loop. Raises DatabaseAway, WorkerTooOld.
    """
    for each in on_a_connection(url, missing):
        if revision is None or each <= revision:
            on_a_connection(url, partial(_upgrade, revision=each))


def unmigrate(url: str, revision: str = "base") -> None:
    """Take the schema back to `revision`, with all that later ones hold. Blocks, like migrate."""
    on_a_connection(url, lambda connection: command.downgrade(_config(connection), revision))


def _upgrade(connection: Connection, revision: str) -> None:
    command.upgrade(_config(connection), revision)


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
