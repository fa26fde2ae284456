"""What commands say: results on stdout, everything else on stderr.

Strangers' words go through `field` or `shown` on their way to people, and nobody else's do. Then
nothing in them moves a terminal's cursor, ends a line, or becomes a formula in a spreadsheet
(docs/decisions/0090).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson

# Columns are two spaces or more apart: what begins one is what a spreadsheet looks at. The last
# four are the full-width forms, which some of them read like the others.
_FORMULA: Final = re.compile("(^ *|  +)([=+@\uff1d\uff0b\uff0d\uff20-])")
_NOT_PLAIN: Final = re.compile(r"[^\x20-\x7e\n]")


def say(text: str) -> None:
    """A result, for people and pipes alike."""
    print(text, flush=True)  # noqa: T201  # this is where printing is done


def escaped(text: str) -> str:
    """A stranger's words for a terminal: nothing in them moves its cursor or colours it."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def field(value: object) -> str:
    """A stranger's words as a column of what people read and paste: escaped, and where they begin
    like a formula, behind an apostrophe.
    """
    return _FORMULA.sub(r"\1'\2", escaped(str(value)))


def shown(value: Any) -> Any:
    """The same of all texts in a JSON value."""
    match value:
        case str():
            return field(value)
        case Mapping():
            return {field(name): shown(inner) for name, inner in value.items()}
        case list() | tuple():
            return [shown(inner) for inner in value]
        case _:
            return value


def remark(text: str) -> None:
    """Something beside the result: a warning, a hint, an error."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201  # this is where printing is done


def say_json(value: Any, *, pretty: bool = False) -> None:
    """A result for programs, on one line unless `pretty`."""
    say(json_text(value, pretty=pretty))


def json_text(value: Any, *, pretty: bool = False) -> str:
    """Exactly the value, for programs; but a terminal that it lands on sees no control characters:
    those that JSON would let stand are written as its escapes.
    """
    text = orjson.dumps(value, option=orjson.OPT_INDENT_2 if pretty else 0).decode()
    return _NOT_PLAIN.sub(_as_json_escape, text)


def _as_json_escape(found: re.Match[str]) -> str:
    char = found[0]
    if char.isprintable():
        return char
    utf_16 = char.encode("utf-16-be").hex()
    return "".join(f"\\u{utf_16[at : at + 4]}" for at in range(0, len(utf_16), 4))


def warn(notices: Iterable[str]) -> None:
    """What was noticed about the settings."""
    for notice in notices:
        remark(f"booking: warning: {notice}")
