"""What was looked up a moment ago."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable
from contextlib import AbstractContextManager
from typing import Any, Protocol


class Loading(Protocol):
    """A look-up that is going on."""

    def keep(self, key: Hashable, group: Hashable, value: Any) -> None:
        """Remember what it brought, if it is still current."""
        ...

    def is_current(self, group: Hashable) -> bool:
        """Whether nothing was told to have changed in that group since the look-up began."""
        ...


class Cache(Protocol):
    """Values for a short time; a group of them is forgotten when what they tell of has changed."""

    def held(self, key: Hashable, fits: Callable[[Any], bool] = ...) -> Any | None:
        """The value, if there is one and it fits."""
        ...

    def loading(self, groups: Collection[Hashable]) -> AbstractContextManager[Loading]:
        """Begin a look-up of what belongs to these groups."""
        ...
