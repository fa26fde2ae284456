"""Column types that hold the same values on PostgreSQL and SQLite, and compare the same way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Date, DateTime, Dialect, Numeric, Text, Uuid
from sqlalchemy.types import TypeDecorator, TypeEngine

from schemas.ids import id_from


def instant_text(at: datetime) -> str:
    """Always the same width and in UTC, so that the order of the text is the order of time."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def standard_id(value: UUID) -> UUID:
    """Of the standard class; asyncpg's is one of its own, which orjson and pickle do not know."""
    return id_from(value.bytes)


class NativeOrText(TypeDecorator[Any]):
    """The native type on PostgreSQL; on SQLite text, made and read by the functions.

    `standardise`, if there is one, turns PostgreSQL's value into the standard library's; without
    it the driver's values pass untouched, at no cost.
    """

    impl = Text
    cache_ok = True

    def __init__(
        self,
        native: TypeEngine[Any],
        to_text: Callable[[Any], str],
        from_text: Callable[[str], Any],
        standardise: Callable[[Any], Any] | None = None,
    ) -> None:
        super().__init__()
        self.native = native
        self.to_text = to_text
        self.from_text = from_text
        self.standardise = standardise

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return self.native if dialect.name == "postgresql" else Text()

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return value if value is None or dialect.name == "postgresql" else self.to_text(value)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:
        read = self.standardise if dialect.name == "postgresql" else self.from_text
        return None if read is None else lambda value: None if value is None else read(value)


# As text in lower case with hyphens, which sorts the same.
ID: Final = NativeOrText(Uuid(), str, UUID, standard_id)
# Of a row that we named ourselves and only look for among ours: the driver's id, which equals it.
KNOWN_ID: Final = NativeOrText(Uuid(), str, UUID)
INSTANT: Final = NativeOrText(DateTime(timezone=True), instant_text, datetime.fromisoformat)
DAY: Final = NativeOrText(Date(), date.isoformat, date.fromisoformat)
# SQLite's numbers are binary fractions.
AMOUNT: Final = NativeOrText(Numeric(), str, Decimal)
