"""The keys of the audit log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import AfterValidator, SecretStr

from app.settings.section import Environment, Problem, Section, setting
from app.settings.words import seal_keys

if TYPE_CHECKING:
    from handlers.audit_chain import ChainKeys

_DEVELOPMENT_KEYS: Final = "development:" + "ZGV2ZWxvcG1lbnQ6IGV2ZXJ5Ym9keSBjYW4gY2hhaW4="
_KEYS: Final = "id:base64 of 32 bytes, several separated by commas, the current one first"


def _readable(text: SecretStr) -> SecretStr:
    seal_keys(text.get_secret_value())
    return text


class AuditSection(Section, prefix="BOOKING_AUDIT__"):
    """What makes the audit log's chains: who has only the database cannot forge an entry."""

    keys: Annotated[SecretStr, AfterValidator(_readable)] | None = setting(
        _KEYS,
        "Chain the audit log; a retired key stays in the list for what it chained",
        None,
        "fixed in development, required in production",
    )

    def problems(self, environment: Environment) -> Iterator[Problem]:
        if self.keys is None and environment is Environment.PRODUCTION:
            yield Problem(f"{self.prefix}KEYS", f"{_KEYS}, in production", is_missing=True)

    def notices(self, environment: Environment) -> Iterator[str]:
        if self.keys is None:
            yield f"{self.prefix}KEYS is not set: anybody can forge the audit log"

    @property
    def value(self) -> ChainKeys:
        from handlers.audit_chain import ChainKeys

        text = self.keys.get_secret_value() if self.keys else _DEVELOPMENT_KEYS
        return ChainKeys({each.id: each.key for each in seal_keys(text)})
