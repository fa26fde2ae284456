"""Where the database is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator, Field, SecretStr

from app.settings.section import Environment, Problem, Section, setting
from app.settings.words import Count

if TYPE_CHECKING:
    from adapters.database.settings import DatabaseSettings

# Told apart as SQLAlchemy does it, which is not asked itself: its import takes longer than a check.
_HOST: Final = r"(\[[0-9A-Fa-f:.]+\]|[^/\s:@\[\]]*)(:\d{1,5})?"
_URL: Final = re.compile(
    rf"postgresql\+asyncpg://([^:/@\s]*(:[^@\s]*)?@)?{_HOST}/\S+"
    r"|sqlite\+aiosqlite:///(?!:memory:)\S+"
)


# Those that asyncpg takes as text; with any other it would end the worker in a traceback.
_PARAMETERS: Final = frozenset({"host", "passfile", "port", "ssl", "target_session_attrs"})


def _database_url(url: SecretStr) -> SecretStr:
    if not _URL.fullmatch(url.get_secret_value()):
        raise ValueError("expected a URL of a supported database")
    return url


class DatabaseSection(Section, prefix="BOOKING_DATABASE__"):
    """The whole URL is a secret: it may carry a password."""

    url: Annotated[SecretStr, AfterValidator(_database_url)] = setting(
        "postgresql+asyncpg://user:password@host:port/name or sqlite+aiosqlite:///path",
        "Where bookings live; SQLite is for one worker",
    )
    pool_size: Annotated[Count, Field(le=1000)] = setting(
        "a whole number from 1 to 1000",
        "Connections of the lanes; as many again answer queries",
        5,
    )

    def problems(self, environment: Environment) -> Iterator[Problem]:
        address = urlsplit(self.url.get_secret_value())
        if address.scheme == "sqlite+aiosqlite":
            if not Path(address.path.removeprefix("/")).parent.is_dir():
                yield Problem(f"{self.prefix}URL", "a SQLite file in a directory that exists")
        elif parse_qs(address.query, keep_blank_values=True).keys() - _PARAMETERS:
            known = ", ".join(sorted(_PARAMETERS))
            yield Problem(f"{self.prefix}URL", f"no other parameters after `?` than {known}")

    @property
    def value(self) -> DatabaseSettings:
        from adapters.database.settings import DatabaseSettings

        return DatabaseSettings(self.url.get_secret_value(), self.pool_size)
