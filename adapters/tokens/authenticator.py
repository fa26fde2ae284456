"""A client's token under a fixed policy, judged at the moment its record reached the broker.

The moment is an argument, so a backlog never turns a good token into an expired one. The key's own
algorithm decides how a signature is checked; what the token says about it can only be refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import jwt
import orjson

from adapters.tokens.claims import (
    Claims,
    TokenError,
    Validity,
    principal_of,
    validity_of,
)
from adapters.tokens.compact import CompactToken
from adapters.tokens.keys import KeySource
from domain.principal import Admin, Principal
from domain.refusal import Code, Refusal

MAX_HEADER_BYTES: Final = 8 * 1024
LEEWAY_SECONDS: Final = 30.0
_SCHEME: Final = b"bearer"


@dataclass(frozen=True, slots=True)
class _Genuine:
    """What a token with a right signature says; whether it still holds is asked for each record."""

    validity: Validity
    speaker: Principal | Refusal


class AuthOff:
    """Everybody is an admin: for development alone, announced at start, refused in production."""

    def authenticate(self, authorization: bytes | None, at: datetime) -> Principal | Refusal:
        return Admin("auth-off")


class TokenAuthenticator:
    """JSON Web Tokens of one issuer.

    Clients send the same token with many commands, so the last `cache_size` genuine ones are kept;
    their times are compared anew for every record. Forged ones are never kept, or a stranger could
    push the others out.
    """

    def __init__(
        self,
        keys: KeySource,
        *,
        issuer: str | None = None,
        audience: str | None = None,
        cache_size: int = 4096,
    ) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._cache_size = cache_size
        self._genuine: dict[bytes, _Genuine] = {}  # least recently used first

    def authenticate(self, authorization: bytes | None, at: datetime) -> Principal | Refusal:
        """The principal behind an `authorization` header's value, or why there is none.

        `unauthenticated` when it is missing, malformed, forged, of another kind, or does not hold
        `at` that moment; `forbidden` when it claims to be the service itself.
        """
        try:
            token = _bearer_token(authorization)
            genuine = self._known(token) or self._verified(token)
            _check_time(genuine.validity, at.timestamp())
        except (TokenError, jwt.InvalidTokenError) as error:
            return Refusal(Code.UNAUTHENTICATED, _reason(error))
        return genuine.speaker

    def _known(self, token: bytes) -> _Genuine | None:
        genuine = self._genuine.pop(token, None)
        if genuine is not None:
            self._genuine[token] = genuine
        return genuine

    def _verified(self, token: bytes) -> _Genuine:
        signed = CompactToken.parse(token)
        # RFC 7515: an extension that is marked critical and not understood refuses the token. None
        # is understood here, and one (b64) would take the payload out of the signature.
        if "crit" in signed.header or "b64" in signed.header:
            raise TokenError("it asks for extensions that are not supported")
        key = self._keys.key(signed.header.get("kid"))
        if key is None:
            raise TokenError("no key is known for it")
        signed.verify(key)
        claims = _claims(signed.payload)
        self._check_party(claims)
        genuine = _Genuine(validity_of(claims), principal_of(claims))
        while len(self._genuine) >= self._cache_size:
            del self._genuine[next(iter(self._genuine))]
        self._genuine[token] = genuine
        return genuine

    def _check_party(self, claims: Claims) -> None:
        """RFC 7519: whoever does not find itself among the audience must refuse the token."""
        if self._issuer is not None and claims.get("iss") != self._issuer:
            raise TokenError('"iss" is not the issuer that this service trusts')
        audience = claims.get("aud")
        if audience is None and self._audience is None:
            return
        if self._audience is None:
            raise TokenError('"aud" names an audience, and this service is set to have none')
        if self._audience not in (audience if isinstance(audience, list) else [audience]):
            raise TokenError('"aud" does not name this service')


class _HeaderError(TokenError):
    """There is no token to judge."""


def _bearer_token(authorization: bytes | None) -> bytes:
    if authorization is None:
        raise _HeaderError("the header authorization is missing")
    if len(authorization) > MAX_HEADER_BYTES:
        raise _HeaderError(f"the header authorization is longer than {MAX_HEADER_BYTES} bytes")
    scheme, _, token = authorization.strip(b" ").partition(b" ")
    if scheme.lower() != _SCHEME or not token:
        raise _HeaderError('the header authorization must be "Bearer" and a token')
    return token.lstrip(b" ")


def _claims(payload: bytes) -> Claims:
    """Strict JSON: no NaN, no lone surrogates, nothing but UTF-8."""
    try:
        claims = orjson.loads(payload)
    except orjson.JSONDecodeError:
        claims = None
    if not isinstance(claims, dict):
        raise TokenError("its claims are not a JSON object")
    return claims


def _check_time(validity: Validity, at: float) -> None:
    """Half-open like every interval here: at `exp` itself, leeway added, it holds no more."""
    if at >= validity.expires + LEEWAY_SECONDS:
        raise TokenError("it had expired when the message was sent")
    starts = max(validity.issued, validity.not_before or validity.issued)
    if at < starts - LEEWAY_SECONDS:
        raise TokenError("it did not hold yet when the message was sent")


def _reason(error: TokenError | jwt.InvalidTokenError) -> str:
    """For the client; PyJWT's own words may repeat parts of the token, so they are not used."""
    if isinstance(error, _HeaderError):
        return str(error)
    if isinstance(error, TokenError):
        return f"the token is refused: {error}"
    if isinstance(error, jwt.InvalidSignatureError):
        return "the token is refused: its signature is wrong"
    if isinstance(error, jwt.InvalidAlgorithmError):
        return "the token is refused: it is not signed with the expected algorithm"
    return "the token is refused: it is malformed"
