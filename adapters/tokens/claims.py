"""From a verified token's claims to the principal they stand for; roles are a table.

What is checked here does not depend on the time, so a token that comes again is not checked again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

from domain.principal import Admin, Business, Guest, Principal
from domain.refusal import Code, Refusal
from domain.values import dataclass
from schemas.fields import uuid_of

Claims = Mapping[str, Any]

MAX_SUBJECT_CHARACTERS: Final = 255


class TokenError(Exception):
    """Why a token is refused; the message never repeats what the token says."""


@dataclass(frozen=True, slots=True)
class Validity:
    """When a token holds, in seconds since 1970, as its issuer wrote them."""

    issued: float
    expires: float
    not_before: float | None


def validity_of(claims: Claims) -> Validity:
    """Raises TokenError when a time is missing or is no number."""
    return Validity(
        issued=_seconds(claims, "iat"),
        expires=_seconds(claims, "exp"),
        not_before=_seconds(claims, "nbf") if "nbf" in claims else None,
    )


def principal_of(claims: Claims) -> Principal | Refusal:
    """The principal, or `forbidden` for a token that claims to be the service itself.

    Raises TokenError for a refresh token, an unknown role, a subject that the role cannot have.
    """
    if claims.get("type") != "access":
        raise TokenError('"type" must be "access"')
    role = claims.get("role")
    as_principal = _ROLES.get(role) if isinstance(role, str) else None
    if as_principal is None:
        raise TokenError(f'"role" must be one of {", ".join(_ROLES)}')
    return as_principal(claims)


def _guest(claims: Claims) -> Principal:
    return Guest(_uuid(_subject(claims), 'a guest\'s "sub" must be a UUID'))


def _business(claims: Claims) -> Principal:
    venue_ids = claims.get("venue_ids")
    complaint = '"venue_ids" must be a list of UUIDs'
    if venue_ids is None:
        venue_ids = []
    if not isinstance(venue_ids, list):
        raise TokenError(complaint)
    return Business(_subject(claims), frozenset(_uuid(venue, complaint) for venue in venue_ids))


def _admin(claims: Claims) -> Principal:
    return Admin(_subject(claims))


def _system(claims: Claims) -> Refusal:
    _subject(claims)
    return Refusal(Code.FORBIDDEN, "no token can speak for the service itself")


_ROLES: Final[Mapping[str, Callable[[Claims], Principal | Refusal]]] = {
    "guest": _guest,
    "staff": _business,
    "manager": _business,
    "admin": _admin,
    "system": _system,
}


def _subject(claims: Claims) -> str:
    """Printable, because it becomes part of rows and events (PostgreSQL has no text with a NUL)."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject.isprintable():
        raise TokenError('"sub" must be printable text')
    if not 1 <= len(subject) <= MAX_SUBJECT_CHARACTERS:
        raise TokenError(f'"sub" must have 1 to {MAX_SUBJECT_CHARACTERS} characters')
    return subject


def _uuid(text: object, complaint: str) -> UUID:
    """Only the canonical form: `UUID()` would also take braces, urn: and hyphens anywhere."""
    found = uuid_of(text)
    if found is None:
        raise TokenError(complaint)
    return found


def _seconds(claims: Claims, name: str) -> float:
    value = claims.get(name)
    if type(value) is int or type(value) is float:
        return value
    if value is None:
        raise TokenError(f'"{name}" is missing')
    raise TokenError(f'"{name}" must be a number of seconds since 1970')
