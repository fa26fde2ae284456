"""Which rights Kafka grants us of those that are needed, asked before anything is begun.

Kafka tells what may be done with topics and groups; of transactional ids only whether they may be
described, which comes with the right to write. aiokafka asks for none of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
    for_code,
)
from aiokafka.protocol.admin import DescribeGroupsResponse_v3
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Int16, Int32, Schema, String

from adapters.kafka.acls import Operation, Resource, Right
from adapters.kafka.coordinators import coordinator_of
from adapters.kafka.settings import KafkaSettings

_TRANSACTION: Final = 1  # a kind of coordinator, as Kafka numbers them
_NAMES: Final = Array(String("utf-8"))


async def lacking_rights(settings: KafkaSettings, rights: Iterable[Right]) -> Sequence[Right]:
    """Those that Kafka does not grant; of rights to all topics that begin so, none is looked at.

    Raises KafkaError or OSError when it cannot be asked.
    """
    by_kind: dict[Resource, list[Right]] = {kind: [] for kind in Resource}
    for right in rights:
        if right.operations and not (right.is_prefix and right.resource is Resource.TOPIC):
            by_kind[right.resource].append(right)
    admin = AIOKafkaAdminClient(**settings.connection())
    await admin.start()
    try:
        held = {
            Resource.TOPIC: await _held_on_topics(admin, by_kind[Resource.TOPIC]),
            Resource.GROUP: await _held_on_groups(admin, by_kind[Resource.GROUP]),
        }
        lacking = [
            replace(right, operations=missing)
            for kind, of_kind in held.items()
            for right in by_kind[kind]
            if (missing := right.operations - of_kind[right.name])
        ]
        of_lanes = by_kind[Resource.TRANSACTIONAL_ID]
        lacking += [right for right in of_lanes if not await _may_be_described(admin, right)]
    finally:
        await admin.close()
    return lacking


def missing_right(error: BaseException) -> str | None:
    """What an ACL has to grant, when that is what Kafka complains of; else None."""
    match error:
        case TopicAuthorizationFailedError():
            needed = "Read or Write on the topic"
        case GroupAuthorizationFailedError():
            needed = "Read on the group"
        case TransactionalIdAuthorizationFailed():
            needed = "Write on the transactional-id"
        case ClusterAuthorizationFailedError():
            needed = "IdempotentWrite on the cluster (before Kafka 2.8) or Write on some topic"
        case _:
            return None
    about = ", ".join(str(each) for each in error.args)
    named = f" {about}" if about else ""
    return (
        f"Kafka does not allow it: the ACL for {needed}{named} is missing, see booking topics acls"
    )


def in_words(error: BaseException) -> str:
    """An error as it is told of: by the ACL that is missing, or by itself."""
    return missing_right(error) or repr(error)


async def _held_on_topics(
    admin: AIOKafkaAdminClient, rights: Sequence[Right]
) -> dict[str, frozenset[Operation]]:
    """Of a topic that does not exist all of them: that it is missing is told elsewhere."""
    names = [right.name for right in rights]
    answer = await admin._send_request(_AskTopics(names))
    held = {}
    for code, name, _internal, _partitions, granted in answer.topics:
        unauthorised = code == TopicAuthorizationFailedError.errno
        held[name] = frozenset[Operation]() if unauthorised else _operations(granted, code)
    return held


async def _held_on_groups(
    admin: AIOKafkaAdminClient, rights: Sequence[Right]
) -> dict[str, frozenset[Operation]]:
    held = {}
    for right in rights:
        held[right.name] = frozenset[Operation]()
        try:
            node = await coordinator_of(admin, right.name)
        except GroupAuthorizationFailedError:
            continue
        answer = await admin._send_request(_AskGroups([right.name]), node)
        for code, *_about, granted in answer.groups:
            if (error := for_code(code)).retriable:  # it has yet to load what it knows of groups
                raise error(right.name)
            if code != GroupAuthorizationFailedError.errno:
                held[right.name] = _operations(granted, code)
    return held


async def _may_be_described(admin: AIOKafkaAdminClient, right: Right) -> bool:
    name = f"{right.name}0" if right.is_prefix else right.name
    try:
        await coordinator_of(admin, name, _TRANSACTION)
    except TransactionalIdAuthorizationFailed:
        return False
    return True


def _operations(granted: int, code: int) -> frozenset[Operation]:
    """From Kafka's bits; where it tells none, since something else is wrong, all."""
    if code or granted < 0:
        return frozenset(Operation)
    return frozenset(each for each in Operation if granted & 1 << each)


class _Topics(Response):  # type: ignore[misc]
    API_KEY = 3
    API_VERSION = 8
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            Array(
                ("node_id", Int32),
                ("host", String("utf-8")),
                ("port", Int32),
                ("rack", String("utf-8")),
            ),
        ),
        ("cluster_id", String("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            Array(
                ("error_code", Int16),
                ("topic", String("utf-8")),
                ("is_internal", Boolean),
                (
                    "partitions",
                    Array(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", Array(Int32)),
                        ("isr", Array(Int32)),
                        ("offline_replicas", Array(Int32)),
                    ),
                ),
                ("authorized_operations", Int32),
            ),
        ),
        ("cluster_authorized_operations", Int32),
    )


class _TopicsAsked(RequestStruct):  # type: ignore[misc]
    API_KEY = 3
    API_VERSION = 8
    RESPONSE_TYPE = _Topics
    SCHEMA = Schema(
        ("topics", _NAMES),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
    )


class _AskTopics(Request[_TopicsAsked]):  # type: ignore[misc]
    API_KEY = 3

    def __init__(self, names: Sequence[str]) -> None:
        self._names = list(names)

    def build(self, struct: type[_TopicsAsked]) -> Any:
        return struct(self._names, False, False, True)


class _GroupsAsked(RequestStruct):  # type: ignore[misc]
    API_KEY = 15
    API_VERSION = 3
    RESPONSE_TYPE = DescribeGroupsResponse_v3
    SCHEMA = Schema(("groups", _NAMES), ("include_authorized_operations", Boolean))


class _AskGroups(Request[_GroupsAsked]):  # type: ignore[misc]
    API_KEY = 15

    def __init__(self, names: Sequence[str]) -> None:
        self._names = list(names)

    def build(self, struct: type[_GroupsAsked]) -> Any:
        return struct(self._names, True)
