"""Domain values as stored JSON, exact in both directions: answers, calls, what is owed, who asked.

Every value carries its `kind`, the class's name, so a class that is renamed needs its old name kept
here for as long as rows of it may lie in a database. Unknown kinds and fields raise: a row that
this version cannot read must not be half understood.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import fields
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Final, Union, cast, get_args, get_origin, get_type_hints
from uuid import UUID

import orjson

from domain.effects import PartnerAnswer, PartnerCall
from domain.money import Money
from domain.principal import Principal
from domain.undo import Owed
from schemas.ids import id_from

_KINDS: Final[dict[str, type]] = {
    kind.__name__: kind
    for union in (PartnerAnswer, PartnerCall, Owed, Principal)
    for kind in get_args(union)
}


def dump(parts: Mapping[str, Any], *, hiding: Set[str] = frozenset()) -> str:
    """JSON text of an object with answers and calls anywhere in it; fields of theirs that are
    called so are told as null.
    """

    def told(value: Any) -> Any:
        written = _written(value)
        if isinstance(written, dict):
            for name in hiding:
                if name in written:
                    written[name] = None
        return written

    return _to_text(parts, told if hiding else _written)


def answer_from_json(stored: Mapping[str, Any]) -> PartnerAnswer:
    """Raises ValueError when it is not a partner's answer."""
    return cast("PartnerAnswer", _from_json(stored, PartnerAnswer))


def call_from_json(stored: Mapping[str, Any]) -> PartnerCall:
    """Raises ValueError when it is not a partner call."""
    return cast("PartnerCall", _from_json(stored, PartnerCall))


def dump_owed(owed: Owed) -> str:
    """JSON text for a column of its own."""
    return _to_text(owed, _written)


def load_owed(text: str) -> Owed:
    """Raises ValueError when it is not something owed."""
    return cast("Owed", _from_json(orjson.loads(text), Owed))


def dump_principal(principal: Principal) -> str:
    """JSON text for a column of its own."""
    return _to_text(principal, _written)


def load_principal(text: str) -> Principal:
    """Raises ValueError when it is not a principal."""
    return cast("Principal", _from_json(orjson.loads(text), Principal))


# --- writing: by the value's own class; ids, times, enums and plain JSON are orjson's ---


def _to_text(value: object, default: Callable[[Any], Any]) -> str:
    return orjson.dumps(value, default=default, option=orjson.OPT_PASSTHROUGH_DATACLASS).decode()


def _written(value: Any) -> dict[str, Any] | list[str]:
    """One level of it, as orjson asks for it."""
    kind: Any = type(value)
    if kind is Money:
        return [str(value.amount), value.currency]
    if kind is frozenset:
        return sorted(map(str, value))
    written = {"kind": kind.__name__}
    for name in _field_names(kind):
        written[name] = getattr(value, name)
    return written


@cache
def _field_names(kind: type) -> tuple[str, ...]:
    if kind.__name__ not in _KINDS:
        raise TypeError(f"expected a value that is stored, got {kind.__name__}")
    return tuple(field.name for field in fields(kind))


# --- reading: by the types that the class declares ---


def _from_json(stored: object, union: Any) -> Any:
    if not isinstance(stored, Mapping):
        raise ValueError(f"expected a stored object, got {type(stored).__name__}")  # noqa: TRY004  # one error for all that is unreadable
    kind = _kinds(union).get(str(stored.get("kind")))
    if kind is None:
        raise ValueError(f"expected one of {union}, got kind {stored.get('kind')!r}")
    readers = _readers(kind)
    if stored.keys() != _written_names(kind):
        raise ValueError(f"stored {kind.__name__} has the fields {sorted(stored)}")
    try:
        return kind(*[read(stored[name]) for name, read in readers.items()])
    except (TypeError, LookupError, ArithmeticError) as error:
        raise ValueError(f"stored {kind.__name__} cannot be read: {error}") from error


@cache
def _kinds(union: Any) -> Mapping[str, type]:
    return {kind.__name__: kind for kind in get_args(union) if kind.__name__ in _KINDS}


@cache
def _written_names(kind: type) -> Set[str]:
    return frozenset(("kind", *_field_names(kind)))


@cache
def _readers(kind: type) -> dict[str, Callable[[Any], Any]]:
    hints = get_type_hints(kind)
    return {name: _reader(hints[name]) for name in _field_names(kind)}


def _reader(hint: Any) -> Callable[[Any], Any]:
    if get_origin(hint) in (Union, UnionType):
        (inner,) = (_reader(arm) for arm in get_args(hint) if arm is not NoneType)
        return lambda value: None if value is None else inner(value)
    if hint in _READERS:
        return _READERS[hint]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint
    if isinstance(hint, type) and hint.__name__ in _KINDS:
        return lambda value: _from_json(value, hint | None)
    return lambda value: value


_READERS: Final[dict[Any, Callable[[Any], Any]]] = {
    UUID: id_from,
    datetime: datetime.fromisoformat,
    date: date.fromisoformat,
    Money: lambda pair: Money(Decimal(pair[0]), pair[1]),
    frozenset[UUID]: lambda ids: frozenset(map(UUID, ids)),
}
