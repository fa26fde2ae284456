"""What would break others is found, and what would not is let through."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from app.documents import schema_files
from app.documents.evolution import broken_promises
from app.documents.schema_files import FOLDER, broken, publish
from app.documents.shapes import shapes
from schemas.catalogue import Kind


def a_schema(required: tuple[str, ...] = ("id",), **changed: Any) -> dict[str, Any]:
    """An object with an id, a list, a word, a number and a name that may be null."""
    properties: dict[str, Any] = {
        "id": {"type": "string", "format": "uuid"},
        "size": {"type": "integer", "minimum": 1, "maximum": 100},
        "word": {"allOf": [{"$ref": "#/definitions/Word"}]},
        "name": {"anyOf": [{"type": "string", "maxLength": 200}, {"type": "null"}]},
        "code": {"type": "string", "enum": ["a"]},
        "tags": {"type": "array", "items": {"type": "string"}},
    }
    words = changed.pop("words", ["hotel", "cafe"])
    properties |= changed
    return {
        "type": "object",
        "properties": {name: each for name, each in properties.items() if each is not None},
        "required": list(required),
        "additionalProperties": False,
        "definitions": {"Word": {"type": "string", "enum": words}},
    }


NULLABLE_SIZE = {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 100}, {"type": "null"}]}


@pytest.mark.parametrize(
    ("changed", "breaks"),
    [
        (a_schema(), None),
        (a_schema(extra={"type": "string"}), None),
        (a_schema(words=["hotel", "cafe", "retail"]), None),
        (a_schema(size={"type": "integer", "minimum": 0, "maximum": 200}), None),
        (a_schema(size=NULLABLE_SIZE), None),
        (a_schema(required=()), None),
        (a_schema(required=("id", "size")), "$.size: is not always there"),
        (a_schema(size=None), "$.size: is not known there"),
        (a_schema(words=["hotel"]), "$.word: cafe is none of hotel"),
        (
            a_schema(size={"type": "integer", "minimum": 2, "maximum": 100}),
            "$.size: minimum 1 is below 2",
        ),
        (
            a_schema(size={"type": "integer", "minimum": 1, "maximum": 99}),
            "$.size: maximum 100 is above 99",
        ),
        (a_schema(size={"type": "string"}), "$.size: integer is not string"),
        (a_schema(name={"type": "string", "maxLength": 200}), "$.name: null is not string"),
        (a_schema(tags={"type": "array", "items": {"type": "integer"}}), "$.tags[]: string is not"),
        (a_schema(id={"type": "string", "format": "email"}), "$.id: format was 'email'"),
        (a_schema(id={"type": "string", "multipleOf": 2}), "nothing is known about multipleOf"),
    ],
)
def test_what_was_accepted_is_accepted(changed: dict[str, Any], breaks: str | None) -> None:
    found = broken_promises(Kind.COMMAND, a_schema(), changed)
    assert bool(found) == (breaks is not None), found
    assert all(breaks and breaks in line for line in found)


@pytest.mark.parametrize(
    ("changed", "breaks"),
    [
        (a_schema(), None),
        (a_schema(extra={"type": "string"}), None),
        (a_schema(required=("id", "size")), None),
        (a_schema(words=["hotel"]), None),
        (a_schema(code={"type": "string", "enum": ["a", "b"]}), None),  # told to be open
        (a_schema(name={"type": "null"}), None),
        (a_schema(required=()), "$.id: is not always there"),
        (a_schema(words=["hotel", "cafe", "retail"]), "$.word: retail is none of hotel, cafe"),
        (a_schema(size=NULLABLE_SIZE), "$.size: null is not integer"),
        (a_schema(size={"type": "number"}), "$.size: number is not integer"),
    ],
)
def test_what_was_understood_is_understood(changed: dict[str, Any], breaks: str | None) -> None:
    found = broken_promises(Kind.EVENT, a_schema(), changed)
    assert bool(found) == (breaks is not None), found
    assert not found or any(breaks and breaks in line for line in found)


def test_every_message_keeps_what_is_published() -> None:
    assert list(FOLDER.glob("*/*.json"))
    assert broken() == []


def test_the_published_files_are_those_of_the_code() -> None:
    """Else: python -m app.documents.schema_files."""
    published = {
        path.relative_to(FOLDER).as_posix(): path.read_text("utf-8")
        for path in FOLDER.glob("*/*.json")
    }
    assert published == dict(schema_files.schema_files())


def test_a_break_is_not_published(tmp_path: Path) -> None:
    publish(tmp_path)
    path = tmp_path / "commands" / "create_booking.json"
    promised = json.loads(path.read_text("utf-8"))
    promised["properties"]["data"]["properties"]["party_size"]["maximum"] = 200
    path.write_text(json.dumps(promised), "utf-8")
    before = path.read_text("utf-8")
    assert publish(tmp_path) == [
        "commands/create_booking.json: $.data.party_size: maximum 200 is above 100"
    ]
    assert path.read_text("utf-8") == before


def test_a_message_that_is_gone_is_a_break(tmp_path: Path) -> None:
    publish(tmp_path)
    (tmp_path / "events" / "booking.moved.json").write_text("{}", "utf-8")
    assert broken(tmp_path) == ["events/booking.moved.json: is not there any more"]


@pytest.mark.parametrize("shape", [s for s in shapes() if s.schema], ids=lambda shape: shape.name)
def test_every_field_of_every_message_is_guarded(shape: Any) -> None:
    """Each field, made something else, is a break; a real one is never lost in a blind spot."""
    for path in list(_fields_of(shape.schema)):
        changed = deepcopy(shape.schema)
        parent = changed
        for step in path[:-1]:
            parent = parent[step]
        parent[path[-1]] = {"type": "array", "items": {"type": "boolean"}}
        assert broken_promises(shape.kind, shape.schema, changed), path


def _fields_of(node: Any, path: tuple[Any, ...] = ()) -> Any:
    if isinstance(node, dict):
        for name in node.get("properties", {}):
            yield (*path, "properties", name)
        for key, value in node.items():
            yield from _fields_of(value, (*path, key))
    elif isinstance(node, list):
        for at, value in enumerate(node):
            yield from _fields_of(value, (*path, at))
