"""What commands that look into the database share: its settings, and its failures in a line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from app.failures import Failure

if TYPE_CHECKING:
    from adapters.database.settings import DatabaseSettings
    from app.operators import OperatorsLog
    from handlers.ports import DatabaseAway, ServiceKeys

_WAITED_IN_VAIN: Final = "canceling statement due to lock timeout"  # as PostgreSQL words it


def read_database_settings() -> DatabaseSettings:
    """With warnings about them told."""
    from app.cli.printing import warn
    from app.settings import read
    from app.settings.database import DatabaseSection

    reading = read(DatabaseSection)
    warn(reading.notices)
    return reading[DatabaseSection].value


def read_service_keys() -> ServiceKeys:
    """What opens what is sealed in the database."""
    from app.settings import read
    from app.settings.service import SealSection
    from app.wiring import service_keys

    return service_keys(read(SealSection)[SealSection].seal_keys)


def read_operators_log() -> OperatorsLog:
    """The database of a command whose deeds are audited, with warnings about its settings told."""
    from app.cli.printing import warn
    from app.operators import OperatorsLog
    from app.settings import read
    from app.settings.audit import AuditSection
    from app.settings.database import DatabaseSection

    reading = read(DatabaseSection, AuditSection)
    warn(reading.notices)
    return OperatorsLog(reading[DatabaseSection].value, reading[AuditSection].value)


@contextmanager
def database_failures(settings: DatabaseSettings) -> Iterator[None]:
    """Raises Failure when it does not answer, has another schema than this version expects, or is
    only half rebuilt.
    """
    from adapters.database.pasts import HalfRebuilt
    from adapters.database.revisions import WorkerTooOld, pending_migrations
    from handlers.ports import CannotOpen, DatabaseAway

    try:
        if pending := pending_migrations(settings.url):
            raise Failure(f"the schema lacks {', '.join(pending)}: run booking migrate")
        yield
    except (HalfRebuilt, WorkerTooOld) as error:
        raise Failure(str(error)) from error
    except CannotOpen as error:
        raise Failure(f"something in the database cannot be opened: {error}") from error
    except DatabaseAway as error:
        raise told(error) from error


def told(error: DatabaseAway) -> Failure:
    """A database that does not answer or refuses, in a line."""
    from adapters.database.outages import DatabaseRefuses

    if isinstance(error, DatabaseRefuses):
        return Failure(str(error))
    if _WAITED_IN_VAIN in str(error):
        return Failure("somebody holds a lock that was waited for in vain: run it again")
    return Failure("the database does not answer (BOOKING_DATABASE__URL)")
