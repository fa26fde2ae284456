"""Where the database is and how many connections the worker may hold."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """`url` is `postgresql+asyncpg://…` or `sqlite+aiosqlite:///…`; it may carry a password.

    `pool_size` counts the connections of the lanes; as many again serve read-only questions, and as
    many each those of a replica: a streaming standby, left alone while it is further behind than
    `replica_lag_seconds`.
    """

    url: str = field(repr=False)
    pool_size: int = 5
    replica_url: str | None = field(default=None, repr=False)
    replica_lag_seconds: float = 10.0
