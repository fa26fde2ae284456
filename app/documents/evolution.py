"""Whether a changed schema still keeps what was promised to those who hold the published one.

What we receive must still be accepted, so the published schema has to lie within the new one. What
we send must still be understood, so the new one has to lie within the published one; there, fields
may be added, since consumers ignore what they do not know. What cannot be proven counts as broken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.documents.shapes import DEFINITIONS
from schemas.catalogue import Kind

Schema = dict[str, Any]

_RECEIVED: Final = frozenset({Kind.COMMAND, Kind.QUERY})
_SAID: Final = frozenset({"$schema", "title", "description", "examples", "default", "definitions"})
_LOWER: Final = ("minimum", "minLength", "minItems")
_UPPER: Final = ("maximum", "maxLength", "maxItems")
_KNOWN: Final = frozenset(
    {*_SAID, *_LOWER, *_UPPER, "type", "const", "enum", "anyOf", "allOf", "$ref", "properties"}
    | {"required", "additionalProperties", "items", "pattern", "format"}
)
OPEN_WORDS: Final = frozenset({"code"})
"""Fields whose list of words may grow: consumers were told to expect new ones."""


def broken_promises(kind: Kind, published: Schema, changed: Schema) -> list[str]:
    """One line for each promise that the change breaks, with its place; none: compatible."""
    if kind in _RECEIVED:
        within = _Within(published, changed, may_add=False)
        return [f"{where}: {what}" for where, what in within.breaks()]
    within = _Within(changed, published, may_add=True)
    return [f"{where}: {what}" for where, what in within.breaks()]


@dataclass(frozen=True, slots=True)
class _Within:
    """Whether every value of `narrow` is one of `wide`; with `may_add`, but for unknown fields."""

    narrow: Schema
    wide: Schema
    may_add: bool

    def breaks(self) -> Iterator[tuple[str, str]]:
        yield from self._compare(self.narrow, self.wide, "$", "")

    def _compare(
        self, narrow: Schema, wide: Schema, where: str, field: str
    ) -> Iterator[tuple[str, str]]:
        narrow, wide = _resolved(narrow, self.narrow), _resolved(wide, self.wide)
        if unknown := (narrow.keys() | wide.keys()) - _KNOWN:
            yield where, f"nothing is known about {', '.join(sorted(unknown))}"
        elif "anyOf" in narrow:
            for option in narrow["anyOf"]:
                yield from self._compare(option, wide, where, field)
        elif "anyOf" in wide:
            yield from self._any(narrow, wide["anyOf"], where, field)
        else:
            yield from self._plain(narrow, wide, where, field)

    def _any(
        self, narrow: Schema, options: Sequence[Schema], where: str, field: str
    ) -> Iterator[tuple[str, str]]:
        """The breaks against the option that is nearest, none when it is within one of them."""
        tried = [list(self._compare(narrow, option, where, field)) for option in options]
        same = [
            breaks
            for breaks, option in zip(tried, options, strict=True)
            if _type(_resolved(option, self.wide)) == _type(narrow)
        ]
        yield from min(same or tried, key=len)

    def _plain(
        self, narrow: Schema, wide: Schema, where: str, field: str
    ) -> Iterator[tuple[str, str]]:
        if other := _of_type(narrow, wide):
            yield where, other
            return
        yield from _of_words(narrow, wide, where, is_open=field in OPEN_WORDS)
        yield from _of_limits(narrow, wide, where)
        for keyword in ("pattern", "format"):
            if keyword in wide and "const" not in narrow and narrow.get(keyword) != wide[keyword]:
                yield where, f"{keyword} was {wide[keyword]!r}, is {narrow.get(keyword)!r}"
        yield from self._fields(narrow, wide, where)
        yield from self._items(narrow, wide, where)

    def _fields(self, narrow: Schema, wide: Schema, where: str) -> Iterator[tuple[str, str]]:
        mine, theirs = narrow.get("properties", {}), wide.get("properties", {})
        for name in sorted(set(wide.get("required", ())) - set(narrow.get("required", ()))):
            yield f"{where}.{name}", "is not always there"
        for name in sorted(mine.keys() & theirs.keys()):
            yield from self._compare(mine[name], theirs[name], f"{where}.{name}", name)
        if self.may_add:
            return
        is_closed = wide.get("additionalProperties") is False
        for name in sorted(mine.keys() - theirs.keys()) if is_closed else ():
            yield f"{where}.{name}", "is not known there"
        if is_closed and _type(narrow) == "object" and narrow.get("additionalProperties", True):
            yield where, "unknown fields are no longer taken"

    def _items(self, narrow: Schema, wide: Schema, where: str) -> Iterator[tuple[str, str]]:
        mine, theirs = narrow.get("items"), wide.get("items")
        if isinstance(theirs, list) and isinstance(mine, list) and len(mine) == len(theirs):
            for at, (one, other) in enumerate(zip(mine, theirs, strict=True)):
                yield from self._compare(one, other, f"{where}[{at}]", "")
        elif isinstance(theirs, dict) and isinstance(mine, dict):
            yield from self._compare(mine, theirs, f"{where}[]", "")
        elif theirs is not None and mine != theirs:
            yield where, "the items are of another kind"


def _resolved(node: Schema, root: Schema) -> Schema:
    """Without references, and without the `allOf` that only carries one."""
    while True:
        if "$ref" in node:
            node = root["definitions"][node["$ref"].removeprefix(DEFINITIONS)]
        elif len(node.get("allOf", ())) == 1:
            node = {**{k: v for k, v in node.items() if k != "allOf"}, **node["allOf"][0]}
        else:
            return node


def _type(node: Schema) -> object:
    if "type" in node:
        return node["type"]
    words = [node["const"]] if "const" in node else node.get("enum", [])
    return "string" if words and all(isinstance(word, str) for word in words) else None


def _of_type(narrow: Schema, wide: Schema) -> str | None:
    """How the types differ; None where they do not."""
    mine, theirs = _type(narrow), _type(wide)
    if theirs in (None, mine) or (mine, theirs) == ("integer", "number"):
        return None
    return f"{mine or 'anything'} is not {theirs}"


def _of_words(
    narrow: Schema, wide: Schema, where: str, *, is_open: bool
) -> Iterator[tuple[str, str]]:
    theirs = [wide["const"]] if "const" in wide else wide.get("enum")
    if theirs is None or is_open:
        return
    mine = [narrow["const"]] if "const" in narrow else narrow.get("enum")
    if mine is None:
        yield where, f"any word, and not only {', '.join(map(str, theirs))}"
    elif unknown := [str(word) for word in mine if word not in theirs]:
        yield where, f"{', '.join(unknown)} is none of {', '.join(map(str, theirs))}"


def _of_limits(narrow: Schema, wide: Schema, where: str) -> Iterator[tuple[str, str]]:
    if "const" in narrow or "enum" in narrow:
        return
    for keyword in _LOWER:
        if keyword in wide and narrow.get(keyword, float("-inf")) < wide[keyword]:
            yield where, f"{keyword} {narrow.get(keyword, 'none')} is below {wide[keyword]}"
    for keyword in _UPPER:
        if keyword in wide and narrow.get(keyword, float("inf")) > wide[keyword]:
            yield where, f"{keyword} {narrow.get(keyword, 'none')} is above {wide[keyword]}"
