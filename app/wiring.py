"""The composition root: the one place that builds objects and hands them to each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from logging import DEBUG, INFO
from time import time_ns
from uuid import UUID

from opentelemetry.metrics import Meter

from adapters.database.database import Database
from adapters.kafka.broker import KafkaSide, build_broker
from adapters.kafka.directory import TopicDirectory
from adapters.kafka.partitioning import home_partition
from adapters.kafka.publishing import BrokerPublisher
from adapters.kafka.topics import TopicNames
from adapters.partners import HttpPartners
from adapters.partners.figures import PartnerFigures
from adapters.partners.watched import WatchedPartners
from adapters.sealing.aes_gcm import AesGcmServiceKeys
from adapters.tokens.service_signature import ServiceSignature
from app.outcome_lines import OutcomeLog
from app.settings import CacheSettings, Settings
from app.settings.words import SealKey
from app.telemetry import Telemetry
from domain.limits import NO_LIMITS, Limits
from handlers.audit import Auditor
from handlers.availability import AvailabilityChecks
from handlers.cache import Corrections, ShortCache
from handlers.commands import CommandHandlers
from handlers.dead_letter import DeadLetters
from handlers.figures import BookingFigures, MessageFigures, RetentionFigures
from handlers.intake import Intake
from handlers.limits import Tidying, UsesOfQueries
from handlers.owing import UndoBacklog
from handlers.partner_answers import FreshAnswers, PartnerAnswers, RememberedAnswers
from handlers.ports import Authenticator, Partners, ServiceKeys, Topics
from handlers.queries import QueryHandlers
from handlers.record import Recorder
from handlers.retention import Retiring
from handlers.routes import ReplyRoutes
from handlers.sealing import KeyTopic
from handlers.sweeper import Sweeper
from handlers.traces import NO_TRACER, Traces
from handlers.watch import Watch
from schemas.instruments import counter, observed
from schemas.measures import (
    BREAKER_OPEN,
    CACHE_LOOKUPS,
    PARTNER_ADDRESSES,
    POOL,
    UNDO_AGE,
    UNDO_OWED,
)


@dataclass(frozen=True, slots=True)
class Worker:
    """Everything that runs in the worker's process."""

    kafka: KafkaSide
    sweeper: Sweeper
    tidying: Tidying
    backlog: UndoBacklog
    retiring: Retiring
    sweeper_publisher: BrokerPublisher
    corrections: Corrections


@dataclass(frozen=True, slots=True)
class Caches:
    """What queries remember; None: nothing."""

    availability: ShortCache | None
    references: ShortCache | None

    @property
    def corrections(self) -> Corrections:
        return Corrections([each for each in (self.availability, self.references) if each])


def caches_of(settings: CacheSettings, meter: Meter) -> Caches:
    """Those that are wanted; they remember nothing before somebody hears the events."""
    lookups = counter(meter, CACHE_LOOKUPS)

    def cache(name: str, seconds: float) -> ShortCache | None:
        return ShortCache(name, seconds, lookups) if seconds else None

    return Caches(
        cache("availability", settings.availability_seconds),
        cache("reference", settings.reference_seconds),
    )


