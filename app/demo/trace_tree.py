"""A trace as a tree of lines: what happened below what, when it began and how long it took."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from app.demo.spans import SeenSpan

_NAME = 46


def tree(spans: Sequence[SeenSpan], root: str, began: int) -> Iterator[str]:
    """The spans below the one with the id `root`; times are milliseconds since `began`.

    A call stands below the stage in which it was made, as far as the times tell.
    """
    below: defaultdict[str, list[SeenSpan]] = defaultdict(list)
    for span in sorted(spans, key=lambda one: (one.began, -one.ended)):
        below[_stage_of(span, spans) or span.parent].append(span)
    yield f"{'':<{_NAME}}{'began':>10}{'took':>10}"
    yield from _lines(below, root, began, "")


def _stage_of(call: SeenSpan, spans: Sequence[SeenSpan]) -> str | None:
    if not call.is_call:
        return None
    beside = (each for each in spans if each.parent == call.parent and not each.is_call)
    return next((each.id for each in beside if each.began <= call.began < each.ended), None)


def _lines(
    below: defaultdict[str, list[SeenSpan]], parent: str, began: int, indent: str
) -> Iterator[str]:
    for span in below[parent]:
        name = f"{indent}{span.name}{_said(span)}"
        start, took = (span.began - began) / 1e6, (span.ended - span.began) / 1e6
        yield f"{name:<{_NAME}}{start:>7.1f} ms{took:>7.1f} ms"
        yield from _lines(below, span.id, began, f"{indent}  ")


def _said(span: SeenSpan) -> str:
    said = span.said.get("booking.status") or span.said.get("booking.result")
    return f"  {said}" if said else ""
