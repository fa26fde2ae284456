"""Whether things went as the story says; where not, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from app.demo.script import Answer

if TYPE_CHECKING:
    from app.demo.client import Reply


def outcome(status: int, code: str | None) -> str:
    """A status with its code: "201", "409 slot_unavailable"."""
    return f"{status} {code}" if code else str(status)


def outcome_of(reply: Reply) -> str:
    """What the reply says, in the same words."""
    return outcome(reply.status, reply.error["code"] if reply.error else None)


def deviations(reply: Reply, told: Answer, shows: Mapping[str, Any]) -> Iterator[str]:
    """What is not as told; `shows` is the answer's own, with all placeholders filled in."""
    came, expected = outcome_of(reply), outcome(told.status, told.code)
    if came != expected:
        detail = f" ({reply.error['detail']})" if reply.error else ""
        yield f"the reply is {came}{detail}, not {expected}"
        return
    if reply.replayed is not told.replayed:
        yield "the reply is not a replayed one" if told.replayed else "the reply is a replayed one"
    for path, value in shows.items():
        if (shown := _at(reply.data, path)) != value:
            yield f"{path} is {shown}, not {value}"


def race_deviations(replies: Sequence[Reply], told: Sequence[Answer]) -> Iterator[str]:
    """The outcomes count, not who got which."""
    came = sorted(map(outcome_of, replies))
    expected = sorted(outcome(answer.status, answer.code) for answer in told)
    if came != expected:
        yield f"the replies are {', '.join(came)}, not {', '.join(expected)}"


def event_deviations(name: str, came: Sequence[str], told: Sequence[str]) -> Iterator[str]:
    """All that came and nothing else, in order."""
    if list(came) != list(told):
        yield f"the events of {name} are {_listed(came)}, not {_listed(told)}"


def _listed(types: Sequence[str]) -> str:
    return ", ".join(types) or "none"


def _at(data: Any, path: str) -> Any:
    """The value at a dotted path; None where it ends early."""
    for step in path.split("."):
        try:
            data = data[int(step)] if isinstance(data, list) else data[step]
        except (KeyError, IndexError, TypeError, ValueError):
            return None
    return data