def build_worker(
    settings: Settings,
    *,
    clients: Authenticator,
    database: Database,
    caches: Caches,
    partners: HttpPartners,
    topics: TopicDirectory,
    give_up: Callable[[str], None],
    telemetry: Telemetry,
) -> Worker:
    """`give_up` is called with a reason when the worker cannot go on, and has to make it exit."""
    prefix = settings.kafka.topic_prefix
    names = TopicNames(prefix)
    signer = ServiceSignature(*settings.signing_keys)
    routes = ReplyRoutes(prefix, settings.reply_prefixes, topics)
    keys = service_keys(settings.seal_keys)
    letters = DeadLetters(names.dead_letter, signer, keys)
    auditor = Auditor(settings.audit_keys)
    home_of = _home(topics, names.commands)
    limits = limits_of(settings)
    meter = telemetry.meter
    of_commands = _watch(
        telemetry, "command", OutcomeLog("command done", INFO, settings.log.sample_successes)
    )
    of_queries = _watch(telemetry, "query", OutcomeLog("query answered", DEBUG))
    asked = WatchedPartners(
        partners,
        PartnerFigures.by(meter),
        None if telemetry.tracer is NO_TRACER else telemetry.tracer,
    )
    backlog = UndoBacklog(database.due)
    observed(meter, UNDO_OWED, backlog.count)
    observed(meter, UNDO_AGE, backlog.age)
    observed(meter, POOL, database.connections)
    observed(meter, BREAKER_OPEN, partners.left_alone)
    observed(meter, PARTNER_ADDRESSES, partners.known_addresses)
    commands = CommandHandlers(
        intake=Intake(clients, signer, routes, letters, _now, of_commands),
        database=database.lanes,
        partners=asked,
        recorder=Recorder(prefix, settings.rules, keys, letters, auditor),
        signer=signer,
        home_of=home_of,
        rules=settings.rules,
        limits=limits,
        clock=_now,
        milliseconds=_milliseconds,
        watch=of_commands,
    )
    queries = QueryHandlers(
        authenticator=clients,
        routes=routes,
        letters=letters,
        reads=database.reads,
        availability=AvailabilityChecks(
            database.reads, _answers(asked, caches.availability), settings.rules, _now
        ),
        limits=limits,
        uses=UsesOfQueries(database.counts),
        auditor=auditor,
        audit=database.audit,
        clock=_now,
        watch=of_queries,
    )
    publisher = BrokerPublisher(settings.kafka)
    return Worker(
        kafka=build_broker(
            settings.kafka,
            commands=commands,
            queries=queries,
            rows=database.lanes,
            topics=topics,
            sealer=keys,
            give_up=give_up,
            meter=meter,
            watches=(of_commands, of_queries),
        ),
        sweeper=Sweeper(
            database.due,
            publisher,
            signer,
            names.commands,
            home_of,
            database.keys,
            KeyTopic(names.guest_keys),
        ),
        tidying=Tidying(database.counts, limits),
        backlog=backlog,
        retiring=Retiring(database.retention, settings.keeping, RetentionFigures.by(meter)),
        sweeper_publisher=publisher,
        corrections=caches.corrections,
    )


def _answers(partners: Partners, cache: ShortCache | None) -> PartnerAnswers:
    fresh = FreshAnswers(partners, _now)
    return RememberedAnswers(fresh, cache) if cache else fresh


def _watch(telemetry: Telemetry, kind: str, lines: OutcomeLog) -> Watch:
    meter = telemetry.meter
    figures, bookings = MessageFigures.by(meter, kind), BookingFigures.by(meter)
    traces = Traces(telemetry.tracer, follows_senders=telemetry.follows_senders)
    return Watch(figures, bookings, traces, lines, _now)


def service_keys(keys: Sequence[SealKey]) -> ServiceKeys:
    """The first key seals, any of them opens."""
    return AesGcmServiceKeys({key.id: key.key for key in keys})


def limits_of(settings: Settings) -> Limits:
    """None where authentication is off: everybody would be one and the same."""
    return NO_LIMITS if settings.auth.mode == "off" else settings.limits


def _home(topics: Topics, commands_topic: str) -> Callable[[UUID], int]:
    def home_of(venue_id: UUID) -> int:
        partitions = topics.partitions_of(commands_topic)
        if partitions is None:
            raise RuntimeError(f"topic {commands_topic} has vanished")
        return _home_partition(venue_id, partitions)

    return home_of


@lru_cache(maxsize=16_384)  # venues come again and again
def _home_partition(venue_id: UUID, partitions: int) -> int:
    return home_partition(str(venue_id).encode(), partitions)


def _now() -> datetime:
    return datetime.now(UTC)


def _milliseconds() -> int:
    return time_ns() // 1_000_000
