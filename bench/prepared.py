"""Creates made ready from a pattern: other ids, the same statements, calls and outputs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final
from uuid import UUID, uuid4

import msgspec

from adapters.kafka.partitioning import home_partition
from adapters.kafka.topics import PARTITIONS
from bench.load import timed
from bench.recording import Pattern, Statement

_UUID: Final = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
# Of the audit log; each create begins one of its own. It starts after a quotation mark: tried at
# every letter of what is sealed, it takes minutes.
_CHAIN: Final = r'(?<=")[^"/]+\.commands/\d+'
_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


@dataclass(frozen=True, slots=True)
class Sent:
    """A record and where it goes."""

    topic: str
    partition: int
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to a partner; its body never changes again."""

    partner: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Prepared:
    """All that one create sends. `rows` by transaction and SQL, joined by commas already."""

    rows: Sequence[dict[str, str]]
    rounds: Sequence[Sequence[Asked]]
    outputs: Sequence[Sent]


def prepared(patterns: Sequence[Pattern], number: int, prefix: str) -> list[Prepared]:
    """So many creates, the patterns taking turns, no two with an id in common."""
    texts = [(_replaceable(pattern), msgspec.json.encode(pattern).decode()) for pattern in patterns]
    references = count()
    made: list[Prepared] = []
    for n in range(number):
        replaceable, text = texts[n % len(texts)]
        fresh: dict[str, str] = {}

        def other(found: re.Match[str], fresh: dict[str, str] = fresh) -> str:
            old = found[0]
            if old not in fresh:
                fresh[old] = _like(old, references)
            return fresh[old]

        pattern = msgspec.json.decode(replaceable.sub(other, text), type=Pattern)
        made.append(_ready(pattern, prefix))
    return made


def _replaceable(pattern: Pattern) -> re.Pattern[str]:
    keys = {call.key for calls in pattern.rounds for call in calls}
    named = "|".join(re.escape(each) for each in sorted({*keys, pattern.booking_reference}))
    return re.compile(f"{named}|{_UUID}|{_CHAIN}")


def _like(old: str, references: count[int]) -> str:
    """Another text of the same length and kind."""
    if re.fullmatch(_UUID, old):
        return timed() if UUID(old).version == 7 else str(uuid4())
    if old.startswith("BR-"):
        number, tail = next(references), ""
        for _ in range(len(old) - len("BR-20270301-")):
            number, letter = divmod(number, len(_LETTERS))
            tail += _LETTERS[letter]
        return old[: len("BR-20270301-")] + tail
    return (uuid4().hex + uuid4().hex)[: len(old)]


def _ready(pattern: Pattern, prefix: str) -> Prepared:
    return Prepared(
        [_by_sql(transaction) for transaction in _three(pattern).transactions],
        [
            [
                Asked(call.partner, call.path, {"idempotency-key": call.key}, call.body.encode())
                for call in calls
            ]
            for calls in pattern.rounds
        ],
        [
            Sent(
                f"{prefix}.{out.topic}",
                home_partition(out.key.encode(), PARTITIONS),
                out.key.encode(),
                out.value.encode(),
                [(name, value.encode()) for name, value in out.headers],
            )
            for out in pattern.outputs
        ],
    )


def _by_sql(transaction: Sequence[Statement]) -> dict[str, str]:
    rows: dict[str, list[str]] = {}
    for statement in transaction:
        rows.setdefault(statement.sql, []).extend(statement.rows)
    return {sql: ",".join(each) for sql, each in rows.items()}


def _three(pattern: Pattern) -> Pattern:
    """In three transactions: start, before the first call with an effect, outcome.

    The worker writes down each later call before it makes it, in a transaction more; here those
    statements go along with the outcome.
    """
    start, before, *rest = pattern.transactions
    fence = start[0].sql
    last = [each for each in (s for t in rest for s in t) if each.sql != fence]
    return msgspec.structs.replace(pattern, transactions=(start, before, (rest[-1][0], *last)))
