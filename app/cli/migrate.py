"""`booking migrate`: bring the database's schema up to date."""

from __future__ import annotations

from typing import Annotated

import typer


def migrate(
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Apply the migrations that the database lacks; running it again does nothing.

    Example: BOOKING_DATABASE__URL=sqlite+aiosqlite:///booking.sqlite3 booking migrate
    """
    from adapters.database.migrations import migrate as apply_migrations
    from adapters.database.revisions import WorkerTooOld, pending_migrations
    from app.cli.database_access import told
    from app.cli.printing import say, say_json, warn
    from app.failures import Failure
    from app.settings import read
    from app.settings.database import DatabaseSection
    from handlers.ports import DatabaseAway

    reading = read(DatabaseSection)
    warn(reading.notices)
    url = reading[DatabaseSection].value.url
    try:
        pending = pending_migrations(url)
        apply_migrations(url)
    except DatabaseAway as error:
        raise told(error) from error
    except WorkerTooOld as error:
        raise Failure(str(error)) from error
    if json:
        say_json({"applied": pending})
    for revision in [] if json else pending or ["nothing: the schema is up to date"]:
        say(f"applied {revision}")
