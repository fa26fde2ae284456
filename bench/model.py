"""How far it goes: from what a create costs each part to the first limit that is met.

`python -m bench.model FILE` takes the figures of `make bench ARGS="workers --json FILE"`. From what
one worker costs it says what several do on the same machine, beside what they did, and what each
part can do on machines of its own.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from bench.parts import SERVERS
from bench.questions.creates import EACH, PER_SECOND
from bench.questions.workers import LOG_BYTES, cpu_of

_LOG_BYTES_A_SECOND: Final = 200e6  # what a good volume takes, fsync and all
_PARTITIONS: Final = 12


@dataclass(frozen=True, slots=True)
class Costs:
    """Of a create with one worker, CPU in milliseconds; what it does a second when alone."""

    worker_ms: float
    servers_ms: Mapping[str, float]
    log_bytes: float
    per_second: float

    @property
    def whole_ms(self) -> float:
        return self.worker_ms + sum(self.servers_ms.values())

    def here(self, workers: int, cores: int) -> float:
        """Creates a second by so many workers that share a machine with everything else.

        The machine's cores are the limit, and before that what one worker does, so many times.
        """
        return min(workers * self.per_second, cores * 1000 / self.whole_ms)


def costs(figures: Sequence[Mapping[str, Any]]) -> Costs:
    """From the medians of the question `workers`. Raises LookupError where they are missing."""
    of = {each["quantity"]: each["median"] for each in figures if each["subject"] == "1 worker"}
    servers = {part: of[cpu_of(part)] for part in SERVERS}
    return Costs(of[EACH], servers, of[LOG_BYTES], of[PER_SECOND])


def limits(of: Costs) -> Iterator[tuple[str, float]]:
    """What each part allows with machines of its own, in creates a second."""
    yield "a worker with a core", min(of.per_second, 1000 / of.worker_ms)
    yield f"{_PARTITIONS} workers, one a partition", _PARTITIONS * of.per_second
    for cores in (4, 16, 64):
        yield f"PostgreSQL, {cores} cores", cores * 1000 / of.servers_ms["postgresql"]
    yield "PostgreSQL's log at 200 MB/s", _LOG_BYTES_A_SECOND / of.log_bytes
    yield "Kafka, 4 cores", 4 * 1000 / of.servers_ms["kafka"]


def main() -> int:
    """Gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.model", description=__doc__)
    parser.add_argument("file", type=Path, help="of the question `workers`")
    told = orjson.loads(parser.parse_args().file.read_bytes())
    figures = [each for each in told["figures"] if each["question"] == "workers"]
    one, cores = costs(figures), told["cores"]
    parts = ", ".join(f"{part} {ms:.3f}" for part, ms in one.servers_ms.items())
    _say(f"CPU ms of a create: worker {one.worker_ms:.3f}, {parts}")
    _say(f"bytes of PostgreSQL's log of a create: {one.log_bytes:,.0f}")
    for each in figures:
        if each["quantity"] == PER_SECOND and each["subject"].endswith(("worker", "workers")):
            number = int(each["subject"].split()[0])
            model = one.here(number, cores)
            _say(
                f"{each['subject']} on {cores} cores: {each['median']:,.0f} a second,"
                f" {each['median'] / model:.2f} of the model's {model:,.0f}"
            )
    for what, rate in limits(one):
        _say(f"{what}: {rate:,.0f} a second")
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
