"""What is kept of a run that broke a rule: logs, tables, ledgers and topics, one JSON a line."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from tests.service.feed import Seen
from tests.service.house import TOPICS, House

_DESKS: Final = ("inventory", "pricing", "payment")


async def keep(house: House, seed: int) -> Path:
    """The directory where it lies; nobody removes it."""
    kept = Path(tempfile.mkdtemp(prefix=f"booking-chaos-{seed}-"))
    shutil.copytree(house.logs, kept, dirs_exist_ok=True)
    for table in await house.rows("select tablename as n from pg_tables where schemaname='public'"):
        rows = await house.rows(f'select row_to_json(t)::text as line from "{table["n"]}" t')
        _write(kept / f"table-{table['n']}.jsonl", (row["line"] for row in rows))
    for name in _DESKS:
        desk = getattr(house.partners, name)
        _write(kept / f"ledger-{name}.jsonl", (_line(call) for call in desk.ledger()))
        _write(kept / f"state-{name}.json", [_line(desk.service.state())])
    for topic in TOPICS:
        records = house.feed.records(f"{house.prefix}.{topic}")
        _write(kept / f"topic-{topic}.jsonl", (_line(_told(record)) for record in records))
    return kept


def _write(path: Path, lines: Iterable[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines))


def _line(told: Mapping[str, Any]) -> str:
    return json.dumps(told, default=repr)


def _told(record: Seen) -> dict[str, Any]:
    return {
        "at": [record.partition, record.offset, record.timestamp],
        "key": repr(record.key),
        "value": (record.value or b"")[:20_000].decode("utf-8", "replace"),
        "headers": [[name, repr(value)[:500]] for name, value in record.headers],
    }
