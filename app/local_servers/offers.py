"""The choice among the places a server can come from: the first that has one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

Running = TypeVar("Running")
Offer = Callable[[Callable[[str], None]], AbstractContextManager[Running]]


class NotOffered(Exception):
    """This place has no such server, and why; the next one is asked."""


class ServerUnavailable(Exception):
    """No server is to be had; one line says what was tried."""


@contextmanager
def first_taken(
    what: str, offers: Sequence[Offer[Running]], progress: Callable[[str], None]
) -> Iterator[Running]:
    """The first offer that starts. One that was asked for by name and fails ends the search."""
    refused: list[str] = []
    for offer in offers:
        server = offer(progress)
        try:
            running = server.__enter__()
        except NotOffered as reason:
            refused.append(str(reason))
            continue
        with _closing(server):
            yield running
        return
    raise ServerUnavailable(f"No {what} is to be had: {'; '.join(refused)}")


@contextmanager
def _closing(entered: AbstractContextManager[object]) -> Iterator[None]:
    try:
        yield
    finally:
        entered.__exit__(None, None, None)
