"""A replica that queries are asked of: where it may be, and how far behind."""

from __future__ import annotations

import pytest

from tests.app.settings.loading import PRODUCTION, LoadWith


def test_a_replica_shares_the_password_and_has_a_url_of_its_own(settings: LoadWith) -> None:
    loaded = settings(
        DATABASE__URL="postgresql+asyncpg://booking@db/booking",
        DATABASE__PASSWORD="p:w",
        DATABASE__REPLICA_URL="postgresql+asyncpg://reader@standby/booking",
        DATABASE__REPLICA_LAG_SECONDS="2.5",
    ).database
    assert loaded.url == "postgresql+asyncpg://booking:p%3Aw@db/booking"
    assert loaded.replica_url == "postgresql+asyncpg://reader:p%3Aw@standby/booking"
    assert loaded.replica_lag_seconds == 2.5


@pytest.mark.parametrize(
    "changes",
    [
        {"DATABASE__REPLICA_URL": "sqlite+aiosqlite:///here.db"},
        {"DATABASE__REPLICA_URL": "postgresql+asyncpg://b@db/b?sslmode=maybe"},
        {"DATABASE__REPLICA_URL": "mysql://db/booking"},
        {
            "DATABASE__URL": "sqlite+aiosqlite:///here.db",
            "DATABASE__REPLICA_URL": "postgresql+asyncpg://b@db/b",
        },
        {
            "DATABASE__URL": "postgresql+asyncpg://booking@db/booking",
            "DATABASE__PASSWORD": "pw",
            "DATABASE__REPLICA_URL": "postgresql+asyncpg://me:other@standby/booking",
        },
    ],
)
def test_a_replica_that_cannot_be_one_is_refused(
    settings: LoadWith, changes: dict[str, str]
) -> None:
    (problem,) = settings.refused(**changes)
    assert problem.startswith("BOOKING_DATABASE__REPLICA_URL is wrong: expected ")


@pytest.mark.parametrize("value", ["0", "-1", "soon"])
def test_a_replica_may_be_some_time_behind(settings: LoadWith, value: str) -> None:
    (problem,) = settings.refused(DATABASE__REPLICA_LAG_SECONDS=value)
    assert problem.startswith("BOOKING_DATABASE__REPLICA_LAG_SECONDS is wrong")


def test_a_replica_in_production_is_to_be_who_it_says(settings: LoadWith) -> None:
    named = {name.removeprefix("BOOKING_"): value for name, value in PRODUCTION.items()}
    replica = "postgresql+asyncpg://booking:pw@standby/booking"
    loaded = settings(**named, DATABASE__REPLICA_URL=replica)
    assert any("REPLICA_URL asks for sslmode=prefer" in notice for notice in loaded.notices)
