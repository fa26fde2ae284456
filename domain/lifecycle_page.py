"""The lifecycle's page of the documentation, made from its table, so that it cannot go stale."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from domain.lifecycle import ACTIVE, LIFECYCLE, Action, Status
from domain.rules import Rules

_PAGE: Final = """\
# The lifecycle of a booking

<!-- Made from domain/lifecycle.py: python -m tests.domain.write_lifecycle_page -->

```mermaid
{diagram}
```

A booking holds its slot while it is {active}. The other statuses are final: the slot is free again
and what was held at the inventory service is released. A cancellation gives back what was paid by
the venue type's policy, an expiry all of it; a no-show and a completed stay keep it.

| action | who and when | from | to |
|---|---|---|---|
{rows}

Anything else is `invalid_transition`, and so is the status that a booking has already. The times
are settings; these are their defaults. The rules in words: [rules.md](rules.md).
"""


def lifecycle_page() -> str:
    """The whole page as Markdown: the diagram, and who may take each step."""
    return _PAGE.format(
        diagram="\n".join(_diagram()), active=_listed(ACTIVE), rows="\n".join(_rows())
    )


def _who(action: Action) -> str:
    defaults = Rules()
    match action:
        case Action.CONFIRM:
            return "guest before the start (pays); business and admin at any time"
        case Action.CHECK_IN:
            return f"business, admin; from {_text(defaults.check_in_early)} before the start"
        case Action.COMPLETE:
            return "business, admin"
        case Action.CANCEL:
            return "guest before start and check-in; business and admin at any time"
        case Action.MARK_NO_SHOW:
            return f"business, admin; from {_text(defaults.no_show_grace)} after the start"
        case Action.EXPIRE:
            return "the service itself, when nobody confirmed in time"


def _text(length: timedelta) -> str:
    return f"{length / timedelta(minutes=1):g} minutes"


def _diagram() -> list[str]:
    steps = [f"    {start} --> {to}: {action}" for (start, action), to in LIFECYCLE.items()]
    final = [f"    {status} --> [*]" for status in Status if status not in ACTIVE]
    return ["stateDiagram-v2", f"    [*] --> {Status.PENDING}: create", *steps, *final]


def _rows() -> list[str]:
    return [
        f"| {action} | {_who(action)} | {_listed(_starts(action))} | {_end(action)} |"
        for action in Action
    ]


def _starts(action: Action) -> frozenset[Status]:
    return frozenset(start for start, taken in LIFECYCLE if taken is action)


def _end(action: Action) -> Status:
    (end,) = {to for (_, taken), to in LIFECYCLE.items() if taken is action}
    return end


def _listed(statuses: frozenset[Status]) -> str:
    names = [status.value for status in Status if status in statuses]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
