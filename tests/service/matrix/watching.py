"""Inside a worker: the boundaries that one command comes to, and what befalls it there."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from signal import SIGKILL, Signals

from handlers.ports import Record


class Watch:
    """Counts only while the batch in hand holds the watched command: its record has `needle`.

    Each boundary is written as a line of `trace` before anything else happens there. A boundary is
    known by its name, since the order of partner calls that run side by side is chance.
    """

    def __init__(
        self, needle: str, blows: Mapping[str, Signals], trace: Path, dies_of: str | None = None
    ) -> None:
        self._needle = needle.encode()
        self._blows = blows
        self._dies_of = dies_of
        self._trace = os.open(trace, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._reached: Counter[str] = Counter()
        # Inherited by every task that the batch starts, and by no other.
        self._is_in_hand: ContextVar[bool] = ContextVar("is_in_hand", default=False)

    @contextmanager
    def batch(self, records: Sequence[Record]) -> Iterator[None]:
        """These records are in hand while the block runs."""
        token = self._is_in_hand.set(any(self._needle in (r.value or b"") for r in records))
        try:
            yield
        finally:
            self._is_in_hand.reset(token)

    def reach(self, name: str) -> None:
        """The watched command has come to this boundary, perhaps to the last of this process."""
        if not self._is_in_hand.get():
            return
        self._reached[name] += 1
        if (times := self._reached[name]) > 1:
            name = f"{name} ({times})"
        os.write(self._trace, f"{name}\n".encode())
        if name in self._blows:
            os.kill(os.getpid(), self._blows[name])

    def made(self, call: object) -> None:
        """A partner has done this: the death of whoever may not survive it, whatever the batch."""
        if self._dies_of is not None and re.match(self._dies_of, repr(call)):
            os.kill(os.getpid(), SIGKILL)
