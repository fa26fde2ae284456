"""`booking grants`: the rights in PostgreSQL that a role needs, as statements to run."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


class Grantee(StrEnum):
    """Whom rights are for."""

    WORKER = "worker"
    OPERATOR = "operator"
    REBUILD = "rebuild"


def grants(
    role: Annotated[str, typer.Option(help="The role in PostgreSQL that is to have them.")],
    grantee: Annotated[
        Grantee,
        typer.Option("--for", help="The worker, the commands of an operator, or booking rebuild."),
    ] = Grantee.WORKER,
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Print the least rights with which it works; the owner of the tables runs them in psql.

    Only the database's name is taken from BOOKING_DATABASE__URL; nothing is connected to.

    Example: booking grants --role booking_worker | psql "$OWNER_URL"
    """
    from sqlalchemy.engine import make_url

    from adapters.database.rights import Role
    from adapters.database.rights import grants as statements
    from app.cli.database_access import read_database_settings
    from app.cli.printing import say, say_json
    from app.failures import WrongUse

    url = make_url(read_database_settings().url)
    if url.get_backend_name() != "postgresql" or url.database is None:
        raise WrongUse(
            "BOOKING_DATABASE__URL is wrong: expected a PostgreSQL database, with its name"
        )
    lines = statements(Role(grantee.value), role, url.database)
    if json:
        say_json({"statements": lines})
    else:
        say("\n".join(lines))
