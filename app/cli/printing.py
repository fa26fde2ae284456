"""What commands say: results on stdout, everything else on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import orjson


def say(text: str) -> None:
    """A result, for people and pipes alike."""
    print(text, flush=True)  # noqa: T201  # this is where printing is done


def escaped(text: str) -> str:
    """A stranger's words for a terminal: nothing in them moves its cursor or colours it."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def remark(text: str) -> None:
    """Something beside the result: a warning, a hint, an error."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201  # this is where printing is done


def say_json(value: Any, *, pretty: bool = False) -> None:
    """A result for programs, on one line unless `pretty`."""
    option = orjson.OPT_INDENT_2 if pretty else 0
    say(orjson.dumps(value, option=option).decode())


def warn(notices: Iterable[str]) -> None:
    """What was noticed about the settings."""
    for notice in notices:
        remark(f"booking: warning: {notice}")
