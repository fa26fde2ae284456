"""What the worker needs, as the values that its layers take."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from app.settings.audit import AuditSection
from app.settings.auth import AuthSection, AuthSettings
from app.settings.cache import CacheSection, CacheSettings
from app.settings.database import DatabaseSection
from app.settings.kafka import KafkaSection
from app.settings.limits import LimitsSection
from app.settings.partners import InventorySection, PaymentSection, PricingSection
from app.settings.reading import ALL, Reading, SettingsError, read
from app.settings.retention import RetentionSection
from app.settings.rules import RulesSection
from app.settings.section import Environment, Problem
from app.settings.service import (
    HealthSection,
    LogLevel,
    LogSection,
    MetricsSection,
    RepliesSection,
    SealSection,
    SigningSection,
)
from app.settings.words import SealKey
from domain.limits import Limits
from domain.retention import Keeping
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
    format: Literal["json", "console"] | None  # None: as the stream suggests
    sample_successes: float


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """Where Prometheus may fetch figures; `port` None: nowhere."""

    host: str
    port: int | None


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
    limits: Limits
    keeping: Keeping
    auth: AuthSettings
    signing_keys: tuple[bytes, ...] = field(repr=False)
    seal_keys: tuple[SealKey, ...]
    audit_keys: ChainKeys
    reply_prefixes: tuple[str, ...]
    health_file: Path | None
    log: LogSettings
    metrics: MetricsSettings
    cache: CacheSettings
    notices: tuple[str, ...]


def load() -> Settings:
    """Read all settings; raises SettingsError."""
    reading = read(*ALL)
    kafka, log = reading[KafkaSection].value, reading[LogSection]
    metrics = reading[MetricsSection]
    rules = reading[RulesSection].value(reading[PricingSection].fallback_value)
    return Settings(
        environment=reading.environment,
        kafka=kafka,
        database=reading[DatabaseSection].value,
        inventory=reading[InventorySection].value,
        pricing=reading[PricingSection].value,
        payment=reading[PaymentSection].value,
        rules=rules,
        limits=reading[LimitsSection].value,
        keeping=reading[RetentionSection].value(rules.idempotency_window),
        auth=reading[AuthSection].value,
        signing_keys=reading[SigningSection].signing_keys,
        seal_keys=reading[SealSection].seal_keys,
        audit_keys=reading[AuditSection].value,
        reply_prefixes=reading[RepliesSection].allowed_prefixes
        or (f"{kafka.topic_prefix}.replies",),
        health_file=reading[HealthSection].file,
        log=LogSettings(log.level, log.format, log.sample_successes),
        metrics=MetricsSettings(metrics.host, metrics.port),
        cache=reading[CacheSection].value,
        notices=(*reading.notices, *_shared_keys(reading)),
    )


def _shared_keys(reading: Reading) -> tuple[str, ...]:
    """Whoever makes tokens must not be able to sign as this service: a notice about that.

    Raises SettingsError in production.
    """
    auth = reading[AuthSection].value
    of_tokens = {secret.encode() for secret in (auth.secret, *auth.accepted_secrets) if secret}
    if of_tokens.isdisjoint(reading[SigningSection].signing_keys):
        return ()
    problem = Problem("BOOKING_SIGNING__KEY", "a key of its own, not the secret of tokens")
    if reading.environment is Environment.PRODUCTION:
        raise SettingsError([problem])
    return (str(problem),)
