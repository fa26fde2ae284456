"""What somebody asks the benchmark for, on its command line."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

QUICK: Final = {"rounds": 2, "creates": 3000, "lone": 200}
FULL: Final = {"rounds": 3, "creates": 4000, "lone": 300}


@dataclass(frozen=True, slots=True)
class Asked:
    """Which questions, and how large each is."""

    questions: tuple[str, ...]
    rounds: int
    creates: int
    lone: int
    queries: int
    bookings: tuple[int, ...]
    workers: tuple[int, ...]
    latency_ms: int
    minutes: float
    delivery: str
    json: Path | None
    compare: Path | None
    plots: Path | None


def asked(argv: Sequence[str], known: Mapping[str, str], quick: Sequence[str]) -> Asked:
    """Read the command line; `known` has each question's sentence, `quick` names the short form's.

    Without a question: all of them, or with `--quick` those of the short form.
    """
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="What the worker costs, beside what it would cost otherwise.",
        epilog="questions:\n" + "\n".join(f"  {name:<14}{told}" for name, told in known.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    option = parser.add_argument
    option("questions", nargs="*", metavar="QUESTION", help="those below; none: all of them")
    option("--quick", action="store_true", help=f"{', '.join(quick)} alone, in two minutes")
    option("--rounds", type=_positive, help="of all that take turns")
    option("--creates", type=_positive, help="in a round")
    option("--lone", type=_positive, help="creates sent one after another")
    option("--queries", type=_positive, default=8000, help="of each kind in a round")
    option("--bookings", type=_numbers, default=(0, 1_000_000), help="in the database: 0,1000000")
    option("--workers", type=_numbers, default=(1, 2, 4), help="side by side: 1,2,4")
    option("--latency-ms", type=_positive, default=50, help="of each call to a slow partner")
    option("--minutes", type=float, default=30.0, help="at full rate, while memory is watched")
    option(
        "--delivery",
        choices=("exactly_once", "at_least_once"),
        default="exactly_once",
        help="of the worker; everything else stays what it is",
    )
    option("--json", type=Path, metavar="FILE", help="the figures; default: .bench/TIME.json")
    option("--compare", type=Path, metavar="FILE", help="an earlier --json to stand beside")
    option("--plots", type=Path, metavar="FOLDER", help="a PNG for each question there")
    found = vars(parser.parse_args(argv))
    unknown = [each for each in found["questions"] if each not in known]
    if unknown:
        parser.error(f"unknown question {', '.join(unknown)}; known: {', '.join(known)}")
    is_quick = found.pop("quick")
    for name, size in (QUICK if is_quick else FULL).items():
        found[name] = found[name] or size
    chosen = found["questions"] or (quick if is_quick else known)
    return Asked(**found | {"questions": tuple(each for each in known if each in chosen)})


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, got {number}")
    return number


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(each.replace("_", "")) for each in text.split(","))
