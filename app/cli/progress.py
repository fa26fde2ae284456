"""How far a long command has come: a bar on a terminal, a line now and then everywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from app.cli.printing import remark

Advance = Callable[[int, int], None]
"""Takes how much is done and how much there is."""

_LINE_EVERY_SECONDS: Final = 5.0


@contextmanager
def progress(what: str, *, quiet: bool = False) -> Iterator[Advance]:
    """What the block calls as it goes on; on stderr, so that results can be piped."""
    if quiet:
        yield lambda done, of: None
    elif sys.stderr.isatty():
        yield from _bar(what)
    else:
        yield _lines(what)


def _bar(what: str) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


def _lines(what: str) -> Advance:
    last = time.monotonic()

    def advance(done: int, of: int) -> None:
        nonlocal last
        if (now := time.monotonic()) - last >= _LINE_EVERY_SECONDS:
            last = now
            remark(f"{what}: {done} of {of}")

    return advance
