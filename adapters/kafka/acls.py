"""Rights in Kafka as its ACLs know them, and the command that gives them."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Operation(IntEnum):
    """By Kafka's numbers. Whoever may read, write, or more, may describe as well."""

    READ = 3
    WRITE = 4
    CREATE = 5
    DESCRIBE = 8
    DESCRIBE_CONFIGS = 10

    @property
    def word(self) -> str:
        """As kafka-acls.sh takes it."""
        return self.name.title().replace("_", "")


class Resource(StrEnum):
    """Kinds of things that an ACL can be about, as kafka-acls.sh names their options."""

    TOPIC = "topic"
    GROUP = "group"
    TRANSACTIONAL_ID = "transactional-id"


@dataclass(frozen=True, slots=True)
class Right:
    """To do something with one thing, or with all whose names begin so."""

    resource: Resource
    name: str
    operations: frozenset[Operation]
    is_prefix: bool = False

    def __str__(self) -> str:
        words = " and ".join(operation.word for operation in sorted(self.operations))
        names = f"{self.name}*" if self.is_prefix else self.name
        return f"{words} on {self.resource} {names}"


def grants(rights: Iterable[Right], principal: str, bootstrap_servers: str) -> Sequence[str]:
    """Lines for a shell that give these rights to `principal`, such as User:booking.

    Rights that differ by a name alone share a line. `admin.properties` says who gives them.
    """
    alike: dict[tuple[Resource, bool, frozenset[Operation]], list[str]] = {}
    for right in rights:
        if right.operations:
            key = (right.resource, right.is_prefix, right.operations)
            alike.setdefault(key, []).append(right.name)
    lines = []
    for (resource, is_prefix, operations), names in alike.items():
        words = ["kafka-acls.sh", "--bootstrap-server", bootstrap_servers]
        words += ["--command-config", "admin.properties", "--add", "--allow-principal", principal]
        for operation in sorted(operations):
            words += ["--operation", operation.word]
        for name in names:
            words += [f"--{resource}", name]
        if is_prefix:
            words += ["--resource-pattern-type", "prefixed"]
        lines.append(shlex.join(words))
    return lines
