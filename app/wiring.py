"""The composition root: the one place that builds objects and hands them to each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from uuid import UUID

from adapters.database.database import Database
from adapters.kafka.broker import KafkaSide, build_broker
from adapters.kafka.directory import TopicDirectory
from adapters.kafka.partitioning import home_partition
from adapters.kafka.publishing import BrokerPublisher
from adapters.kafka.topics import TopicNames
from adapters.partners import HttpPartners
from adapters.sealing.aes_gcm import AesGcmSealer
from adapters.tokens.authenticator import AuthOff, TokenAuthenticator
from adapters.tokens.keys import SharedSecret
from adapters.tokens.service_signature import ServiceSignature
from app.settings import AuthSettings, Settings
from app.settings.words import SealKey
from handlers.audit import Auditor
from handlers.commands import CommandHandlers
from handlers.dead_letter import DeadLetters
from handlers.intake import Intake
from handlers.ports import Authenticator, Topics
from handlers.queries import QueryHandlers
from handlers.record import Recorder
from handlers.routes import ReplyRoutes
from handlers.sweeper import Sweeper


@dataclass(frozen=True, slots=True)
class Worker:
    """Everything that runs in the worker's process."""

    kafka: KafkaSide
    sweeper: Sweeper
    sweeper_publisher: BrokerPublisher


def build_worker(
    settings: Settings,
    *,
    database: Database,
    partners: HttpPartners,
    topics: TopicDirectory,
    give_up: Callable[[str], None],
) -> Worker:
    """`give_up` is called with a reason when the worker cannot go on, and has to make it exit."""
    prefix = settings.kafka.topic_prefix
    names = TopicNames(prefix)
    signer = ServiceSignature(settings.signing_key)
    clients = authenticator(settings.auth)
    routes = ReplyRoutes(prefix, settings.reply_prefixes, topics)
    letters = DeadLetters(names.dead_letter, signer)
    auditor = Auditor(settings.audit_keys)
    home_of = _home(topics, names.commands)
    commands = CommandHandlers(
        intake=Intake(clients, signer, routes, letters, _now),
        database=database.lanes,
        partners=partners,
        recorder=Recorder(prefix, settings.rules, sealer(settings.seal_keys), letters, auditor),
        signer=signer,
        home_of=home_of,
        rules=settings.rules,
        clock=_now,
    )
    queries = QueryHandlers(
        authenticator=clients,
        routes=routes,
        letters=letters,
        reads=database.reads,
        partners=partners,
        rules=settings.rules,
        auditor=auditor,
        audit=database.audit,
        clock=_now,
    )
    publisher = BrokerPublisher(settings.kafka)
    return Worker(
        kafka=build_broker(
            settings.kafka,
            commands=commands,
            queries=queries,
            rows=database.lanes,
            topics=topics,
            give_up=give_up,
        ),
        sweeper=Sweeper(database.due, publisher, signer, names.commands, home_of),
        sweeper_publisher=publisher,
    )


def sealer(keys: Sequence[SealKey]) -> AesGcmSealer:
    """The first key seals, any of them opens."""
    return AesGcmSealer({key.id: key.key for key in keys})


def authenticator(auth: AuthSettings) -> Authenticator:
    """Who clients are, by their tokens; or everybody an admin, where that is switched off."""
    if auth.mode == "off":
        return AuthOff()
    if auth.secret is None:
        raise ValueError("expected a secret for tokens, got none")
    keys = SharedSecret(auth.secret)
    return TokenAuthenticator(keys, issuer=auth.issuer, audience=auth.audience)


def _home(topics: Topics, commands_topic: str) -> Callable[[UUID], int]:
    def home_of(venue_id: UUID) -> int:
        partitions = topics.partitions_of(commands_topic)
        if partitions is None:
            raise RuntimeError(f"topic {commands_topic} has vanished")
        return _home_partition(venue_id, partitions)

    return home_of


@lru_cache(maxsize=65_536)  # venues come again and again
def _home_partition(venue_id: UUID, partitions: int) -> int:
    return home_partition(str(venue_id).encode(), partitions)


def _now() -> datetime:
    return datetime.now(UTC)
