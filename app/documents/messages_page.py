"""docs/messages.md: every message on one page, for reading on the web.

`python -m app.documents.messages_page` writes it again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from app.documents.errors import errors_table
from app.documents.schema_files import file_name
from app.documents.shapes import DEFINITIONS, Shape, shapes
from schemas.catalogue import Kind

PAGE: Final = Path(__file__).parents[2] / "docs" / "messages.md"
_INTRODUCTION: Final = """\
# Every message

Made from `schemas/catalogue.py`; a test keeps this page and the code in step. The same as
[AsyncAPI](asyncapi.md), and as a JSON Schema for each message in `docs/schemas`. How records are
read, and what may change, is told in [messages](wire.md) and [evolution](evolution.md).
"""
_PARTS: Final = {
    Kind.COMMAND: ("Commands", "To `booking.commands`, keyed by `venue_id` in lower case."),
    Kind.QUERY: ("Queries", "To `booking.queries`, with any key."),
    Kind.REPLY: ("Replies", "To the topic that `reply_to` names, else to `booking.replies`."),
    Kind.EVENT: ("Events", "From `booking.events`, keyed by `booking_id`; read them committed."),
    Kind.DEAD_LETTER: ("Dead letters", "In `booking.dead-letter`, for operators."),
}


def messages_page() -> str:
    """The page as Markdown."""
    return "\n".join((_INTRODUCTION, *_parts(), "## Errors\n", errors_table(), ""))


def _parts() -> Iterator[str]:
    everything = shapes()
    for kind, (title, where) in _PARTS.items():
        of_kind = [shape for shape in everything if shape.kind is kind]
        yield f"## {title}\n\n{where}\n"
        yield _headers_table(of_kind[0])
        for shape in of_kind:
            yield _section(shape)
        if kind in (Kind.REPLY, Kind.EVENT):
            yield from _shared(of_kind)


def _headers_table(shape: Shape) -> str:
    rows = [f"| `{name}` | {meaning} |" for name, meaning in shape.headers.items()]
    return "\n".join(["| header | meaning |", "|---|---|", *rows, ""])


def _section(shape: Shape) -> str:
    lines = [f"### {shape.name}\n", f"{shape.summary}\n"]
    if shape.schema is None:
        return "\n".join(lines)
    lines += [f"[JSON Schema](schemas/{file_name(shape)})\n"]
    if shape.kind in (Kind.COMMAND, Kind.QUERY):
        lines += [_fields_table(shape.schema["properties"]["data"], "data.", _definitions(shape))]
    elif shape.kind is Kind.REPLY:
        data = shape.schema["properties"]["data"]
        lines += [f"`data` is {_kind_of(data, _definitions(shape))}.\n"]
    example = json.dumps(shape.examples[0], indent=2, ensure_ascii=False)
    is_long = shape.kind is Kind.EVENT and shape.name != "booking.created"
    return "\n".join([*lines, *(() if is_long else (f"```json\n{example}\n```\n",))])


def _shared(of_kind: list[Shape]) -> Iterator[str]:
    """What their messages are made of, each once."""
    definitions: dict[str, Any] = {}
    for shape in of_kind:
        definitions |= _definitions(shape)
    for name, definition in sorted(definitions.items()):
        if "properties" in definition:
            yield f"### {name}\n\n{definition.get('description', '')}\n"
            yield _fields_table(definition, "", definitions)


def _definitions(shape: Shape) -> dict[str, Any]:
    definitions: dict[str, Any] = (shape.schema or {}).get("definitions", {})
    return definitions


def _fields_table(schema: dict[str, Any], prefix: str, definitions: dict[str, Any]) -> str:
    required = schema.get("required", ())
    rows = [
        f"| `{prefix}{name}` | {_kind_of(field, definitions)} |"
        f" {'yes' if name in required else ''} | {field['description']} |"
        for name, field in schema["properties"].items()
    ]
    return "\n".join(["| field | is | always there | meaning |", "|---|---|---|---|", *rows, ""])


def _kind_of(field: dict[str, Any], definitions: dict[str, Any]) -> str:
    """In words, in one line; short lists of words are told where they are used."""
    match field:
        case {"anyOf": options}:
            return " or ".join(_kind_of(option, definitions) for option in options)
        case {"allOf": [one]}:
            return _kind_of(one, definitions)
        case {"$ref": where}:
            name = str(where).removeprefix(DEFINITIONS)
            if "properties" in definitions[name]:
                return f"[{name}](#{name.lower()})"
            return _kind_of(definitions[name], definitions)
        case {"const": word}:
            return f"`{word}`"
        case {"enum": words}:
            return ", ".join(f"`{word}`" for word in words)
        case {"items": dict() as each}:
            return f"list of {_kind_of(each, definitions)}"
    return str(field.get("format", field.get("type", "anything"))) + _limits(field)


def _limits(field: dict[str, Any]) -> str:
    low = field.get("minimum", field.get("minLength", 0))
    high = field.get("maximum", field.get("maxLength"))
    of_what = " characters" if field.get("type") == "string" else ""
    if high is None:
        return f" from {low}" if low else ""
    return f" of {low} to {high}{of_what}" if of_what else f" from {low} to {high}"


if __name__ == "__main__":
    PAGE.write_text(messages_page(), "utf-8")
