"""The benchmark: Kafka, PostgreSQL, stand-in partners and the worker, all real, on this machine.

What is compared takes turns, so that a noisy machine is noisy for all. The exit code is 1 when a
reply is missing, too many or not what it should be; a missed target is shown, and no failure.
"""

from __future__ import annotations

import asyncio
import logging
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from app.local_servers import ServerUnavailable
from bench.asked import Asked, asked
from bench.comparing import changes
from bench.figures import Answer
from bench.machine import circumstances, load_average
from bench.plots import plot
from bench.questions import QUESTIONS, QUICK
from bench.report import Printed, remark
from bench.running import run, wrong_in
from bench.targets import TARGETS, judged


def main() -> int:
    """Gives the exit code."""
    wanted = asked(sys.argv[1:], {name: each.asks for name, each in QUESTIONS.items()}, QUICK)
    earlier = orjson.loads(wanted.compare.read_bytes()) if wanted.compare else None
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # new topics take it a moment
    around = circumstances(shlex.join(["python", "-m", "bench", *sys.argv[1:]]))
    try:
        answers, around["postgresql"] = asyncio.run(run(wanted, QUESTIONS))
    except ServerUnavailable as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    figures = [each for answer in answers for each in answer.figures]
    verdicts, wrong = judged(TARGETS, figures), wrong_in(answers)
    told = {
        **around,
        "load_average_after": load_average(),
        "figures": [each.as_json() for each in figures],
        "courses": {each.question: each.courses for each in answers if each.courses},
        "targets": [each.as_json() for each in verdicts],
        "wrong": wrong,
    }
    _print(answers, earlier, told)
    printed = Printed()
    printed.verdicts(verdicts)
    printed.wrong(wrong)
    _keep(wanted, answers, told)
    return 1 if wrong else 0


def _print(answers: list[Answer], earlier: dict[str, Any] | None, told: dict[str, Any]) -> None:
    printed = Printed()
    for answer in answers:
        printed.answer(answer, QUESTIONS[answer.question].asks)
    if earlier is not None:
        figures = [each for answer in answers for each in answer.figures]
        printed.changes(changes(earlier, figures), earlier["date"])


def _keep(wanted: Asked, answers: list[Answer], told: dict[str, Any]) -> None:
    file = wanted.json or Path(".bench") / f"{datetime.now(UTC):%Y%m%d-%H%M%S}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2))
    remark(f"raw figures: {file}")
    if wanted.plots is not None:
        wanted.plots.mkdir(parents=True, exist_ok=True)
        for answer in answers:
            plot(answer, wanted.plots / f"{answer.question}.png")


if __name__ == "__main__":
    sys.exit(main())
