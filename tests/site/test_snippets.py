"""Code that a page shows is code that runs, and messages are messages."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from schemas.catalogue import Kind, catalogue
from schemas.models import EventShown
from schemas.replies import CommandReply, QueryReply
from tests.site.blocks import Block, blocks
from tests.site.pages import all_pages, pages
from tests.site.samples_shown import marked, shown_samples

_BLOCKS = [block for page in all_pages() for block in blocks(page)]
_LEFT_OUT = re.compile(r",\s*…")  # fields that a page leaves out
_DATA = {
    message.name: message.model
    for message in catalogue()
    if message.kind in (Kind.COMMAND, Kind.QUERY)
}
_REPLY_DATA = {
    message.name: message.reply_data
    for message in catalogue()
    if message.kind in (Kind.COMMAND, Kind.QUERY)
}
# Who looks at blocks of a language; console and sh: test_commands.py and test_pages_run.py.
LANGUAGES = {
    "": "what a program printed; commands among it are looked at as in sh",
    "console": "a command and what it printed",
    "sh": "commands",
    "text": "what a program printed",
    "mermaid": "test_site.py: each has its picture",
    "json": "here",
    "yaml": "here",
    "python": "samples",
    "java": "samples",
    "javascript": "samples",
    "go": "samples",
    "sql": "tests/adapters/database/test_audit.py prunes as docs/audit.md says",
}


def _in(language: str) -> list[Block]:
    return [block for block in _BLOCKS if block.language == language]


def test_every_language_is_looked_at() -> None:
    assert {block.language for block in _BLOCKS} <= LANGUAGES.keys()


def test_what_a_page_shows_of_a_sample_is_what_stands_there() -> None:
    for page in pages():
        text = page.read_text()
        assert shown_samples(text) == text, f"{page}: run python -m tests.site.samples_shown"


def test_code_in_a_language_of_the_samples_is_of_a_sample() -> None:
    theirs = {part for page in pages() for part in marked(page.read_text())}
    shown = [block for each in ("python", "java", "javascript", "go") for block in _in(each)]
    assert [str(block) for block in shown if block.text not in theirs] == []
    assert len(shown) >= len(theirs) > 0


def test_yaml_can_be_read() -> None:
    for block in _in("yaml"):
        assert list(yaml.safe_load_all(block.text)), block


@pytest.mark.parametrize("block", _in("json"), ids=str)
def test_json_is_what_it_says_it_is(block: Block) -> None:
    is_whole = "…" not in block.text
    shown = json.loads(_LEFT_OUT.sub("", block.text))
    model, data = _model_of(shown)
    if model is None:
        return
    if is_whole:
        model.model_validate_json(json.dumps(data))
    assert data.keys() <= _names(model), "a field that there is not"


def test_a_message_that_is_wrong_would_be_seen() -> None:
    right = {"type": "get_booking", "data": {"booking_id": "5f0c6c0e-3c1e-4c57-9a55-0b6d5d7d6b1a"}}
    model, data = _model_of(right)
    assert model is not None
    model.model_validate_json(json.dumps(data))
    assert "booking" not in _names(model)


def _model_of(shown: dict[str, Any]) -> tuple[type[BaseModel] | None, dict[str, Any]]:
    """What a message has to agree with, and the part of it that has to."""
    if "type" in shown:
        assert shown.keys() <= {"type", "command_id", "query_id", "idempotency_key", "data"}
        return _DATA[shown["type"]], shown["data"]
    if "event_type" in shown:
        assert shown.keys() <= _names(EventShown)
        payload = EventShown.model_fields["payload"].annotation
        assert isinstance(payload, type)
        return payload, shown["payload"]
    if "operation" in shown and "error" in shown:  # a line of the log has the one alone
        reply = CommandReply if "command_id" in shown else QueryReply
        assert shown.keys() == _names(reply)
        if shown["operation"] is None:  # nothing could be read
            return reply, shown
        return _REPLY_DATA[shown["operation"]], shown["data"]
    return None, shown


def _names(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}
