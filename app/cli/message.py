"""The record that `booking send` publishes, made from what was typed."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any
from uuid import UUID, uuid4

import orjson

from app.failures import WrongUse
from domain.named_ids import timed_id
from handlers.ports import Output


@dataclass(frozen=True, slots=True)
class Asking:
    """A command or query with ids of its own, ready to go."""

    output: Output
    message_id: str
    correlation_id: str


def message_types() -> list[str]:
    """All types that a client may send."""
    return sorted(_topics())


def build_message(
    type_: str,
    text: str,
    *,
    topic_prefix: str,
    token: str | None,
    key: str | None,
    idempotency_key: str | None,
) -> Asking:
    """`text` is the whole message or its `data` alone; ids that are missing are made.

    The key is the venue's id when the data names one: there it is fastest. Raises WrongUse.
    """
    topics = _topics()
    if type_ not in topics:
        nearest = get_close_matches(type_, topics, n=1, cutoff=0)[0]
        raise WrongUse(f"there is no {type_}; did you mean {nearest}? (all: {', '.join(topics)})")
    topic = topics[type_]
    id_name = "query_id" if topic == "queries" else "command_id"
    value = _envelope(_object(text), type_, id_name)
    if idempotency_key is not None:
        value["idempotency_key"] = idempotency_key
    correlation_id = str(uuid4())
    headers = [("correlation_id", correlation_id.encode()), ("content-type", b"application/json")]
    if token is not None:
        headers.append(("authorization", f"Bearer {token}".encode()))
    key = key or _venue_of(value["data"])
    output = Output(
        f"{topic_prefix}.{topic}",
        key.encode() if key else None,
        orjson.dumps(value),
        tuple(headers),
    )
    return Asking(output, str(value[id_name]), correlation_id)


def _topics() -> dict[str, str]:
    from schemas.catalogue import Kind, catalogue

    return {
        message.name: message.topic
        for message in catalogue()
        if message.kind in (Kind.COMMAND, Kind.QUERY) and not message.is_internal
    }


def _object(text: str) -> dict[str, Any]:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise WrongUse(f"what was given is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise WrongUse("what was given is not a JSON object")
    return value


def _envelope(given: dict[str, Any], type_: str, id_name: str) -> dict[str, Any]:
    """Whole when it has `data`, which no message's data has as a field; the type has to agree."""
    new_id = str(timed_id(time.time_ns(), os.urandom(10)))
    if "data" not in given:
        return {"type": type_, id_name: new_id, "data": given}
    if given.get("type", type_) != type_:
        raise WrongUse(f"the message says it is a {given['type']}, not a {type_}")
    return {"type": type_, id_name: new_id} | given


def _venue_of(data: object) -> str | None:
    venue_id = data.get("venue_id") if isinstance(data, Mapping) else None
    try:
        return str(UUID(venue_id)) if isinstance(venue_id, str) else None
    except ValueError:
        return None
