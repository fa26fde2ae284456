"""How clients prove who they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal

from pydantic import Field, SecretStr

from app.settings.section import Environment, Problem, Section, setting

_KEY: Final = "the secret that tokens are signed with, 32 bytes or more"
_SHORTEST: Final = 32  # RFC 7518: a key of HS256 is as long as its hash


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """How clients prove who they are; `secret` is None only when the mode is off."""

    mode: Literal["jwt", "off"]
    secret: str | None = field(repr=False)
    issuer: str | None
    audience: str | None


class AuthSection(Section, prefix="BOOKING_AUTH__"):
    """Whose tokens are believed; further algorithms come with keys of their own."""

    mode: Literal["jwt", "off"] = setting(
        "jwt or off", "off: everybody is an admin; refused in production", "jwt"
    )
    algorithm: Literal["HS256"] = setting(
        "HS256 (RS256, ES256 and EdDSA are not supported yet)", "How tokens are signed", "HS256"
    )
    secret: Annotated[SecretStr, Field(min_length=1)] | None = setting(
        _KEY, "The secret of HS256", None, "required unless the mode is off"
    )
    issuer: str | None = setting("the issuer's name", "Tokens must carry it as `iss`", None)
    audience: str | None = setting("this service's name", "Tokens must name it in `aud`", None)

    def problems(self, environment: Environment) -> Iterator[Problem]:
        in_production = environment is Environment.PRODUCTION
        if self.mode == "off" and in_production:
            yield Problem(f"{self.prefix}MODE", "jwt, in production")
        if self.mode == "jwt" and self.secret is None:
            yield Problem(f"{self.prefix}SECRET", _KEY, is_missing=True)
        if self._secret_is_short and in_production:
            yield Problem(f"{self.prefix}SECRET", _KEY)

    def notices(self, environment: Environment) -> Iterator[str]:
        if self.mode == "off":
            yield f"{self.prefix}MODE is off: EVERYBODY IS AN ADMIN, no token is looked at"
        if self._secret_is_short:
            yield f"{self.prefix}SECRET is shorter than 32 bytes: it can be guessed"

    @property
    def value(self) -> AuthSettings:
        secret = self.secret.get_secret_value() if self.secret else None
        return AuthSettings(self.mode, secret, self.issuer, self.audience)

    @property
    def _secret_is_short(self) -> bool:
        return self.secret is not None and len(self.secret.get_secret_value().encode()) < _SHORTEST
