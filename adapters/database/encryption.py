"""TLS to PostgreSQL, asked for in the URL by libpq's words, as asyncpg's driver cannot be told."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy.engine import URL

from adapters.tls import Tls, client_context

_OF_LIBPQ: Final = ("sslmode", "sslrootcert", "sslcert", "sslkey", "sslpassword")
_VERIFIED: Final = ("verify-ca", "verify-full")


def without_tls_words(url: URL) -> tuple[URL, dict[str, Any]]:
    """The URL as SQLAlchemy takes it, and what asyncpg has to be given for what it said of TLS.

    A server that is to be verified without `sslrootcert` needs a certificate by the system's list.
    Raises OSError for files that are wrong.
    """
    words = {name: str(url.query[name]) for name in (*_OF_LIBPQ, "ssl") if name in url.query}
    mode = words.get("sslmode") or words.get("ssl")
    if mode is None:
        return url, {}
    bare = url.difference_update_query([*words])
    if mode not in _VERIFIED:
        return bare, {"ssl": mode}
    tls = Tls(
        authorities=words.get("sslrootcert"),
        certificate=words.get("sslcert"),
        key=words.get("sslkey"),
        key_password=words.get("sslpassword"),
        check_hostname=mode == "verify-full",
    )
    return bare, {"ssl": client_context(tls)}
