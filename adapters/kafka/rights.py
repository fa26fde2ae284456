"""Who needs which rights in Kafka: the tables that ACLs are made from, and nothing more than those.

A topic's own line is in the table of topics. No right is about the cluster: since Kafka 2.8 whoever
may write to some topic may have an idempotent producer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from adapters.kafka.acls import Operation, Resource, Right
from adapters.kafka.settings import KafkaSettings
from adapters.kafka.topics import TopicNames, planned_topics

_WRITE: Final = frozenset({Operation.WRITE})
_READ: Final = frozenset({Operation.READ})


def worker_rights(
    settings: KafkaSettings, reply_prefixes: Sequence[str], *, hears_events: bool = False
) -> tuple[Right, ...]:
    """What `booking run` needs, and `booking replay --resend`; events are heard for caches."""
    plans = planned_topics(settings.topic_prefix)
    names = TopicNames(settings.topic_prefix)
    planned = {plan.name for plan in plans}
    rights = [Right(Resource.TOPIC, plan.name, plan.worker_may) for plan in plans]
    if hears_events:
        rights.append(Right(Resource.TOPIC, names.events, _READ))
    for prefix in reply_prefixes:
        if prefix not in planned:
            rights.append(Right(Resource.TOPIC, prefix, _WRITE))
        rights.append(Right(Resource.TOPIC, f"{prefix}.", _WRITE, is_prefix=True))
    groups = (settings.group_id, settings.queries_group_id)
    rights += [Right(Resource.GROUP, group, _READ) for group in groups]
    if settings.delivery == "exactly_once":
        of_lanes = settings.transactional_id(names.commands, None)
        rights.append(Right(Resource.TRANSACTIONAL_ID, of_lanes, _WRITE, is_prefix=True))
    return tuple(rights)


def operator_rights(settings: KafkaSettings) -> tuple[Right, ...]:
    """For `booking send`, `watch`, `dlq`, `replay`, `rebuild` and `topics check`."""
    plans = planned_topics(settings.topic_prefix)
    return (
        *(Right(Resource.TOPIC, plan.name, plan.operator_may) for plan in plans),
        Right(Resource.GROUP, settings.group_id, frozenset({Operation.DESCRIBE})),
    )


def deployer_rights(settings: KafkaSettings) -> tuple[Right, ...]:
    """For `booking topics create` and `topics check`."""
    may = frozenset({Operation.CREATE, Operation.DESCRIBE, Operation.DESCRIBE_CONFIGS})
    return tuple(
        Right(Resource.TOPIC, plan.name, may) for plan in planned_topics(settings.topic_prefix)
    )
