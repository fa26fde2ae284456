"""The FastStream broker with its two batch subscribers, and what starts and stops around it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from typing import Any

import structlog
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512
from opentelemetry.metrics import Meter

from adapters.kafka.commands_consumer import CommandsConsumer
from adapters.kafka.connections import notice_broken_connections
from adapters.kafka.deaths import death_in
from adapters.kafka.directory import TopicDirectory
from adapters.kafka.fetching import Fetching
from adapters.kafka.figures import KafkaFigures
from adapters.kafka.lag import Lag
from adapters.kafka.lanes import Lanes
from adapters.kafka.membership import lacks_of_membership
from adapters.kafka.publishing import BrokerPublisher
from adapters.kafka.queries_consumer import QueriesConsumer
from adapters.kafka.records import accept_any_record, as_records, keep_bytes
from adapters.kafka.refusals import Refusals
from adapters.kafka.settings import KafkaSettings
from adapters.kafka.standstill import Standstill
from adapters.kafka.taking import Taking
from adapters.kafka.topics import TopicNames, planned_topics
from handlers.ports import CommandProcessor, LaneRows, Onlooker, QueryProcessor, Record, Sealer
from schemas.instruments import NO_METER, observed
from schemas.measures import LAG, LANES_OPEN

# FastStream waits this much longer than the batch in hand, which ends by itself.
GRACE_SECONDS = 3.0
LOOKS_EVERY_SECONDS = 1.0

_log = structlog.get_logger(__name__)


class KafkaSide:
    """Started and stopped by the FastStream app: `open` on startup, `drain` on shutdown, `close`
    after shutdown.
    """

    def __init__(
        self,
        broker: KafkaBroker,
        topics: TopicDirectory,
        needed: Collection[str],
        consumers: tuple[CommandsConsumer, QueriesConsumer],
        publisher: BrokerPublisher,
        fetching: tuple[Fetching, Fetching],
        drain_seconds: float,
        give_up: Callable[[str], None],
        lag: Lag,
    ) -> None:
        self._lag = lag
        self.broker = broker
        self._topics = topics
        self._needed = needed
        self._commands, self._queries = consumers
        self._publisher = publisher
        self._fetching = fetching
        self._drain_seconds = drain_seconds
        self._give_up = give_up
        self._standstill = Standstill("worker")
        self._death = Standstill("consumer")
        self._is_draining = False

    @property
    def awaited(self) -> str | None:
        """What the consumers wait for now; None while work goes on, or there is none to do."""
        if self._is_draining:
            return self._death.awaited or "the batch in hand, and stops"
        parts = (
            self._death,
            self._standstill,
            self._commands,
            self._queries,
            *self._fetching,
        )
        waiting = next((part.awaited for part in parts if part.awaited), None)
        return waiting or self._missing_topic() or self._lacking_membership()

    def _missing_topic(self) -> str | None:
        topic = self._topics.missing(self._needed)
        return f"the topic {topic}" if topic else None

    def _lacking_membership(self) -> str | None:
        lacks = map(lacks_of_membership, self.broker.subscribers)
        return next((lack for lack in lacks if lack), None)

    async def open(self) -> None:
        """Connect; waits for as long as no broker answers. Before the broker starts."""
        accept_any_record()
        notice_broken_connections()
        _quieten_aiokafka()
        await self._topics.start(self._standstill)

    async def watch(self) -> None:
        """Until the worker drains, or gives up since a consumer has died that nothing revives."""
        while not self._is_draining:
            for subscriber in self.broker.subscribers:
                if death := death_in(subscriber):
                    _log.error("consumer died", part=death.part, exc_info=death.cause)
                    self._death.waits_for("a restart", str(death))
                    self._give_up(str(death))
                    return
            subscribers: Any = self.broker.subscribers
            in_hand = {**self._commands.in_hand, **self._queries.in_hand}
            self._lag.look((each.consumer for each in subscribers), in_hand)
            await asyncio.sleep(LOOKS_EVERY_SECONDS)

    async def drain(self) -> None:
        """No batch goes on for longer than the drain time from now. Before the broker stops."""
        self._is_draining = True
        self._commands.hurry(self._drain_seconds)
        self._queries.hurry(self._drain_seconds)

    async def close(self) -> None:
        """Close the lanes and every connection. After the broker has stopped."""
        await asyncio.gather(self._commands.stop(), self._queries.stop())
        await asyncio.gather(self._publisher.stop(), self._topics.stop())


def build_broker(
    settings: KafkaSettings,
    *,
    commands: CommandProcessor,
    queries: QueryProcessor,
    rows: LaneRows,
    topics: TopicDirectory,
    sealer: Sealer,
    give_up: Callable[[str], None],
    meter: Meter = NO_METER,
    watches: tuple[Onlooker | None, Onlooker | None] = (None, None),
) -> KafkaSide:
    """Wire the Kafka side; needs a running loop only from `open` on. `watches` look on at commands
    and at queries.

    `give_up` is called with a reason when the worker cannot go on, and has to make it exit.
    """
    names = TopicNames(settings.topic_prefix)
    figures = KafkaFigures.by(meter)
    refusals = Refusals(names, topics, sealer, figures.published(names))
    publisher = BrokerPublisher(settings, refusals)
    lanes = Lanes(settings, rows, refusals, figures)
    lag = Lag(settings.topic_prefix)
    observed(meter, LANES_OPEN, lambda: [(lanes.count, {})])
    observed(meter, LAG, lag.read)
    to_commands, to_queries = watches
    commands_consumer = CommandsConsumer(
        settings, commands, lanes, topics, give_up, to_commands, figures
    )
    queries_consumer = QueriesConsumer(settings, queries, publisher, topics, to_queries, figures)
    broker = KafkaBroker(
        settings.bootstrap_servers.split(","),
        security=_security(settings),
        request_timeout_ms=settings.request_timeout_ms,
        consumer_only=True,  # its producer and its admin client would idle here
        allow_auto_create_topics=False,
        graceful_timeout=settings.drain_seconds + GRACE_SECONDS,
        parser=keep_bytes,
        decoder=as_records,
        apply_types=False,
        logger=_quiet_logger(),
        log_level=logging.DEBUG,  # two lines a batch otherwise
    )
    fetching = (
        _subscribe(broker, settings, names.commands, commands_consumer, give_up),
        _subscribe(broker, settings, names.queries, queries_consumer, give_up),
    )
    consumers = (commands_consumer, queries_consumer)
    needed = [plan.name for plan in planned_topics(settings.topic_prefix)]
    return KafkaSide(
        broker, topics, needed, consumers, publisher, fetching, settings.drain_seconds, give_up, lag
    )


def _quieten_aiokafka() -> None:
    """Two hundred lines a second while no broker answers; we say it once. Whoever wants them sets
    a level for the logger `aiokafka`.
    """
    logger = logging.getLogger("aiokafka")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.CRITICAL)


def _quiet_logger() -> logging.Logger:
    """FastStream's errors only: what it tells and warns of (topics it does not create, every
    assignment) is known here, or said by the consumers themselves.
    """
    logger = logging.getLogger(__name__ + ".faststream")
    logger.setLevel(logging.ERROR)
    return logger


def _subscribe(
    broker: KafkaBroker,
    settings: KafkaSettings,
    topic: str,
    listener: CommandsConsumer | QueriesConsumer,
    give_up: Callable[[str], None],
) -> Fetching:
    is_of_queries = isinstance(listener, QueriesConsumer)
    subscriber: Any = broker.subscriber(
        topic,
        group_id=settings.queries_group_id if is_of_queries else settings.group_id,
        batch=True,
        max_records=settings.max_batch_records,
        ack_policy=AckPolicy.MANUAL,
        no_reply=True,
        listener=listener,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        session_timeout_ms=settings.session_timeout_ms,
        heartbeat_interval_ms=settings.heartbeat_interval_ms,
        rebalance_timeout_ms=settings.rebalance_timeout_ms,
        max_poll_interval_ms=settings.max_poll_interval_ms,
    )

    async def consume(records: Sequence[Record]) -> None:
        await listener.consume(subscriber.consumer, records)

    subscriber(consume)
    shares = 1 if is_of_queries else settings.side_by_side
    taking = Taking(settings.max_batch_records, shares)
    fetching = Fetching(f"reading {topic}", taking.records, give_up)
    subscriber.get_msg = fetching.get_msg
    return fetching


def _security(settings: KafkaSettings) -> BaseSecurity | None:
    protocol = settings.security_protocol
    if protocol == "PLAINTEXT":
        return None
    tls: dict[str, Any] = {
        "use_ssl": protocol != "SASL_PLAINTEXT",
        "ssl_context": settings.connection().get("ssl_context"),
    }
    if protocol == "SSL":
        return BaseSecurity(**tls)
    kinds = {
        "PLAIN": SASLPlaintext,
        "SCRAM-SHA-256": SASLScram256,
        "SCRAM-SHA-512": SASLScram512,
    }
    return kinds[settings.sasl_mechanism](
        username=settings.sasl_username or "", password=settings.sasl_password or "", **tls
    )
