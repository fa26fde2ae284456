"""Statements that take all their rows as one JSON document, in the words of either dialect.

One parameter per statement costs the worker a quarter of what arrays of values do (decision 0030),
and PostgreSQL's json_to_recordset and SQLite's json_each read the same document.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import orjson
from sqlalchemy import Column, Dialect, Table, TextClause, bindparam, text
from sqlalchemy.sql.elements import KeyedColumnElement
from sqlalchemy.sql.selectable import TextualSelect
from sqlalchemy.types import Integer, Text

from adapters.database.column_types import instant_text

Statement = TextClause | TextualSelect
Document = Sequence[Mapping[str, object]]


class Documents:
    """Makes statements with a single parameter `rows`, and the text that goes into it."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._is_postgresql = dialect.name == "postgresql"
        # SQLite compares instants as text and so needs all of them in one width.
        self._options = 0 if self._is_postgresql else orjson.OPT_PASSTHROUGH_DATETIME

    def dump(self, rows: Document) -> str:
        """The document; ids, instants, days, amounts and enum values as their text."""
        return orjson.dumps(rows, default=_text, option=self._options).decode()

    def rows(self, columns: Iterable[Column[Any]], alias: str = "r") -> str:
        """A FROM item of the document's rows with these columns, and `ord`, if the rows have it."""
        return self.rows_typed({column.name: column for column in columns}, alias)

    def rows_typed(self, columns: Mapping[str, Column[Any] | type], alias: str = "r") -> str:
        """The same with names that differ from the columns' own; `int` and `str` are types too."""
        if self._is_postgresql:
            kinds = ", ".join(f"{name} {self._kind(column)}" for name, column in columns.items())
            return f"json_to_recordset(cast(:rows as json)) as {alias}({kinds})"
        values = ", ".join(f"json_extract(value, '$.{name}') as {name}" for name in columns)
        return f"(select {values} from json_each(:rows)) as {alias}"

    def half_of(self, name: str) -> str:
        """An expression: the first 128 bits of a hash in hex, as an id."""
        if self._is_postgresql:
            return f"cast(substr({name}, 1, 32) as uuid)"
        parts = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))  # as ids are written there
        return " || '-' || ".join(f"substr({name}, {start}, {length})" for start, length in parts)

    def contains(self, text: str, id_: str) -> str:
        """A condition: this id stands in that text, as ids are written."""
        if self._is_postgresql:
            return f"strpos({text}, cast({id_} as text)) > 0"
        return f"instr({text}, {id_}) > 0"

    def first_of_each(self, rows: str, table: Table, *, where: str, order: str, most: str) -> str:
        """A query: for each row `q` of a document its `ord` with the table's first `most` rows."""
        if self._is_postgresql:
            found = f"select * from {table.name} where {where} order by {order} limit {most}"
            return f"select q.ord, found.* from {rows} cross join lateral ({found}) as found"
        numbered = f"row_number() over (partition by q.ord order by {order})"
        found = f"select q.ord, {table.name}.*, {numbered} <= {most} as is_first"
        return f"select * from ({found} from {rows} join {table.name} on {where}) where is_first"

    def select(self, sql: str, *columns: KeyedColumnElement[Any]) -> TextualSelect:
        """A query whose result has these columns, in this order, each read by its type."""
        return self.statement(sql).columns(*columns)

    def statement(self, sql: str) -> TextClause:
        clause = text(sql)
        return clause.bindparams(bindparam("rows", type_=Text())) if ":rows" in sql else clause

    def insert(
        self,
        table: Table,
        *,
        leaving_out: Iterable[str] = (),
        conflict: str = "",
        returning: Sequence[KeyedColumnElement[Any]] = (),
    ) -> Statement:
        """Insert the rows in their order; `conflict` is what follows ON CONFLICT."""
        columns = [column for column in table.c if column.name not in set(leaving_out)]
        names = ", ".join(column.name for column in columns)
        # "where true": without it SQLite takes ON for a join's.
        sql = f"insert into {table.name} ({names}) select {names} from {self.rows(columns)}"
        if conflict:
            sql += f" where true on conflict {conflict}"
        if not returning:
            return self.statement(sql)
        return self.select(f"{sql} returning {_names(table.name, returning)}", *returning)

    def update(
        self,
        table: Table,
        key: Column[Any],
        names: Iterable[str],
        *,
        only_if: str = "true",
        returning: Sequence[KeyedColumnElement[Any]] = (),
    ) -> Statement:
        """Set these columns of the row that each of the document's names by `key`."""
        columns = [table.c[name] for name in names]
        changes = ", ".join(f"{column.name} = r.{column.name}" for column in columns)
        sql = (
            f"update {table.name} set {changes} from {self.rows([key, *columns])}"
            f" where {table.name}.{key.name} = r.{key.name} and {only_if}"
        )
        if not returning:
            return self.statement(sql)
        return self.select(f"{sql} returning {_names(table.name, returning)}", *returning)

    def delete(
        self, table: Table, *keys: Column[Any], returning: Sequence[KeyedColumnElement[Any]] = ()
    ) -> Statement:
        """Delete every row that equals one of the document's in `keys`."""
        names = ", ".join(key.name for key in keys)
        sql = f"delete from {table.name} where ({names}) in (select {names} from {self.rows(keys)})"
        if not returning:
            return self.statement(sql)
        return self.select(f"{sql} returning {_names(table.name, returning)}", *returning)

    def delete_in_order(self, table: Table, *keys: Column[Any]) -> Statement:
        """The same, locked in the order of the keys before: a DELETE alone takes rows in whatever
        order its plan has, and two of them could wait in a ring.
        """
        names = ", ".join(key.name for key in keys)
        found = f"select {names} from {table.name} where ({names}) in"
        lock = f" order by {names} for update" if self._is_postgresql else ""
        return self.statement(
            f"delete from {table.name} where ({names}) in"
            f" ({found} (select {names} from {self.rows(keys)}){lock})"
        )

    def find(self, table: Table, *keys: Column[Any]) -> TextualSelect:
        """Every row that equals one of the document's in `keys`."""
        names = ", ".join(key.name for key in keys)
        return self.select(
            f"select {_names(table.name, list(table.c))} from {table.name}"
            f" where ({names}) in (select {names} from {self.rows(keys)})",
            *table.c,
        )

    def _kind(self, column: Column[Any] | type) -> str:
        if isinstance(column, Column):
            return column.type.compile(self._dialect)
        return (Integer() if column is int else Text()).compile(self._dialect)


def _names(table: str, columns: Sequence[KeyedColumnElement[Any]]) -> str:
    return ", ".join(f"{table}.{column.key}" for column in columns)


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return instant_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Enum):
        return str(value.value)
    raise TypeError(f"expected a value that a column holds, got {type(value).__name__}")
