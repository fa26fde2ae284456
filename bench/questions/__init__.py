"""The questions, each in a module of its own."""

from typing import Final

from bench.questions.creates import CREATES
from bench.questions.growth import GROWTH
from bench.questions.lone import LONE
from bench.questions.queries import QUERIES
from bench.questions.textbook import TEXTBOOK
from bench.scene import Question

QUESTIONS: Final[dict[str, Question]] = {
    each.name: each for each in (CREATES, TEXTBOOK, LONE, QUERIES, GROWTH)
}
QUICK: Final = ("creates", "lone")
