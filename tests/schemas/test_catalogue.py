"""The catalogue is complete, and everything it shows is true."""

from __future__ import annotations

import pytest

from domain.outcome import EventType
from domain.principal import System
from domain.refusal import Refusal
from schemas.building import asked_by, build_command
from schemas.catalogue import Kind, Message, catalogue
from schemas.envelope import (
    COMMANDS,
    QUERIES,
    SYSTEM_COMMANDS,
    RawCommand,
    RawQuery,
    parse_command,
    parse_query,
)
from schemas.models import EventShown
from schemas.queries import build_query
from schemas.replies import CommandReply
from schemas.strict_json import json_bytes
from tests.schemas.messages import GUEST

_ALL = catalogue()


def _of(*kinds: Kind) -> list[Message]:
    return [message for message in _ALL if message.kind in kinds]


def test_the_catalogue_is_complete() -> None:
    assert {message.name for message in _of(Kind.COMMAND)} == COMMANDS
    assert {message.name for message in _of(Kind.QUERY)} == QUERIES
    assert {message.name for message in _of(Kind.EVENT)} == set(EventType)
    assert {message.topic for message in _ALL} == {
        "commands",
        "queries",
        "replies",
        "events",
        "dead-letter",
    }
    assert len({message.name for message in _ALL}) == len(_ALL)


@pytest.mark.parametrize("message", _of(Kind.COMMAND), ids=lambda message: message.name)
def test_every_command_shown_would_be_accepted(message: Message) -> None:
    raw = parse_command(json_bytes(message.example))
    assert isinstance(raw, RawCommand), raw
    principal = System() if message.is_internal else GUEST
    command = build_command(raw, asked_by(principal, raw))
    assert not isinstance(command, Refusal), command
    assert message.is_internal == (message.name in SYSTEM_COMMANDS)


@pytest.mark.parametrize("message", _of(Kind.QUERY), ids=lambda message: message.name)
def test_every_query_shown_would_be_answered(message: Message) -> None:
    raw = parse_query(json_bytes(message.example))
    assert isinstance(raw, RawQuery), raw
    query = build_query(raw)
    assert not isinstance(query, Refusal), query


@pytest.mark.parametrize("message", _of(Kind.REPLY, Kind.EVENT), ids=lambda message: message.name)
def test_every_reply_and_event_shown_is_valid(message: Message) -> None:
    assert message.model is not None
    shown = message.model.model_validate_json(json_bytes(message.example))
    if isinstance(shown, EventShown):
        assert shown.event_type == message.name


def test_the_data_of_the_reply_shown_is_what_the_command_promises() -> None:
    (create,) = (message for message in _ALL if message.name == "create_booking")
    (reply,) = (message for message in _ALL if message.name == "command_reply")
    assert create.reply_data is not None
    parsed = CommandReply.model_validate_json(json_bytes(reply.example))
    create.reply_data.model_validate_json(json_bytes(parsed.data))


@pytest.mark.parametrize("message", _ALL, ids=lambda message: message.name)
def test_every_message_can_be_documented(message: Message) -> None:
    assert message.summary
    assert message.headers
    for model in (message.model, message.reply_data):
        if model is not None:
            assert model.model_json_schema()["type"] == "object"
