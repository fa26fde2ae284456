"""The service's topics as a table, how to create them, and what is wrong with those that exist."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, NoError, TopicAlreadyExistsError, for_code
from aiokafka.protocol.metadata import MetadataRequest

from adapters.kafka.acls import Operation
from adapters.kafka.connections import notice_broken_connections
from adapters.kafka.settings import KafkaSettings

KNOWN_WITHIN_SECONDS: Final = 0.05
FOR_EVER: Final = None
PARTITIONS: Final = 12
# What could not be processed comes with headers on top, and may itself be as large as Kafka takes.
DEAD_LETTER_MAX_BYTES: Final = 3 * 1024 * 1024
# A key that was destroyed is gone from every segment a day and a bit after its tombstone came: a
# segment is closed within the hour, and compacted within the day.
COMPACTED: Final = {
    "cleanup.policy": "compact",
    "max.compaction.lag.ms": str(timedelta(days=1) // timedelta(milliseconds=1)),
    "segment.ms": str(timedelta(hours=1) // timedelta(milliseconds=1)),
    "min.cleanable.dirty.ratio": "0.1",
    "delete.retention.ms": str(timedelta(days=1) // timedelta(milliseconds=1)),
    "message.timestamp.type": "CreateTime",
}
_READ, _WRITE = Operation.READ, Operation.WRITE
_SEE_CONFIGS: Final = Operation.DESCRIBE_CONFIGS  # for what `broker_time` demands


@dataclass(frozen=True, slots=True)
class TopicNames:
    """The six topics under one prefix."""

    prefix: str

    @property
    def commands(self) -> str:
        return f"{self.prefix}.commands"

    @property
    def queries(self) -> str:
        return f"{self.prefix}.queries"

    @property
    def replies(self) -> str:
        return f"{self.prefix}.replies"

    @property
    def events(self) -> str:
        return f"{self.prefix}.events"

    @property
    def dead_letter(self) -> str:
        return f"{self.prefix}.dead-letter"

    @property
    def guest_keys(self) -> str:
        return f"{self.prefix}.guest-keys"


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """How a topic has to be; `broker_time` means that producers cannot set the timestamp.

    `worker_may` and `operator_may` are what ACLs have to allow them, and no more.
    """

    name: str
    kept: timedelta | None
    worker_may: frozenset[Operation]
    operator_may: frozenset[Operation]
    broker_time: bool = False
    max_bytes: int | None = None
    partitions: int = PARTITIONS
    is_compacted: bool = False

    def configuration(self) -> dict[str, str]:
        if self.is_compacted:
            return COMPACTED
        configuration = {
            "cleanup.policy": "delete",
            "retention.ms": "-1"
            if self.kept is None
            else str(self.kept // timedelta(milliseconds=1)),
            "message.timestamp.type": "LogAppendTime" if self.broker_time else "CreateTime",
        }
        if self.kept is None:
            configuration["retention.bytes"] = "-1"
        if self.max_bytes is not None:
            configuration["max.message.bytes"] = str(self.max_bytes)
        return configuration


def planned_topics(prefix: str) -> tuple[TopicPlan, ...]:
    """The table. Tokens and lead times are judged at the broker's time, hence `broker_time`."""
    names = TopicNames(prefix)
    return (
        TopicPlan(
            names.commands,
            kept=timedelta(days=30),
            worker_may=frozenset({_READ, _WRITE, _SEE_CONFIGS}),  # it forwards, and sweeps
            operator_may=frozenset({_READ, _WRITE, _SEE_CONFIGS}),
            broker_time=True,
        ),
        TopicPlan(
            names.queries,
            kept=timedelta(days=1),
            worker_may=frozenset({_READ, _SEE_CONFIGS}),
            operator_may=frozenset({_WRITE, _SEE_CONFIGS}),
            broker_time=True,
        ),
        TopicPlan(
            names.replies,
            kept=timedelta(days=1),
            worker_may=frozenset({_WRITE}),
            operator_may=frozenset({_READ}),
        ),
        TopicPlan(
            names.events,
            kept=FOR_EVER,
            worker_may=frozenset({_WRITE}),
            operator_may=frozenset({_READ}),
        ),
        TopicPlan(
            names.dead_letter,
            kept=timedelta(days=30),
            worker_may=frozenset({_WRITE}),
            operator_may=frozenset({_READ}),
            max_bytes=DEAD_LETTER_MAX_BYTES,
        ),
        TopicPlan(
            names.guest_keys,
            kept=FOR_EVER,
            worker_may=frozenset({_WRITE}),
            operator_may=frozenset({_READ, _WRITE}),  # rebuild reads it, rekey writes it
            is_compacted=True,
        ),
    )


