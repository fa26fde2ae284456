"""A record as it is shown: on one line of JSON for programs, in colours for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson
from rich.text import Text

from app.cli.printing import escaped, field, shown
from handlers.ports import Record
from schemas.letters import about

_STYLES: Final = {2: "green", 4: "yellow", 5: "red"}


def as_json(record: Record) -> dict[str, Any]:
    """All of it; bytes that are no UTF-8 are escaped."""
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": record.sent.isoformat().replace("+00:00", "Z"),
        "key": _text(record.key),
        "headers": {_name(name): _text(value) for name, value in record.headers},
        "value": read_value(record.value),
    }


def as_line(record: Record) -> Text:
    """What a reader looks for first: when, what, about which booking, how it went."""
    value = shown(read_value(record.value))
    line = Text(f"{record.sent:%H:%M:%S.%f}"[:-3], style="dim")
    if (told := about(record.headers)) and "reason" in told:
        line.append(f"  {field(told['reason'])}", style="red")
        source = "/".join(told.get(f"source_{each}", "?") for each in ("topic", "partition"))
        place = f"{source}@{told.get('source_offset', '?')}"
        return line.append(f"  {field(place)}: {field(told.get('detail', ''))}")
    if not isinstance(value, dict):
        return line.append(f"  {escaped(repr(record.value))}")
    if "event_type" in value:
        return _event(line, value)
    return _reply(line, value)


def read_value(value: bytes | None) -> Any:
    """The JSON value, or the text when it is none, or deeper than it could be written again."""
    try:
        read = orjson.loads(value or b"null")
        orjson.dumps(read)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return _text(value)
    return read


def _event(line: Text, event: Mapping[str, Any]) -> Text:
    told = event.get("payload")
    payload = told if isinstance(told, Mapping) else {}
    line.append(f"  {event['event_type']!s:<22}", style="cyan")
    line.append(f"  {payload.get('booking_reference')}", style="bold")
    line.append(f" v{payload.get('booking_version')}  {payload.get('status')}")
    line.append(f"  {payload.get('booking_time')}  {payload.get('total_price')}")
    return line.append(f" {payload.get('currency')}  by {payload.get('changed_by')}")


def _reply(line: Text, reply: Mapping[str, Any]) -> Text:
    status = reply.get("status")
    style = _STYLES.get(status // 100, "") if isinstance(status, int) else ""
    line.append(f"  {status}", style=style).append(f"  {reply.get('operation')}", style="cyan")
    error, shown = reply.get("error"), reply.get("data")
    if isinstance(error, dict):
        return line.append(f"  {error.get('code')}: {error.get('detail')}", style=style)
    if isinstance(shown, dict) and "booking_reference" in shown:
        line.append(f"  {shown['booking_reference']} v{shown.get('version')}", style="bold")
        line.append(f"  {shown.get('status')}")
    return line


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "backslashreplace")


def _name(name: str) -> str:
    """Bytes that are no text, which came as lone surrogates, are escaped."""
    return name.encode("utf-8", "backslashreplace").decode()
