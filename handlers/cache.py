"""Short memories for queries, which forget what an event tells to have changed.

They serve only while somebody hears the events: a memory that nobody corrects remembers nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final

from opentelemetry.metrics import Counter

from schemas.events import changed_by

_MOST: Final = 20_000


@dataclass(frozen=True, slots=True)
class _Entry:
    value: Any
    group: Hashable
    until: float


@dataclass(slots=True)
class _Loading:
    """Implements the port Loading; `changed` are groups that were forgotten since it began."""

    cache: ShortCache
    changed: set[Hashable] = field(default_factory=set)
    is_void: bool = False

    def keep(self, key: Hashable, group: Hashable, value: Any) -> None:
        if self.is_current(group):
            self.cache.keep(key, group, value)

    def is_current(self, group: Hashable) -> bool:
        return not self.is_void and group not in self.changed


class ShortCache:
    """Implements the port Cache: bounded, and each value for `seconds`."""

    def __init__(
        self,
        name: str,
        seconds: float,
        lookups: Counter,
        clock: Callable[[], float] = monotonic,
        most: int = _MOST,
    ) -> None:
        self._name = name
        self._seconds = seconds
        self._lookups = lookups
        self._clock = clock
        self._most = most
        self._is_corrected = False
        self._entries: dict[Hashable, _Entry] = {}  # in the order in which their time is over
        self._groups: dict[Hashable, set[Hashable]] = {}
        self._loading: dict[Hashable, list[_Loading]] = {}

    def held(self, key: Hashable, fits: Callable[[Any], bool] = lambda _: True) -> Any | None:
        """Each question is counted, as hit or as miss."""
        entry = self._entries.get(key)
        if entry is not None and entry.until <= self._clock():
            self._drop(key)
            entry = None
        value = entry.value if entry is not None and fits(entry.value) else None
        self._lookups.add(1, {"cache": self._name, "result": "miss" if value is None else "hit"})
        return value

    @contextmanager
    def loading(self, groups: Collection[Hashable]) -> Iterator[_Loading]:
        load, distinct = _Loading(self), set(groups)
        for group in distinct:
            self._loading.setdefault(group, []).append(load)
        try:
            yield load
        finally:
            for group in distinct:
                others = [each for each in self._loading[group] if each is not load]
                if others:
                    self._loading[group] = others
                else:
                    self._loading.pop(group)

    def keep(self, key: Hashable, group: Hashable, value: Any) -> None:
        if not self._is_corrected:
            return
        now = self._clock()
        self._drop(key)
        while self._entries:
            first, oldest = next(iter(self._entries.items()))
            if oldest.until > now and len(self._entries) < self._most:
                break
            self._drop(first)
        self._entries[key] = _Entry(value, group, now + self._seconds)
        self._groups.setdefault(group, set()).add(key)

    def forget(self, group: Hashable) -> None:
        """Something of it has changed: also what is being looked up of it is not to be kept."""
        for key in self._groups.pop(group, ()):
            del self._entries[key]
        for load in self._loading.get(group, ()):
            load.changed.add(group)

    def corrected(self, is_corrected: bool) -> None:
        """Whether from now on every change is told. What was not told may be anything."""
        self._is_corrected = is_corrected
        self._entries.clear()
        self._groups.clear()
        for loads in self._loading.values():
            for load in loads:
                load.is_void = True

    def _drop(self, key: Hashable) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            keys = self._groups[entry.group]
            keys.discard(key)
            if not keys:
                del self._groups[entry.group]


@dataclass(frozen=True, slots=True)
class Corrections:
    """Hears the events for all memories; a group is a venue's id or a booking's reference."""

    caches: Sequence[ShortCache]

    def hears(self, is_heard: bool) -> None:
        """Whether from now on every event comes."""
        for cache in self.caches:
            cache.corrected(is_heard)

    def changed(self, event: bytes | None) -> None:
        """One event's value. What cannot be read may tell of anything."""
        try:
            groups = changed_by(event)
        except ValueError:
            self.hears(True)
            return
        for cache in self.caches:
            for group in groups:
                cache.forget(group)