async def create_topics(settings: KafkaSettings) -> Sequence[str]:
    """Create what is missing; gives the names created, once the cluster knows them all.

    Raises KafkaError when the broker refuses, TimeoutError when it is away.
    On three brokers or more: three copies, of which two have to confirm. Below that: one.
    """
    plans = planned_topics(settings.topic_prefix)
    admin = AIOKafkaAdminClient(**settings.connection())
    await admin.start()
    try:
        brokers = len((await admin.describe_cluster())["brokers"])
        copies = 3 if brokers >= 3 else 1
        durable = {"min.insync.replicas": "2"} if copies == 3 else {}
        response = await admin.create_topics(
            [
                NewTopic(
                    plan.name, plan.partitions, copies, topic_configs=plan.configuration() | durable
                )
                for plan in plans
            ]
        )
        created = _created(response.topic_errors)
        async with asyncio.timeout(settings.request_timeout_ms / 1000):
            while not await known_everywhere(admin, {plan.name for plan in plans}):  # noqa: ASYNC110
                await asyncio.sleep(KNOWN_WITHIN_SECONDS)
    finally:
        await admin.close()
    return created


async def known_everywhere(admin: AIOKafkaAdminClient, names: Set[str]) -> bool:
    """Whether every broker has heard of these topics: some answer before they do themselves."""
    try:
        for broker in (await admin.describe_cluster())["brokers"]:
            # The public list_topics() asks any of them.
            answer = await admin._send_request(MetadataRequest(None), broker["node_id"])
            if not names <= {topic["topic"] for topic in answer.to_object()["topics"]}:
                return False
    except KafkaError:  # one of them has just gone
        return False
    return True


def _created(results: Sequence[tuple[str, int, str | None]]) -> list[str]:
    created = []
    for name, code, message in results:
        error = for_code(code)
        if error is NoError:
            created.append(name)
        elif error is not TopicAlreadyExistsError:
            raise error(f"{name}: {message or error.message}")
    return created


async def check_topics(settings: KafkaSettings) -> Sequence[str]:
    """What is wrong, one plain sentence each with what to run; empty when the worker can start."""
    notice_broken_connections()
    plans = planned_topics(settings.topic_prefix)
    admin = AIOKafkaAdminClient(**settings.connection())
    await admin.start()
    try:
        existing = set(await admin.list_topics())
        by_clients = [plan.name for plan in plans if plan.broker_time and plan.name in existing]
        timestamps = await _timestamp_types(admin, by_clients)
    finally:
        await admin.close()
    missing = [
        f"Topic {plan.name} is missing. Run: booking topics create"
        for plan in plans
        if plan.name not in existing
    ]
    return missing + [
        f"Topic {name} lets producers set the timestamp (message.timestamp.type={kind}), so tokens"
        " could be judged at a time of the sender's choice. Run: kafka-configs.sh"
        f" --bootstrap-server {settings.bootstrap_servers} --alter --entity-type topics"
        f" --entity-name {name} --add-config message.timestamp.type=LogAppendTime"
        for name, kind in timestamps.items()
        if kind != "LogAppendTime"
    ]


async def _timestamp_types(admin: AIOKafkaAdminClient, topics: Sequence[str]) -> dict[str, str]:
    if not topics:
        return {}
    responses = await admin.describe_configs(
        [ConfigResource(ConfigResourceType.TOPIC, name) for name in topics]
    )
    return {
        resource[3]: entry[1]
        for response in responses
        for resource in response.resources
        for entry in resource[4]
        if entry[0] == "message.timestamp.type"
    }
