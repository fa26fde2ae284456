"""Every byte that is left: in the database's files, in topics, in logs, in what tools printed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from app.local_servers import LocalServers
from app.local_servers.guarded_process import GuardedProcess
from tests.service.house import House

_CLEAR_BY_CONTRACT: Final = (".commands-", ".queries-", ".replies")
"""Topics in which clients and the service talk; docs/privacy.md says how long that is kept."""


@dataclass(frozen=True, slots=True)
class Found:
    """A mark where none may be."""

    mark: str
    where: str


def leaks(
    marks: Sequence[str], house: House, servers: LocalServers, printed: Iterable[tuple[str, bytes]]
) -> tuple[list[Found], int]:
    """All of them, and how many bytes were searched."""
    found, searched = [], 0
    for where, content in (*_files(house, servers), *_ledgers(house), *printed):
        searched += len(content)
        found += [Found(each, where) for each in marks if each.encode() in content]
    return found, searched


def _files(house: House, servers: LocalServers) -> Iterator[tuple[str, bytes]]:
    kafka, postgres = servers.kafka.machinery, servers.postgres.machinery
    assert isinstance(kafka, GuardedProcess)
    assert isinstance(postgres, GuardedProcess)
    roots = (postgres.directory / "cluster", kafka.directory / "log", house.logs)
    for path in (*(p for root in roots for p in root.rglob("*")), kafka.log, postgres.log):
        if path.is_file() and not _is_clear(path, house.prefix):
            yield str(path), path.read_bytes()


def _is_clear(path: Path, prefix: str) -> bool:
    return any(path.parent.name.startswith(f"{prefix}{each}") for each in _CLEAR_BY_CONTRACT)


def _ledgers(house: House) -> Iterator[tuple[str, bytes]]:
    """What partners were told."""
    partners = house.partners
    for name, desk in (
        ("inventory", partners.inventory),
        ("pricing", partners.pricing),
        ("payment", partners.payment),
    ):
        yield (
            f"partner {name}",
            json.dumps([_without_method(row) for row in desk.ledger()]).encode(),
        )


def _without_method(row: Any) -> Any:
    """How a guest pays is for the payment service."""
    body = {k: v for k, v in row["body"].items() if k != "payment_method_id"}
    return row | {"body": body}
