"""The questions, each in a module of its own."""

from typing import Final

from bench.questions.caches import CACHES
from bench.questions.creates import CREATES
from bench.questions.growth import GROWTH
from bench.questions.lone import LONE
from bench.questions.memory import MEMORY
from bench.questions.queries import QUERIES
from bench.questions.recovery import RECOVERY
from bench.questions.slow_partners import SLOW_PARTNERS
from bench.questions.textbook import TEXTBOOK
from bench.questions.workers import WORKERS
from bench.scene import Question

QUESTIONS: Final[dict[str, Question]] = {
    each.name: each
    for each in (
        CREATES,
        TEXTBOOK,
        LONE,
        QUERIES,
        CACHES,
        GROWTH,
        SLOW_PARTNERS,
        WORKERS,
        RECOVERY,
        MEMORY,
    )
}
QUICK: Final = ("creates", "lone")
