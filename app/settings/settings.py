"""What the worker needs, as the values that its layers take."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from app.settings.audit import AuditSection
from app.settings.auth import AuthSection, AuthSettings
from app.settings.database import DatabaseSection
from app.settings.kafka import KafkaSection
from app.settings.partners import InventorySection, PaymentSection, PricingSection
from app.settings.reading import ALL, read
from app.settings.rules import RulesSection
from app.settings.section import Environment
from app.settings.service import (
    HealthSection,
    LogLevel,
    LogSection,
    RepliesSection,
    SealSection,
    SigningSection,
)
from app.settings.words import SealKey
from domain.rules import Rules

if TYPE_CHECKING:
    from adapters.database.settings import DatabaseSettings
    from adapters.kafka.settings import KafkaSettings
    from adapters.partners import PartnerSettings
    from handlers.audit_chain import ChainKeys


@dataclass(frozen=True, slots=True)
class LogSettings:
    """How much is logged, and for whom."""

    level: LogLevel
    format: Literal["json", "console"]


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything, checked; `notices` are for the log, loudly, before anything else."""

    environment: Environment
    kafka: KafkaSettings
    database: DatabaseSettings
    inventory: PartnerSettings
    pricing: PartnerSettings
    payment: PartnerSettings
    rules: Rules
    auth: AuthSettings
    signing_key: bytes = field(repr=False)
    seal_keys: tuple[SealKey, ...]
    audit_keys: ChainKeys
    reply_prefixes: tuple[str, ...]
    health_file: Path | None
    log: LogSettings
    notices: tuple[str, ...]


def load() -> Settings:
    """Read all settings; raises SettingsError."""
    reading = read(*ALL)
    kafka, log = reading[KafkaSection].value, reading[LogSection]
    return Settings(
        environment=reading.environment,
        kafka=kafka,
        database=reading[DatabaseSection].value,
        inventory=reading[InventorySection].value,
        pricing=reading[PricingSection].value,
        payment=reading[PaymentSection].value,
        rules=reading[RulesSection].value(reading[PricingSection].fallback_value),
        auth=reading[AuthSection].value,
        signing_key=reading[SigningSection].signing_key,
        seal_keys=reading[SealSection].seal_keys,
        audit_keys=reading[AuditSection].value,
        reply_prefixes=reading[RepliesSection].allowed_prefixes
        or (f"{kafka.topic_prefix}.replies",),
        health_file=reading[HealthSection].file,
        log=LogSettings(log.level, log.format),
        notices=reading.notices,
    )
