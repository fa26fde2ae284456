"""Keys that an issuer lists and exchanges while the worker runs.

One task alone reads the list (`keep_fresh`): at start, when it has grown old, and when a token
names a key that is not on it, for that at most once a minute, whoever asks. A key holds for as long
as the list that was read last has it. While the list cannot be read, the last one goes on to hold;
whoever needs a key beyond it waits (KeysAway), but not for ever: strangers invent names of keys.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from time import monotonic
from typing import Final, Protocol

import structlog
from jwt import PyJWK

from adapters.tokens.key_set import KeySet, NoKeySet
from adapters.tokens.keys import Algorithm
from handlers.ports import KeysAway

ASKED_EVERY_SECONDS: Final = 60.0
"""At most, because of a `kid`; an issuer has to list a key this long before it signs with it."""
FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 10.0

_log = structlog.get_logger(__name__)


class CannotRead(Exception):
    """The list cannot be had now; the message says why, without where it lies."""


class KeyPlace(Protocol):
    """Where an issuer lists its keys."""

    @property
    def look_every_seconds(self) -> float:
        """How often it is read though nobody asks."""
        ...

    async def read(self) -> bytes:
        """The list as it is now. Raises CannotRead, within seconds."""
        ...


class ListedKeys:
    """The keys of a list; `patience_seconds` is how long an outage keeps records waiting."""

    is_fixed: Final = False

    def __init__(
        self,
        place: KeyPlace,
        algorithm: Algorithm,
        *,
        patience_seconds: float,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._place = place
        self.algorithm: Final[Algorithm] = algorithm
        self._patience_seconds = patience_seconds
        self._clock = clock
        self._listed: KeySet | None = None
        self._text: bytes | None = None
        self._edition = 0
        self._trouble: str | None = None  # why the last try failed
        self._waiting_since: float | None = None  # in this outage, like the next
        self._has_given_in = False
        self._asked_at = float("-inf")
        self._tries = 0
        self._tried = asyncio.Condition()
        self._wanted = asyncio.Event()

    @property
    def edition(self) -> int:
        return self._edition

    def candidates(self, key_id: str | None) -> Sequence[PyJWK]:
        return self._listed.candidates(key_id) if self._listed else ()

    def lacks(self, key_id: str) -> bool:
        return self._listed is None or key_id not in self._listed.by_id

    async def look_for(self, key_ids: Collection[str]) -> None:
        """Read the list once more where that may bring one of them.

        Raises KeysAway when there is no list at all yet, or one of them may be on the list that
        cannot be read now; the latter for `patience_seconds` in one outage, no longer.
        """
        if self._tries == 0 or (any(map(self.lacks, key_ids)) and self._may_ask()):
            await self._next_try()
        if self._trouble is None:
            return
        if self._listed is None:
            raise KeysAway(self._trouble)
        if any(map(self.lacks, key_ids)) and self._is_patient():
            raise KeysAway(self._trouble)

    async def keep_fresh(self) -> None:
        """Runs for as long as the keys are needed; ends only by a bug."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            await self._read()
            self._wanted.clear()  # whoever asked meanwhile has been answered by this try
            async with self._tried:
                self._tries += 1
                self._tried.notify_all()
            if self._trouble is not None:
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
                continue
            pause = FIRST_PAUSE_SECONDS
            try:
                async with asyncio.timeout(self._place.look_every_seconds):
                    await self._wanted.wait()
            except TimeoutError:
                pass

    def _may_ask(self) -> bool:
        """Also when somebody has asked and the answer is on its way: it is everybody's."""
        if self._wanted.is_set():
            return True
        if self._trouble is not None or self._clock() < self._asked_at + ASKED_EVERY_SECONDS:
            return False
        self._asked_at = self._clock()
        return True

    async def _next_try(self) -> None:
        """Whoever is cancelled here leaves the try to the others, and to the next who comes."""
        seen = self._tries
        self._wanted.set()
        async with self._tried:
            await self._tried.wait_for(lambda: self._tries > seen)

    def _is_patient(self) -> bool:
        now = self._clock()
        if self._waiting_since is None:
            self._waiting_since = now
        is_patient = now < self._waiting_since + self._patience_seconds
        if not is_patient and not self._has_given_in:
            self._has_given_in = True
            _log.warning("tokens with unknown keys are refused until the keys can be read again")
        return is_patient

    async def _read(self) -> None:
        try:
            text = await self._place.read()
            if text != self._text or self._listed is None:
                self._take(KeySet.parse(text, self.algorithm))
                self._text = text
        except (CannotRead, NoKeySet) as error:
            if self._trouble is None:
                _log.warning("keys of tokens cannot be read", reason=str(error))
            self._trouble = str(error)
            return
        if self._trouble is not None:
            _log.warning("keys of tokens can be read again")
        self._trouble = self._waiting_since = None
        self._has_given_in = False

    def _take(self, found: KeySet) -> None:
        """Raises NoKeySet for a first list without any key: it would refuse everybody."""
        if self._listed is None and found.is_empty:
            raise NoKeySet(f"no key in it can be used for {self.algorithm}")
        before = self._listed.by_id.keys() if self._listed else set[str]()
        self._listed = found
        self._edition += 1
        _log.info(
            "keys of tokens",
            added=sorted(found.by_id.keys() - before),
            removed=sorted(before - found.by_id.keys()),
            unusable=found.unusable,
        )
