"""A client's token under a fixed policy, judged at the moment its record reached the broker.

The moment is an argument, so a backlog never turns a good token into an expired one. The key's own
algorithm decides how a signature is checked; what the token says about it can only be refused. Keys
come from the settings alone: `jku`, `jwk`, `x5u` and the like are not even read.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import jwt
import orjson

from adapters.tokens.bearer import HeaderError, authorization_of, bearer_token, check_header
from adapters.tokens.claims import (
    Claims,
    TokenError,
    Validity,
    principal_of,
    validity_of,
)
from adapters.tokens.compact import CompactToken, header_of
from adapters.tokens.keys import KeySource
from domain.principal import Admin, Principal
from domain.refusal import Code, Refusal
from domain.values import dataclass
from handlers.ports import Record

LEEWAY_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class _Genuine:
    """What a token with a right signature says; whether it still holds is asked for each record."""

    validity: Validity
    speaker: Principal | Refusal


class AuthOff:
    """Everybody is an admin: for development alone, announced at start, refused in production."""

    async def prepare(self, records: Sequence[Record]) -> None:
        """Nothing to do."""

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
        self._edition = keys.edition
        self._genuine: dict[bytes, _Genuine] = {}  # least recently used first

    async def prepare(self, records: Sequence[Record]) -> None:
        """Have those keys looked for that tokens name and that are not at hand. Raises KeysAway."""
        if self._keys.is_fixed:
            return
        self._forget_former_editions()
        named = [self._missing_key(record) for record in records]
        await self._keys.look_for({key_id for key_id in named if key_id is not None})

    def authenticate(self, authorization: bytes | None, at: datetime) -> Principal | Refusal:
        """The principal behind an `authorization` header's value, or why there is none.

        `unauthenticated` when it is missing, malformed, forged, of another kind, or does not hold
        `at` that moment; `forbidden` when it claims to be the service itself.
        """
        try:
            token = bearer_token(authorization)
            self._forget_former_editions()
            genuine = self._known(token) or self._verified(token)
            _check_time(genuine.validity, at.timestamp())
        except (TokenError, jwt.InvalidTokenError) as error:
            return Refusal(Code.UNAUTHENTICATED, _reason(error))
        return genuine.speaker

    def _missing_key(self, record: Record) -> str | None:
        """The `kid` of a token that can only be judged with a key that is not at hand."""
        try:
            token = bearer_token(authorization_of(record))
            if token in self._genuine:
                return None
            header = header_of(token.partition(b".")[0])
            check_header(header)
        except (TokenError, jwt.InvalidTokenError):
            return None
        key_id = header.get("kid")
        if key_id is None or header.get("alg") != self._keys.algorithm:
            return None
        return key_id if self._keys.lacks(key_id) else None

    def _forget_former_editions(self) -> None:
        """A key may have gone, and what it signed holds no more."""
        if self._edition != self._keys.edition:
            self._edition = self._keys.edition
            self._genuine.clear()

    def _known(self, token: bytes) -> _Genuine | None:
        genuine = self._genuine.pop(token, None)
        if genuine is not None:
            self._genuine[token] = genuine
        return genuine

    def _verified(self, token: bytes) -> _Genuine:
        signed = CompactToken.parse(token)
        check_header(signed.header)
        keys = self._keys.candidates(signed.header.get("kid"))
        if not keys:
            raise TokenError("no key is known for it")
        signed.verify(keys)
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
    if isinstance(error, HeaderError):
        return str(error)
    if isinstance(error, TokenError):
        return f"the token is refused: {error}"
    if isinstance(error, jwt.InvalidSignatureError):
        return "the token is refused: its signature is wrong"
    if isinstance(error, jwt.InvalidAlgorithmError):
        return "the token is refused: it is not signed with the expected algorithm"
    return "the token is refused: it is malformed"
