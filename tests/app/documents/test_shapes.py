"""The schemas that others build against describe what the worker takes and sends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft7Validator

from app.documents.shapes import Shape, shapes
from domain.refusal import Code
from schemas.catalogue import Kind, catalogue
from schemas.glossary import CODES, FIELDS
from tests.handlers.world import STAFF, World

SHAPES = shapes()
WITH_SCHEMA = [shape for shape in SHAPES if shape.schema is not None]


def validator(name: str) -> Draft7Validator:
    (shape,) = (shape for shape in SHAPES if shape.name == name)
    assert shape.schema is not None
    return Draft7Validator(shape.schema)


def test_everything_that_others_send_or_read_has_a_shape() -> None:
    names = {shape.name for shape in SHAPES}
    for message in catalogue():
        if message.kind in (Kind.COMMAND, Kind.QUERY):
            assert (message.name in names) is not message.is_internal
            assert (f"{message.name}_reply" in names) is not message.is_internal
        elif message.kind is not Kind.REPLY:
            assert message.name in names


@pytest.mark.parametrize("shape", WITH_SCHEMA, ids=lambda shape: shape.name)
def test_the_examples_are_valid(shape: Shape) -> None:
    assert shape.schema is not None
    assert shape.examples
    Draft7Validator.check_schema(shape.schema)
    for example in shape.examples:
        Draft7Validator(shape.schema).validate(example)


@pytest.mark.parametrize("shape", WITH_SCHEMA, ids=lambda shape: shape.name)
def test_every_field_is_described(shape: Shape) -> None:
    fields = list(_fields(shape.schema))
    assert fields
    assert [name for name, field in fields if not field.get("description")] == []


def test_the_glossary_names_nothing_that_is_not_there() -> None:
    used = {name for shape in WITH_SCHEMA for name, _ in _fields(shape.schema)}
    of_extras = {"allowed", "current_version", "retry_after_seconds"}
    of_the_service = {"attempt", "undo_id", "row_id"}
    assert set(FIELDS) - used <= of_extras | of_the_service
    assert set(CODES) == {code.word for code in Code}


def test_a_field_too_many_or_too_few_is_not_valid() -> None:
    create = validator("create_booking")
    (shape,) = (shape for shape in SHAPES if shape.name == "create_booking")
    sent = dict(shape.examples[0])
    assert not create.is_valid(sent | {"colour": "red"})
    assert not create.is_valid(sent | {"data": {**sent["data"], "colour": "red"}})
    del sent["command_id"]
    assert not create.is_valid(sent)


async def test_what_really_comes_out_is_valid() -> None:
    world = World()
    booking = await world.booked()
    world.update(booking, party_size=4)
    world.move(booking, "confirmed", by=STAFF, payment="at_venue")
    world.cancel(booking, reason="ill")
    world.cancel(booking)  # refused
    await world.settle()
    assert len(world.replies) == 5
    for reply in world.replies:
        validator(f"{reply.body['operation']}_reply").validate(reply.body)
    assert world.events
    for event in world.events:
        validator(event["event_type"]).validate(event)


def _fields(node: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    match node:
        case dict():
            yield from node.get("properties", {}).items()
            for each in node.values():
                yield from _fields(each)
        case list():
            for each in node:
                yield from _fields(each)
