"""How entries are linked, and how one sees that a link was changed, taken out or put in.

An entry's hash is an HMAC-SHA-256 over all its columns, the hash of the entry before it in its
chain among them. Pure: no clock, no database (docs/audit.md).
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import itemgetter
from typing import Final
from uuid import UUID

import orjson

from handlers.ports import AuditEntry, AuditRow, Head

FORMAT: Final = "booking audit 1"
"""What is hashed begins with it; another set of columns needs another one."""
COLUMNS: Final = (
    *("chain", "sequence", "at", "kind", "role", "subject", "operation", "outcome", "code"),
    *("effect", "message_id", "topic", "partition", "log_offset", "timestamp_ms"),
    *("booking_id", "booking_reference", "guest_id", "venue_id", "version", "shown"),
    *("key_id", "previous"),
)
"""What is hashed, in this order; the column `hash` holds what comes out."""
_in_order: Final = itemgetter(*COLUMNS)
ALLOWED: Final = "allowed"
REFUSED: Final = "refused"
BEGINNING: Final = Head(0, "0" * 64)
"""What the first entry of a chain follows."""


def canonical(row: AuditRow) -> bytes:
    """A JSON array of text, whole numbers and nulls: other values never give the same bytes."""
    return orjson.dumps((FORMAT, *_in_order(row)))


def _keyed(key: bytes) -> hmac.HMAC:
    """What every row's hash with it begins with."""
    return hmac.new(key, digestmod="sha256")


def _mac(keyed: hmac.HMAC, row: AuditRow) -> str:
    of_row = keyed.copy()
    of_row.update(canonical(row))
    return of_row.hexdigest()


@dataclass(frozen=True, slots=True)
class ChainKeys:
    """32 bytes each, by id; the first one is written with, all of them are verified with."""

    keys: Mapping[str, bytes] = field(repr=False)

    @property
    def current(self) -> tuple[str, bytes]:
        return next(iter(self.keys.items()))

    def hash(self, row: AuditRow) -> str | None:
        """What the row's hash has to be; None when its key is not among these."""
        key = self.keys.get(str(row["key_id"]))
        return None if key is None else _mac(_keyed(key), row)


def place_of(row: AuditRow) -> int:
    """Its `sequence`. Raises ValueError for what no column of numbers can hold."""
    return int(str(row["sequence"]))


def linked(
    entries: Sequence[AuditEntry], at: datetime, heads: Mapping[str, Head], keys: ChainKeys
) -> list[AuditRow]:
    """The entries in their order, each behind its chain's head or the entry before it."""
    last = dict(heads)
    rows: list[AuditRow] = []
    key_id, key = keys.current
    keyed = _keyed(key)
    written = at.astimezone(UTC).isoformat(timespec="microseconds")
    for entry in entries:
        head = last.get(entry.chain, BEGINNING)
        row = _row(entry)
        row["sequence"] = head.sequence + 1
        row["at"] = written
        row["key_id"] = key_id
        row["previous"] = head.hash
        row["hash"] = hash_ = _mac(keyed, row)
        last[entry.chain] = Head(head.sequence + 1, hash_)
        rows.append(row)
    return rows


def _row(entry: AuditEntry) -> dict[str, UUID | str | int | None]:
    at = entry.at
    return {
        "chain": entry.chain,
        "kind": entry.kind,
        "role": entry.role,
        "subject": entry.subject,
        "operation": entry.operation,
        "outcome": ALLOWED if entry.code is None else REFUSED,
        "code": entry.code,
        "effect": entry.effect,
        "message_id": entry.message_id,
        "topic": at.topic if at else None,
        "partition": at.partition if at else None,
        "log_offset": at.offset if at else None,
        "timestamp_ms": at.timestamp_ms if at else None,
        "booking_id": entry.booking_id,
        "booking_reference": entry.booking_reference,
        "guest_id": entry.guest_id,
        "venue_id": entry.venue_id,
        "version": entry.version,
        "shown": ",".join(map(str, entry.shown)) if entry.shown else None,
    }


@dataclass(frozen=True, slots=True)
class Anchor:
    """A head that was kept elsewhere."""

    chain: str
    sequence: int
    hash: str


@dataclass(frozen=True, slots=True)
class Break:
    """An entry that is not what was written there, or not there at all."""

    chain: str
    sequence: int
    why: str

    def __str__(self) -> str:
        return f"{self.chain} #{self.sequence}: {self.why}"


class Verifier:
    """Takes the rows chain by chain in their order, each chain in one go."""

    def __init__(
        self,
        keys: ChainKeys,
        anchors: Iterable[Anchor] = (),
        pruned: Iterable[Anchor] = (),
        cuts: Iterable[Anchor] = (),
    ) -> None:
        """All anchors have to be met; only before those of `pruned` and `cuts` may anything be
        missing. What lies before a cut may be on its way out, and begin anywhere.
        """
        self._keys = keys
        cuts = list(cuts)
        self._cut_at: dict[str, int] = {}
        for each in cuts:
            self._cut_at[each.chain] = max(each.sequence, self._cut_at.get(each.chain, 0))
        self._pruned = {(each.chain, each.sequence): each.hash for each in (*pruned, *cuts)}
        self._anchors = self._pruned | {(a.chain, a.sequence): a.hash for a in anchors}
        self.heads: dict[str, Head] = {}
        self.entries = 0

    def take(self, row: AuditRow) -> Break | None:
        """What is wrong with this row; the next one is judged by what stands in it all the same."""
        chain, sequence, hash_ = str(row["chain"]), place_of(row), str(row["hash"])
        why = self._place(chain, sequence, row) or self._content(row)
        if why is None and self._anchors.get((chain, sequence), hash_) != hash_:
            why = "another entry stood here when the anchor was made"
        self.entries += 1
        self.heads[chain] = Head(sequence, hash_)
        return Break(chain, sequence, why) if why else None

    def _place(self, chain: str, sequence: int, row: AuditRow) -> str | None:
        """Whether it follows the entry before it, or may be the first one that is kept."""
        head = self.heads.get(chain, BEGINNING)
        if sequence == head.sequence + 1:
            return None if row["previous"] == head.hash else "does not follow from the one before"
        if chain in self.heads:
            return f"expected #{head.sequence + 1} here: entries are missing"
        if self._pruned.get((chain, sequence)) == row["hash"]:
            return None
        if sequence < self._cut_at.get(chain, 0):
            return None
        return "the chain begins here, what came before is gone and was not pruned up to here"

    def _content(self, row: AuditRow) -> str | None:
        expected = self._keys.hash(row)
        if expected is None:
            return f"its key {row['key_id']} is not among BOOKING_AUDIT__KEYS"
        # Bytes, not text: whatever somebody wrote there, it is to be told and not to raise.
        same = hmac.compare_digest(expected.encode(), str(row["hash"]).encode("utf-8", "replace"))
        return None if same else "is not what was written"

    def missing(self) -> list[Break]:
        """Anchors that the chains do not reach; those older than what is kept say nothing."""
        found = []
        for chain, sequence in sorted(self._anchors):
            head = self.heads.get(chain)
            if head is None:
                why = "the whole chain is gone, an anchor names it"
                found.append(Break(chain, sequence, why))
            elif head.sequence < sequence:
                why = f"is gone, an anchor names it: the chain ends at #{head.sequence}"
                found.append(Break(chain, sequence, why))
        return found
