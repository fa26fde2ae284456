"""How clients prove who they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, SecretStr

from app.settings.key_lists import JWKS_URL, is_safe, why_unusable
from app.settings.section import Environment, Problem, Section, setting
from app.settings.words import Duration, PositiveDuration, secrets

Algorithm = Literal["HS256", "RS256", "ES256", "EdDSA"]

_KEY: Final = "the secret that tokens are signed with, 32 bytes or more"
_KEYS: Final = "secrets of 32 bytes or more, separated by commas"
_LIST: Final = "a file or an address of a JWK set, one of both, with any algorithm but HS256"
_NO_LIST: Final = "nothing with HS256, whose secret nobody lists"
_URL: Final = "an https:// address, or http:// of this very machine"
_SHORTEST: Final = 32  # RFC 7518: a key of HS256 is as long as its hash


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """How clients prove who they are: with HS256 by `secret`, else by one of the lists of keys and
    never by a secret, which is None then.
    """

    mode: Literal["jwt", "off"]
    algorithm: Algorithm
    secret: str | None = field(repr=False)
    accepted_secrets: tuple[str, ...] = field(repr=False)
    jwks_file: Path | None
    jwks_url: str | None = field(repr=False)
    jwks_max_age_seconds: float
    jwks_patience_seconds: float
    issuer: str | None
    audience: str | None


def _accepted(text: SecretStr) -> SecretStr:
    secrets(text.get_secret_value(), _SHORTEST)
    return text


class AuthSection(Section, prefix="BOOKING_AUTH__"):
    """Whose tokens are believed: docs/tokens.md."""

    mode: Literal["jwt", "off"] = setting(
        "jwt or off", "off: everybody is an admin; refused in production", "jwt"
    )
    algorithm: Algorithm = setting(
        "HS256, RS256, ES256 or EdDSA", "How tokens are signed; no other is taken", "HS256"
    )
    secret: Annotated[SecretStr, Field(min_length=1)] | None = setting(
        _KEY, "The secret of HS256", None, "required with HS256"
    )
    accepted_secrets: Annotated[SecretStr, AfterValidator(_accepted)] | None = setting(
        _KEYS, "Further secrets of HS256 that are taken, while they are exchanged", None
    )
    jwks_file: Path | None = setting(
        _LIST, "The issuer's public keys in a file, read anew when it changes", None
    )
    jwks_url: Annotated[str, Field(pattern=JWKS_URL)] | None = setting(
        _URL, "The issuer's public keys at an address", None
    )
    jwks_max_age_seconds: PositiveDuration = setting(
        "a number of seconds above 0", "The keys are read anew this often, if nobody asks", 300.0
    )
    jwks_patience_seconds: Duration = setting(
        "a number of seconds, 0 or more",
        "While the keys cannot be read, a token with an unknown one waits this long",
        300.0,
    )
    issuer: str | None = setting("the issuer's name", "Tokens must carry it as `iss`", None)
    audience: str | None = setting("this service's name", "Tokens must name it in `aud`", None)

    def problems(self, environment: Environment) -> Iterator[Problem]:
        in_production = environment is Environment.PRODUCTION
        if self.mode == "off":
            if in_production:
                yield Problem(f"{self.prefix}MODE", "jwt, in production")
        elif self.algorithm == "HS256":
            yield from self._problems_of_secrets(in_production)
        else:
            yield from self._problems_of_lists(in_production)

    def _problems_of_secrets(self, in_production: bool) -> Iterator[Problem]:
        if self.secret is None:
            yield Problem(f"{self.prefix}SECRET", _KEY, is_missing=True)
        if self._secret_is_short and in_production:
            yield Problem(f"{self.prefix}SECRET", _KEY)
        for name in ("jwks_file", "jwks_url"):
            if getattr(self, name) is not None:
                yield Problem(f"{self.prefix}{name.upper()}", _NO_LIST)

    def _problems_of_lists(self, in_production: bool) -> Iterator[Problem]:
        if self.jwks_file is None and self.jwks_url is None:
            yield Problem(f"{self.prefix}JWKS_FILE or JWKS_URL", _LIST, is_missing=True)
        elif self.jwks_file is not None and self.jwks_url is not None:
            yield Problem(f"{self.prefix}JWKS_URL", "nothing beside a file: one list alone decides")
        elif self.jwks_file is not None:
            if reason := why_unusable(self.jwks_file, self.algorithm):
                expected = f"a JWK set with a key for {self.algorithm} ({reason})"
                yield Problem(f"{self.prefix}JWKS_FILE", expected)
        elif in_production and not is_safe(self.jwks_url or ""):
            yield Problem(f"{self.prefix}JWKS_URL", f"{_URL}, in production")

    def notices(self, environment: Environment) -> Iterator[str]:
        if self.mode == "off":
            yield f"{self.prefix}MODE is off: EVERYBODY IS AN ADMIN, no token is looked at"
        if self._secret_is_short:
            yield f"{self.prefix}SECRET is shorter than 32 bytes: it can be guessed"
        if self.algorithm != "HS256" and (self.secret or self.accepted_secrets):
            yield f"{self.prefix}SECRET is not used: with {self.algorithm} only listed keys count"
        if self.jwks_url is not None and not is_safe(self.jwks_url):
            yield f"{self.prefix}JWKS_URL is not https: who is on the way can be anybody"
        for name in ("issuer", "audience"):
            if self.mode == "jwt" and self.algorithm != "HS256" and getattr(self, name) is None:
                claim = "iss" if name == "issuer" else "aud"
                yield f"{self.prefix}{name.upper()} is not set: `{claim}` is not asked for"

    @property
    def value(self) -> AuthSettings:
        is_shared = self.algorithm == "HS256"
        secret = self.secret if is_shared else None
        accepted = self.accepted_secrets if is_shared else None
        return AuthSettings(
            mode=self.mode,
            algorithm=self.algorithm,
            secret=secret.get_secret_value() if secret else None,
            accepted_secrets=secrets(accepted.get_secret_value(), _SHORTEST) if accepted else (),
            jwks_file=self.jwks_file,
            jwks_url=self.jwks_url,
            jwks_max_age_seconds=self.jwks_max_age_seconds,
            jwks_patience_seconds=self.jwks_patience_seconds,
            issuer=self.issuer,
            audience=self.audience,
        )

    @property
    def _secret_is_short(self) -> bool:
        return self.secret is not None and len(self.secret.get_secret_value().encode()) < _SHORTEST
