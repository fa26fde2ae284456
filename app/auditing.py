"""The audit log read as a whole, with what a look at it has to say; and its oldest part removed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

import orjson

from adapters.database.audit_cutting import open_audit_cutting
from adapters.database.audit_reads import open_audit_reads
from adapters.database.settings import DatabaseSettings
from app.operators import OperatorsLog, deed
from handlers.audit_chain import Anchor, Break, ChainKeys, Verifier
from handlers.audit_cuts import anchor_of, is_signed, signed
from handlers.ports import Effect, Head

_MOST_BREAKS: Final = 100
_TOLD_EVERY: Final = 2_000


class CannotCut(Exception):
    """The log is not whole: what is wrong with it would go with what is removed."""


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
    began, breaks = time.monotonic(), list[Break]()
    async with open_audit_reads(database) as reads:
        cuts = await reads.cuts()
        meant = [anchor_of(each) for each in cuts if is_signed(each, keys)]
        breaks += [
            Break(each.chain, each.at.sequence, "a cut here is not signed")
            for each in cuts
            if not is_signed(each, keys)
        ]
        verifier = Verifier(keys, anchors, pruned, meant)
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


async def cut(
    log: OperatorsLog, before: datetime, *, is_rehearsal: bool, advance: Callable[[int, int], None]
) -> Mapping[str, int]:
    """Remove what was written before then, but for each chain's last entry; gives the first entry
    that is kept of every chain that was cut. May be stopped at any moment and run again.

    Raises CannotCut, DatabaseAway, DatabaseRefuses for whoever does not own the table.
    """
    whole = await verified(log.database, log.keys, (), (), lambda *_: None)
    if not whole.is_whole:
        raise CannotCut(f"the audit log is not whole, run booking audit verify: {whole.breaks[0]}")
    async with open_audit_cutting(log.database) as cutting:
        first = await cutting.first_kept(before)
        kept = {chain: head for chain, head in first.items() if head.sequence > 1}
        total = await cutting.count(kept)
        told = {chain: head.sequence for chain, head in kept.items()} if total else {}
        if is_rehearsal or not total:
            return told
        await log.write(deed("audit cut", Effect.CUT))
        await cutting.sign([signed(chain, head, log.keys) for chain, head in kept.items()])
        done = 0
        for chain, head in kept.items():
            while removed := await cutting.remove(chain, head):
                done += removed
                advance(done, total)
    return told
