"""Where the database is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import parse_qs, quote, urlsplit

from pydantic import AfterValidator, Field, SecretStr

from app.settings.pem_files import Part, fault_of_authorities, fault_of_pair
from app.settings.section import Environment, Problem, Section, setting
from app.settings.words import Count, PositiveDuration

if TYPE_CHECKING:
    from adapters.database.settings import DatabaseSettings

# Told apart as SQLAlchemy does it, which is not asked itself: its import takes longer than a check.
_SQLITE: Final = "sqlite+aiosqlite"
_POSTGRESQL: Final = "postgresql+asyncpg"
_REPLICA: Final = "postgresql+asyncpg://user:password@host:port/name"
_HOST: Final = r"(\[[0-9A-Fa-f:.]+\]|[^/\s:@\[\]]*)(:\d{1,5})?"
_URL: Final = re.compile(
    rf"postgresql\+asyncpg://([^:/@\s]*(:[^@\s]*)?@)?{_HOST}/\S+"
    r"|sqlite\+aiosqlite:///(?!:memory:)\S+"
)


# Those that asyncpg takes as text; with any other it would end the worker in a traceback.
_PARAMETERS: Final = frozenset(
    {"host", "passfile", "port", "ssl", "target_session_attrs"}
    | {"sslmode", "sslrootcert", "sslcert", "sslkey", "sslpassword"}
)
_MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_BEST: Final = "verify-full"


def _database_url(url: SecretStr) -> SecretStr:
    if not _URL.fullmatch(url.get_secret_value()):
        raise ValueError("expected a URL of a supported database")
    return url


class DatabaseSection(Section, prefix="BOOKING_DATABASE__"):
    """The whole URL is a secret: it may carry a password."""

    url: Annotated[SecretStr, AfterValidator(_database_url)] = setting(
        "postgresql+asyncpg://user:password@host:port/name or sqlite+aiosqlite:///path",
        "Where bookings live; SQLite is for one worker."
        " `?sslmode=verify-full&sslrootcert=FILE` for TLS",
    )
    password: SecretStr | None = setting(
        "the password of the URL's user", "For a URL without one, the replica's too", None
    )
    pool_size: Annotated[Count, Field(le=1000)] = setting(
        "a whole number from 1 to 1000",
        "Connections of the lanes; as many again answer queries, and as many those of the replica",
        5,
    )
    replica_url: Annotated[SecretStr, AfterValidator(_database_url)] | None = setting(
        _REPLICA,
        "A streaming standby that answers queries as far as it can: docs/reads.md",
        None,
    )
    replica_lag_seconds: PositiveDuration = setting(
        "a number of seconds above 0",
        "A replica that is further behind is left alone until it has caught up",
        10.0,
    )

    def problems(self, environment: Environment) -> Iterator[Problem]:
        for name, url in self._urls.items():
            address = urlsplit(url)
            if address.scheme == _SQLITE:
                if not Path(address.path.removeprefix("/")).parent.is_dir():
                    yield Problem(name, "a SQLite file in a directory that exists")
            else:
                for expected in _wrong_parameters(parse_qs(address.query, keep_blank_values=True)):
                    yield Problem(name, expected)
            if self.password and (address.password or not address.username):
                yield Problem(name, f"a user without a password, as {self.prefix}PASSWORD is set")
        if self.replica_url and any(urlsplit(url).scheme == _SQLITE for url in self._urls.values()):
            yield Problem(f"{self.prefix}REPLICA_URL", f"{_REPLICA}, beside a {_POSTGRESQL} URL")

    def notices(self, environment: Environment) -> Iterator[str]:
        for name, url in self._urls.items():
            address = urlsplit(url)
            asked = {name: words[-1] for name, words in parse_qs(address.query).items()}
            is_remote = address.scheme != _SQLITE and bool(address.hostname)
            mode = asked.get("sslmode") or asked.get("ssl") or "prefer"
            if environment is Environment.PRODUCTION and is_remote and mode != _BEST:
                yield (
                    f"{name} asks for sslmode={mode}: another host can be the database"
                    f" ({_BEST} makes sure)"
                )

    @property
    def value(self) -> DatabaseSettings:
        from adapters.database.settings import DatabaseSettings

        return DatabaseSettings(
            self._with_password(self.url),
            self.pool_size,
            self._with_password(self.replica_url) if self.replica_url else None,
            self.replica_lag_seconds,
        )

    @property
    def _urls(self) -> dict[str, str]:
        """Those that are set, by their variables."""
        urls = {"URL": self.url, "REPLICA_URL": self.replica_url}
        return {f"{self.prefix}{n}": url.get_secret_value() for n, url in urls.items() if url}

    def _with_password(self, url: SecretStr) -> str:
        if not self.password:
            return url.get_secret_value()
        before, host = url.get_secret_value().split("@", 1)
        return f"{before}:{quote(self.password.get_secret_value(), safe='')}@{host}"


def _wrong_parameters(asked: dict[str, list[str]]) -> Iterator[str]:
    """What the URL should hold instead, one for each thing that is wrong with what follows `?`."""
    if asked.keys() - _PARAMETERS:
        known = ", ".join(sorted(_PARAMETERS))
        yield f"no other parameters after `?` than {known}"
        return
    tls = {name: words for name, words in asked.items() if name.startswith("ssl")}
    if any(len(words) > 1 for words in tls.values()) or {"ssl", "sslmode"} <= tls.keys():
        yield "each parameter of TLS once, and ssl only without sslmode"
        return
    named = {name: words[0] for name, words in tls.items()}
    mode = named.pop("sslmode", None) or named.pop("ssl", None)
    if mode is not None and mode not in _MODES:
        yield f"sslmode to be one of {', '.join(_MODES)}"
    elif named and mode not in ("verify-ca", _BEST):
        yield f"sslmode={_BEST}, as {min(named)} is set"
    elif mode == "verify-ca" and "sslrootcert" not in named:
        yield f"an sslrootcert or sslmode={_BEST}: any public authority would do otherwise"
    else:
        yield from _wrong_files(named)


def _wrong_files(named: dict[str, str]) -> Iterator[str]:
    if (root := named.get("sslrootcert")) and (why := fault_of_authorities(Path(root))):
        yield f"sslrootcert to be a file of PEM certificates; {root} {why}"
    certificate, key = named.get("sslcert"), named.get("sslkey")
    if certificate is None:
        if key or named.get("sslpassword"):
            yield "an sslcert, as its key is set"
        return
    path = Path(key or certificate)
    if fault := fault_of_pair(Path(certificate), path, named.get("sslpassword")):
        name, shown = {
            Part.CERTIFICATE: ("sslcert to be a file of PEM certificates", certificate),
            Part.KEY: ("sslkey to be a file with a PEM private key", path),
            Part.PASSWORD: ("sslpassword to be the password of the key", path),
        }[fault.part]
        yield f"{name}; {shown} {fault.why}"
