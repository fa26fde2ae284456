"""A command's partner calls out of its journal: what was asked, what was heard, when, how long."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

# What a call is called on the wire, by what our effects are called; and by answers, for reads of a
# version that kept no times.
_CALLS: Final = {
    "CheckCapacity": ("inventory", "check-availability"),
    "ReserveInventory": ("inventory", "reserve"),
    "UpdateReservation": ("inventory", "update-reservation"),
    "ReleaseInventory": ("inventory", "release"),
    "GetQuote": ("pricing", "calculate"),
    "GetEstimate": ("pricing", "estimate"),
    "CreateIntent": ("payment", "create-intent"),
    "ConfirmIntent": ("payment", "confirm-intent"),
    "FindIntent": ("payment", "find-intent"),
    "RefundPayment": ("payment", "refund"),
    "Capacity": ("inventory", "check-availability"),
    "Quote": ("pricing", "calculate"),
    "Estimate": ("pricing", "estimate"),
    "Intent": ("payment", "find-intent"),
}
# Known from the command itself, secret, or nobody's business here.
_LEFT_OUT: Final = frozenset(
    {"kind", "key", "booking_id", "booking_reference", "venue_id", "venue_type", "guest_id"}
    | {"payment_method_id", "metadata", "client_secret", "may_have_happened"}
)


def calls_of(entries: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """In the order in which they were made; `answer` None: it was never heard."""
    calls: dict[str, dict[str, Any]] = {}
    for entry in entries:
        times = entry.get("times") or [None] * len(entry["heard"])
        for (key, answer), timed in zip(entry["heard"].items(), times, strict=True):
            call = calls.setdefault(key, _call(key, timed[0] if timed else answer["kind"]))
            call["answer"] = {"kind": answer["kind"], **_plain(answer)}
            if timed:
                call |= {"made": _instant(timed[1]), "took_ms": timed[2]}
        for key, asked in entry["asked"].items():
            written = entry.get("written")
            about_to = _instant(written) if written else None
            calls[key] = _call(key, asked["kind"], arguments=_plain(asked), made=about_to)
    return list(calls.values())


def lost_claims_of(entries: Iterable[Mapping[str, Any]]) -> int:
    """How many claims on a slot the command lost to others."""
    return sum(len(entry.get("lost", ())) for entry in entries)


def _call(
    key: str, kind: str, *, arguments: Mapping[str, Any] | None = None, made: str | None = None
) -> dict[str, Any]:
    partner, name = _CALLS.get(kind, ("a partner", "a call"))
    return {
        "partner": partner,
        "call": name,
        "key": key,
        "arguments": arguments or {},
        "made": made,
        "took_ms": None,
        "answer": None,
    }


def _plain(stored: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _value(value)
        for name, value in stored.items()
        if name not in _LEFT_OUT and value is not None
    }


def _value(value: Any) -> Any:
    """Money is stored as amount and currency."""
    if isinstance(value, list) and len(value) == 2 and all(isinstance(v, str) for v in value):
        return " ".join(value)
    return value


def _instant(milliseconds: int) -> str:
    at = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
