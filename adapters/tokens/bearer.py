"""From a record's headers to the token in them, and what its own first part may say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from adapters.tokens.claims import TokenError
from handlers.ports import Record

MAX_HEADER_BYTES: Final = 8 * 1024
_SCHEME: Final = b"bearer"
# RFC 8725, section 3.11: a token of another kind, though well signed, is for something else.
_TYPES: Final = frozenset({"jwt", "at+jwt", "application/jwt", "application/at+jwt"})


class HeaderError(TokenError):
    """There is no token to judge."""


def authorization_of(record: Record) -> bytes | None:
    """What stands in its first header `authorization`."""
    return next((value for name, value in record.headers if name == "authorization"), None)


def bearer_token(authorization: bytes | None) -> bytes:
    """Raises HeaderError."""
    if authorization is None:
        raise HeaderError("the header authorization is missing")
    if len(authorization) > MAX_HEADER_BYTES:
        raise HeaderError(f"the header authorization is longer than {MAX_HEADER_BYTES} bytes")
    scheme, _, token = authorization.strip(b" ").partition(b" ")
    if scheme.lower() != _SCHEME or not token:
        raise HeaderError('the header authorization must be "Bearer" and a token')
    return token.lstrip(b" ")


def check_header(header: Mapping[str, Any]) -> None:
    """What must not, or must only so, stand in a token's header. Raises TokenError."""
    # RFC 7515: an extension that is marked critical and not understood refuses the token. None is
    # understood here, and one (b64) would take the payload out of the signature.
    if "crit" in header or "b64" in header:
        raise TokenError("it asks for extensions that are not supported")
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise TokenError('"typ" must be "JWT" or "at+jwt"')
