"""The least rights: every table has its line, what is lacking is told, and no outage is a bug."""

from __future__ import annotations

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from adapters.database.database import open_database
from adapters.database.encryption import without_tls_words
from adapters.database.outages import DatabaseRefuses
from adapters.database.revisions import pending_migrations
from adapters.database.rights import OF_ROLE, Role, grants, lacking_rights
from adapters.database.settings import DatabaseSettings
from adapters.database.tables import METADATA
from tests.adapters.database.lane import PARTITION, TOPIC
from tests.adapters.database.migrated import url_of
from tests.adapters.database.sealing import KEYS

KNOWN = {"select", "insert", "update", "update (due_at, owed)", "update (wrapped)", "delete"}


async def executed(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    await connection.execute(statement)
    await connection.close()


def test_every_table_says_what_a_worker_may_do_with_it() -> None:
    """Who adds a table has to decide: adapters/database/rights.py."""
    assert OF_ROLE[Role.WORKER].keys() == METADATA.tables.keys() | {"alembic_version"}


@pytest.mark.parametrize("role", Role)
def test_nobody_gets_more_than_single_rights_to_known_tables(role: Role) -> None:
    assert OF_ROLE[role].keys() <= OF_ROLE[Role.WORKER].keys()
    assert {right for rights in OF_ROLE[role].values() for right in rights} <= KNOWN
    for statement in grants(role, "x", "y"):
        assert not {"all", "public;", "option", "superuser"} & set(statement.split())


def test_a_role_with_a_strange_name_is_quoted() -> None:
    assert grants(Role.WORKER, 'a"b', "y")[0] == 'grant connect on database "y" to "a""b";'


async def test_whoever_has_all_rights_lacks_none(postgresql_url: str, sqlite_url: str) -> None:
    for url in (postgresql_url, url_of(postgresql_url, Role.WORKER), sqlite_url):
        assert await lacking_rights(DatabaseSettings(url)) == []


async def test_a_right_that_is_taken_away_is_named_and_waited_for(postgresql_url: str) -> None:
    """A worker that goes on without it would take the commands that need it for poison."""
    settings = DatabaseSettings(url_of(postgresql_url, Role.WORKER))
    worker = settings.url.partition("://")[2].partition(":")[0]
    await executed(postgresql_url, f"revoke insert on lanes from {worker}")
    try:
        assert await lacking_rights(settings) == ["insert on lanes"]
        database = open_database(settings, KEYS)
        with pytest.raises(DatabaseRefuses, match="permission denied for table lanes"):
            await database.lanes.open_lane(TOPIC, PARTITION)
        await database.close()
    finally:
        await executed(postgresql_url, f"grant insert on lanes to {worker}")


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ({"password": "wrong"}, "does not let this user in with this password"),
        ({"username": "stranger"}, "does not let this user in with this password"),
        ({"database": "nowhere"}, "there is no such database"),
    ],
)
def test_a_database_that_refuses_says_why(
    postgresql_url: str, other: dict[str, str], says: str
) -> None:
    url = make_url(url_of(postgresql_url, Role.WORKER)).set(**other)  # type: ignore[arg-type]
    with pytest.raises(DatabaseRefuses, match=says) as raised:
        pending_migrations(url.render_as_string(hide_password=False))
    assert "BOOKING_DATABASE__URL" in str(raised.value)
    assert "wrong" not in str(raised.value)


def test_a_mode_that_verifies_nothing_goes_to_the_driver_as_it_is() -> None:
    bare, given = without_tls_words(make_url("postgresql+asyncpg://me@db/x?sslmode=require"))
    assert (bare.query, given) == ({}, {"ssl": "require"})
    bare, given = without_tls_words(make_url("postgresql+asyncpg://me@db/x?host=other"))
    assert (dict(bare.query), given) == ({"host": "other"}, {})


def test_verify_full_checks_name_and_chain_and_nothing_less() -> None:
    for mode, checks_name in (("verify-full", True), ("verify-ca", False)):
        _, given = without_tls_words(make_url(f"postgresql+asyncpg://me@db/x?sslmode={mode}"))
        assert given["ssl"].check_hostname is checks_name
        assert given["ssl"].verify_mode.name == "CERT_REQUIRED"
