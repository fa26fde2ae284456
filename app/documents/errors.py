"""The table of error codes, in Markdown."""

from __future__ import annotations

from typing import Final

from domain.refusal import Code
from schemas.glossary import CODES

_YES: Final = "yes"


def errors_table() -> str:
    """By status; within one in the order of contract 6."""
    rows = [
        f"| {code.status} | `{code.word}` | {CODES[code.word]} | {_YES if code.retryable else ''} |"
        for code in sorted(Code, key=lambda code: code.status)
    ]
    return "\n".join(["| status | code | when | retryable |", "|---|---|---|---|", *rows])
