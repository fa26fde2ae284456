"""`booking token`: a token to try things out with."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated
from uuid import UUID

import typer


class Role(StrEnum):
    """Roles that a token may have; system is the service's own."""

    GUEST = "guest"
    STAFF = "staff"
    MANAGER = "manager"
    ADMIN = "admin"


def token(
    role: Annotated[Role, typer.Option(help="Whose token.")] = Role.GUEST,
    sub: Annotated[
        str | None, typer.Option(help="Who; a UUID for guests, made up when left out.")
    ] = None,
    venue: Annotated[
        list[UUID] | None, typer.Option(help="A venue of staff and managers; may be repeated.")
    ] = None,
    hours: Annotated[float, typer.Option(min=0.001, max=24 * 366, help="Valid for.")] = 12,
    json: Annotated[bool, typer.Option("--json", help="Token and claims, for programs.")] = False,
) -> None:
    """Print a token signed with BOOKING_AUTH__SECRET; in development only.

    Example: booking send get_booking '{"booking_id": "…"}' --token "$(booking token)"
    """
    from datetime import UTC, datetime, timedelta
    from uuid import uuid4

    import jwt

    from app.cli.printing import say, say_json
    from app.failures import Failure, WrongUse
    from app.settings import read
    from app.settings.auth import AuthSection
    from app.settings.section import Environment

    reading = read(AuthSection)
    auth = reading[AuthSection]
    if reading.environment is Environment.PRODUCTION:
        raise Failure("tokens are made by your accounts service, not here, in production")
    if auth.secret is None:
        raise Failure("BOOKING_AUTH__MODE is off: no token is needed")
    now = datetime.now(UTC)
    claims = {
        "sub": sub or (str(uuid4()) if role is Role.GUEST else f"{role.value}@command-line"),
        "role": role.value,
        "type": "access",
        "iat": int(now.timestamp()),
        "exp": int((now + timedelta(hours=hours)).timestamp()),
        "venue_ids": [str(venue_id) for venue_id in venue] if venue else None,
        "iss": auth.issuer,
        "aud": auth.audience,
    }
    if role is Role.GUEST and not _is_uuid(str(claims["sub"])):
        raise WrongUse("--sub is wrong: expected a UUID for a guest")
    stated = {name: value for name, value in claims.items() if value is not None}
    signed = jwt.encode(stated, auth.secret.get_secret_value(), auth.algorithm)
    if json:
        say_json({"token": signed, "claims": stated})
    else:
        say(signed)


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False
