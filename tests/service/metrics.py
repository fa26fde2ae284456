"""A worker's page of figures, as Prometheus reads it."""

from __future__ import annotations

import asyncio
import socket
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from schemas.instruments import prometheus_name
from schemas.measures import Measure

Series = dict[str, list[tuple[dict[str, str], float]]]


def a_port() -> int:
    """One that nobody has."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


async def series_at(port: int) -> Series:
    """Every series by its name, with labels and value."""
    found: Series = {}
    for family in text_string_to_metric_families(await asyncio.to_thread(_page, port)):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((dict(sample.labels), sample.value))
    return found


async def figure(port: int, measure: Measure, **labels: str) -> float:
    """The sum over all series that carry these labels; 0 when there is none."""
    series = (await series_at(port)).get(prometheus_name(measure), [])
    return sum(value for said, value in series if said.items() >= labels.items())


def _page(port: int) -> str:
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
        return str(page.read().decode())
