"""`booking token`: a token to try things out with."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

if TYPE_CHECKING:
    from app.settings.auth import AuthSettings


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
    key_file: Annotated[
        list[Path] | None,
        typer.Option(help="A private key (PEM); the first signs. Needed unless HS256 is set."),
    ] = None,
    jwks: Annotated[
        bool, typer.Option("--jwks", help="No token: the public halves of all --key-file.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Token and claims, for programs.")] = False,
) -> None:
    """Print a token signed with BOOKING_AUTH__SECRET or a private key; in development only.

    Example: booking send get_booking '{"booking_id": "…"}' --token "$(booking token)"

    Example: booking token --jwks --key-file new.pem --key-file old.pem > keys.json
    """
    from datetime import UTC, datetime, timedelta
    from uuid import uuid4

    from app.cli.printing import say, say_json
    from app.failures import Failure, WrongUse
    from app.settings import read
    from app.settings.auth import AuthSection
    from app.settings.section import Environment

    if jwks:
        say_json({"keys": _public_halves(key_file or [])})
        return
    reading = read(AuthSection)
    auth = reading[AuthSection].value
    if reading.environment is Environment.PRODUCTION:
        raise Failure("tokens are made by your accounts service, not here, in production")
    if auth.mode == "off" and auth.secret is None and not key_file:
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
    signed = _signed(stated, auth, key_file or [])
    if json:
        say_json({"token": signed, "claims": stated})
    else:
        say(signed)


def _signed(claims: dict[str, Any], auth: AuthSettings, key_files: list[Path]) -> str:
    """Raises WrongUse when the key is not one for the algorithm that is set."""
    import jwt

    from app.failures import WrongUse

    if auth.secret is not None:
        if key_files:
            raise WrongUse("--key-file is wrong: with HS256 it is BOOKING_AUTH__SECRET that signs")
        return jwt.encode(claims, auth.secret, auth.algorithm)
    if not key_files:
        raise WrongUse(f"--key-file is missing: expected a private key for {auth.algorithm}")
    from app.cli.private_key import read_private_key

    private = read_private_key(key_files[0])
    if private.algorithm != auth.algorithm:
        raise WrongUse(f"--key-file is wrong: expected a private key for {auth.algorithm}")
    return jwt.encode(claims, private.key, auth.algorithm, {"kid": private.id})


def _public_halves(key_files: list[Path]) -> list[dict[str, Any]]:
    from app.cli.private_key import read_private_key
    from app.failures import WrongUse

    if not key_files:
        raise WrongUse("--key-file is missing: expected a private key, several as several options")
    return [read_private_key(path).public for path in key_files]


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False
