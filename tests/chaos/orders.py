"""One record as it will be sent, and how it is put together."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.service.callers import Caller
from tests.service.client import Header


@dataclass(frozen=True, slots=True)
class Order:
    """A record and where it goes; `answer_key` is the key of its reply, None when none can come.

    `content` is what a repeat is recognised by: the message without its id.
    """

    label: str
    topic: str
    value: bytes | None
    headers: Sequence[Header]
    answer_key: bytes | None
    key: bytes | None = None
    partition: int | None = None
    caller: Caller | None = None
    message: Mapping[str, Any] | None = None

    @property
    def content(self) -> str:
        """The message without its id, as text that can be compared."""
        asked = {k: v for k, v in (self.message or {}).items() if k != "command_id"}
        return json.dumps(asked, sort_keys=True)

    @property
    def identity(self) -> tuple[str, str] | None:
        """Principal and command id; None when it has none."""
        if self.caller is None or self.message is None or "command_id" not in self.message:
            return None
        return self.caller.sub, str(self.message["command_id"])

    def again(self, label: str, answer_key: bytes) -> Order:
        """The same message as another record, answered under another key."""
        headers = [(name, value) for name, value in self.headers if name != "correlation_id"]
        asked = ("correlation_id", answer_key)
        return replace(self, label=label, headers=[asked, *headers], answer_key=answer_key)

    def elsewhere(self, key: bytes | None, partition: int | None) -> Order:
        """The same record to a partition that need not be its home."""
        return replace(self, key=key, partition=partition)


def an_order(
    label: str,
    topic: str,
    caller: Caller,
    message: Mapping[str, Any],
    answer_key: bytes,
    reply_to: str,
    *headers: Header,
) -> Order:
    """A well-formed message of a caller, keyed by its venue when it names one."""
    venue = message["data"].get("venue_id")
    usual: list[Header] = [("correlation_id", answer_key), ("reply_to", reply_to.encode())]
    return Order(
        label,
        topic,
        json.dumps(message).encode(),
        [*usual, *trusted(caller), *headers],
        answer_key,
        key=str(venue).encode() if venue else None,
        caller=caller,
        message=message,
    )


def trusted(caller: Caller) -> list[Header]:
    """The header by which the service knows the caller."""
    return [("authorization", f"Bearer {caller.token}".encode())] if caller.token else []
