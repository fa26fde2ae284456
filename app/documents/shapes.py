"""The JSON Schema (draft 7) of each message's whole value, with a description of every field.

Draft 7 is what AsyncAPI 3 and the generators of other languages read without being told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from schemas import examples
from schemas.catalogue import Kind, Message, catalogue
from schemas.glossary import FIELDS
from schemas.models import EventShown
from schemas.replies import CommandReply, QueryReply

Schema = dict[str, Any]

DIALECT: Final = "http://json-schema.org/draft-07/schema#"
DEFINITIONS: Final = "#/definitions/"
UNREADABLE_REPLY: Final = "unreadable_reply"
_ID: Final = {Kind.COMMAND: "command_id", Kind.QUERY: "query_id"}
_UUID: Final = {"type": "string", "format": "uuid"}


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of record as others see it; `schema` stands alone, with definitions of its own."""

    name: str
    kind: Kind
    topic: str  # after the prefix and a dot
    key: str
    summary: str
    headers: Mapping[str, str]
    schema: Schema | None  # None: the value is whatever came
    examples: tuple[Mapping[str, Any], ...]
    answers: str | None = None  # of a reply: the command or query


def shapes() -> tuple[Shape, ...]:
    """All that others send or receive, in the catalogue's order; not what is the service's own."""
    return tuple(_all())


def reply_name(asked: str) -> str:
    """What the reply to a command or query is called."""
    return f"{asked}_reply"


def _all() -> Iterator[Shape]:
    messages = catalogue()
    replying = next(message for message in messages if message.kind is Kind.REPLY)
    asked = [m for m in messages if m.kind in _ID and not m.is_internal]
    for message in asked:
        yield _shape(message, _asking_schema(message), (_example(message),))
    for message in asked:
        yield _reply(message, replying)
    yield _unreadable(replying)
    for message in messages:
        if message.kind is Kind.EVENT:
            yield _shape(message, _event_schema(message), (_example(message),))
        elif message.kind is Kind.DEAD_LETTER:
            yield _shape(message, None, ())


def _shape(message: Message, schema: Schema | None, shown: tuple[Mapping[str, Any], ...]) -> Shape:
    return Shape(
        message.name,
        message.kind,
        message.topic,
        message.key,
        message.summary,
        message.headers,
        schema,
        shown,
    )


def _example(message: Message) -> Mapping[str, Any]:
    if message.example is None:
        raise ValueError(f"the catalogue shows no example of {message.name}")
    return message.example


def _asking_schema(message: Message) -> Schema:
    id_name = _ID[message.kind]
    properties: Schema = {"type": {"const": message.name}, id_name: dict(_UUID)}
    if message.kind is Kind.COMMAND:
        properties["idempotency_key"] = {
            "anyOf": [{"type": "string", "minLength": 1, "maxLength": 255}, {"type": "null"}]
        }
    whole = {
        "type": "object",
        "properties": properties | {"data": _of_model(message.model)},
        "required": ["type", id_name, "data"],
        "additionalProperties": False,
    }
    return _finished(whole, message.name, message.summary)


def _reply(message: Message, replying: Message) -> Shape:
    is_command = message.kind is Kind.COMMAND
    name = reply_name(message.name)
    whole = _of_model(CommandReply if is_command else QueryReply)
    whole["properties"]["operation"] = {"const": message.name}
    whole["properties"][_ID[message.kind]] = dict(_UUID)
    whole["properties"]["data"] = {"anyOf": [_of_model(message.reply_data), {"type": "null"}]}
    summary = f"The answer to `{message.name}`, or why it was refused."
    shown = (examples.reply(message.name), examples.refused(message.name))
    schema = _finished(whole, name, summary)
    return Shape(
        name,
        Kind.REPLY,
        replying.topic,
        replying.key,
        summary,
        replying.headers,
        schema,
        shown,
        message.name,
    )


def _unreadable(replying: Message) -> Shape:
    """No command or query could be read, so that neither its id nor its type is known."""
    whole = _of_model(CommandReply)
    null = {"type": "null"}
    whole["properties"] |= {"operation": null, "data": null, "command_id": null}
    whole["properties"]["query_id"] = null
    whole["required"] = [name for name in whole["required"] if name != "command_id"]
    summary = "The answer to a record that could not be read, where its correlation id could."
    return Shape(
        UNREADABLE_REPLY,
        Kind.REPLY,
        replying.topic,
        replying.key,
        summary,
        replying.headers,
        _finished(whole, UNREADABLE_REPLY, summary),
        (examples.unreadable_reply(),),
    )


def _event_schema(message: Message) -> Schema:
    whole = _of_model(EventShown)
    whole["properties"]["event_type"] = {"const": message.name}
    whole.get("$defs", {}).pop("EventType", None)
    return _finished(whole, message.name, message.summary)


def _of_model(model: type[BaseModel] | None) -> Schema:
    if model is None:
        raise ValueError("the catalogue names no model")
    return deepcopy(model.model_json_schema(ref_template=DEFINITIONS + "{model}"))


def _finished(whole: Schema, name: str, summary: str) -> Schema:
    """In draft 7, definitions on top, every field described, title and summary of its own."""
    definitions: Schema = {}
    body: Schema = _rewritten(whole, definitions)
    body |= {"title": "".join(part.title() for part in name.replace(".", "_").split("_"))}
    body |= {"description": summary}
    used = _used(body, definitions)
    ordered = {
        "$schema": DIALECT,
        "title": body.pop("title"),
        "description": body.pop("description"),
    }
    definitions = {each: definitions[each] for each in sorted(used)}
    return ordered | body | ({"definitions": definitions} if definitions else {})


def _rewritten(node: Any, definitions: Schema) -> Any:
    if isinstance(node, list):
        return [_rewritten(each, definitions) for each in node]
    if not isinstance(node, dict):
        return node
    for name, definition in node.get("$defs", {}).items():
        definitions[name] = _rewritten(definition, definitions)
    rewritten: Schema = {}
    for keyword, value in node.items():
        match keyword:
            case "$defs" | "prefixItems":
                continue
            case "properties":
                rewritten[keyword] = {
                    name: _described(name, _rewritten(field, definitions))
                    for name, field in value.items()
                }
            case "default" | "examples" | "enum" | "const" | "required":
                rewritten[keyword] = value
            case _:
                rewritten[keyword] = _rewritten(value, definitions)
    if "prefixItems" in node:  # a pair, as draft 7 writes it
        rewritten["items"] = _rewritten(node["prefixItems"], definitions)
    return rewritten


def _described(name: str, field: Schema) -> Schema:
    """Pydantic's title only repeats the name. Draft 7 has no siblings of a $ref: it is wrapped."""
    field = {keyword: value for keyword, value in field.items() if keyword != "title"}
    if field.get("default", ...) is None:
        del field["default"]
    meaning = field.pop("description", None) or FIELDS.get(name)
    if meaning is None:
        raise ValueError(f"schemas/glossary.py does not say what {name} means")
    if "$ref" in field:
        field = {"allOf": [field]}
    return {"description": meaning} | field


def _used(node: Any, definitions: Schema) -> set[str]:
    found: set[str] = set()
    waiting = [node]
    while waiting:
        match waiting.pop():
            case dict() as each:
                name = str(each.get("$ref", "")).removeprefix(DEFINITIONS)
                if name in definitions and name not in found:
                    found.add(name)
                    waiting.append(definitions[name])
                waiting.extend(each.values())
            case list() as each:
                waiting.extend(each)
    return found
