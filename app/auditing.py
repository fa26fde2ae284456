"""The audit log read as a whole or in part, with what a look at it has to say."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import orjson

from adapters.database.audit_reads import open_audit_reads
from adapters.database.settings import DatabaseSettings
from handlers.audit_chain import Anchor, Break, ChainKeys, Verifier
from handlers.ports import Head

_MOST_BREAKS: Final = 100
_TOLD_EVERY: Final = 2_000


@dataclass(frozen=True, slots=True)
class Verified:
    """What a look at the whole log found."""

    entries: int
    heads: Mapping[str, Head]
    breaks: Sequence[Break]
    gave_up: bool  # after so many breaks that the rest was not read
    seconds: float

    @property
    def is_whole(self) -> bool:
        return not self.breaks

    def as_json(self) -> dict[str, Any]:
        """`heads` is what can be kept and expected later."""
        return {
            "is_whole": self.is_whole,
            "entries": self.entries,
            "seconds": round(self.seconds, 3),
            "breaks": [asdict(each) for each in self.breaks],
            "gave_up": self.gave_up,
            "heads": [
                {"chain": chain, "sequence": head.sequence, "hash": head.hash}
                for chain, head in self.heads.items()
            ],
        }


def anchors_of(kept: bytes) -> list[Anchor]:
    """The heads in what `booking audit verify --json` printed. Raises ValueError."""
    try:
        return [
            Anchor(str(head["chain"]), int(head["sequence"]), str(head["hash"]))
            for head in orjson.loads(kept)["heads"]
        ]
    except (KeyError, TypeError) as error:
        raise ValueError(f"expected heads, got {error!r}") from error


async def verified(
    database: DatabaseSettings,
    keys: ChainKeys,
    anchors: Sequence[Anchor],
    pruned: Sequence[Anchor],
    advance: Callable[[int, int], None],
) -> Verified:
    """Reads page by page. Raises DatabaseAway."""
    began, verifier, breaks = time.monotonic(), Verifier(keys, anchors, pruned), list[Break]()
    async with open_audit_reads(database) as reads:
        length = await reads.count()
        async for row in reads.chain_by_chain():
            if broken := verifier.take(row):
                breaks.append(broken)
            if verifier.entries % _TOLD_EVERY == 0:
                advance(verifier.entries, max(length, verifier.entries))
            if len(breaks) >= _MOST_BREAKS:
                break
    gave_up = len(breaks) >= _MOST_BREAKS
    breaks += [] if gave_up else verifier.missing()
    return Verified(verifier.entries, verifier.heads, breaks, gave_up, time.monotonic() - began)
