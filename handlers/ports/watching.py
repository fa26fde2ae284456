"""Who looks on while a batch is done; nothing that is done depends on it."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from typing import Protocol


class Stage(StrEnum):
    """What a batch spends its time with."""

    INTAKE = "intake"
    SURVEY = "survey"
    RECALL = "recall"
    QUESTIONS = "questions"
    PARTNERS = "partners"
    RECORD = "record"
    PUBLISH = "publish"


class Onlooker(Protocol):
    """What the Kafka side tells of the batch that the handlers have just done."""

    def at(self, stage: Stage) -> None:
        """The stage begins, and the one before it ends."""
        ...

    def published(self, partitions: Collection[int]) -> None:
        """The outputs of these are committed, with the offsets behind them: they count now."""
        ...

    def comes_again(self, partitions: Collection[int]) -> None:
        """The records of these will be delivered again; nothing of them counts yet."""
        ...


class Unseen:
    """Implements Onlooker where nobody looks on."""

    def at(self, stage: Stage) -> None:
        pass

    def published(self, partitions: Collection[int]) -> None:
        pass

    def comes_again(self, partitions: Collection[int]) -> None:
        pass
