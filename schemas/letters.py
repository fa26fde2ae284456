"""Dead letters' own headers, and what a sealed value among them is bound to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

PREFIX: Final = "dlq_"
SEALED: Final = "dlq_sealed"
"""Says with whose key: `guest` or `service`."""
_PLACE: Final = ("topic", "partition", "offset", "timestamp")


def about(headers: tuple[tuple[str, bytes | None], ...]) -> dict[str, str]:
    """The headers of ours by their names without the prefix."""
    return {
        name.removeprefix(PREFIX): (value or b"").decode("utf-8", "backslashreplace")
        for name, value in headers
        if name.startswith(PREFIX)
    }


def bound_to(told: Mapping[str, str]) -> str:
    """The place that the letter's record came from; `told` as `about` gives it."""
    return "/".join(("dead-letter", *(told.get(f"source_{each}", "") for each in _PLACE)))
