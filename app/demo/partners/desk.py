"""The desk before a service: idempotency keys, ledger, faults and the admin calls; still no I/O."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

import orjson

from app.demo.partners.faults import Fault, Faults
from app.demo.partners.garbage import GARBAGE
from app.demo.partners.service import Answer, Call, Json, Service, refused

# Plain tuples of atoms: the garbage collector stops looking at them, a bench keeps millions.
_Entry: TypeAlias = tuple[str, str | None, str | None, bytes, bool, int, bytes, str | None]
_FIELDS: Final = ("call", "key", "traceparent", "body", "effect", "status", "answer", "fault")


class Request(NamedTuple):
    """One HTTP request, read whole."""

    method: str
    path: str
    key: str | None
    traceparent: str | None
    body: bytes


class Desk:
    """Answers every request to one partner, and writes down what it did."""

    def __init__(self, build: Callable[[], Service], *, keep_ledger: bool = True) -> None:
        self._build = build
        self._keep_ledger = keep_ledger
        self.faults = Faults()
        self.reset()

    def reset(self) -> None:
        """Begin anew: nothing held, nothing known, no faults, an empty ledger."""
        self.service = self._build()
        self.faults.clear()
        self._entries: list[_Entry] = []
        self._effects: dict[tuple[str, str], tuple[bytes, int, bytes]] = {}

    def find(self, request: Request) -> tuple[Call, str, Json] | Answer:
        """The call that a request means, the id in its path and its body; or why there is none."""
        routed = self.service.route(request.method, request.path)
        if routed is None:
            return refused(404, "no_such_call", f"{request.method} {request.path}")
        try:
            body = orjson.loads(request.body) if request.body else {}
        except orjson.JSONDecodeError as broken:
            return refused(400, "not_json", str(broken))
        if not isinstance(body, dict):
            return refused(400, "not_an_object", "the body must be a JSON object")
        return *routed, body

    def answer(
        self, request: Request, call: Call, id_in_path: str, body: Json, fault: str | None = None
    ) -> tuple[int, bytes]:
        """Status and body; an effect is remembered by its key, a refusal is judged afresh."""
        key = request.key
        effect = False
        if key is not None and (done := self._effects.get((call.name, key))):
            first_body, status, answered = done
            if first_body != request.body:
                status, answered = 422, _REUSED
        else:
            status, payload, effect = _ask(call, body, id_in_path)
            answered = orjson.dumps(payload)
            if effect and key is not None:
                self._effects[call.name, key] = (request.body, status, answered)
        self.note(request, call, effect, status, answered, fault)
        return status, answered

    def note(
        self,
        request: Request,
        call: Call,
        effect: bool,
        status: int,
        answered: bytes,
        fault: str | None,
    ) -> None:
        """Write a call into the ledger; status 0 stands for no answer at all."""
        if self._keep_ledger:
            _, _, key, traceparent, body = request
            entry = (call.name, key, traceparent, body, effect, status, answered, fault)
            self._entries.append(entry)

    def ledger(self) -> list[Json]:
        """Every call in the order of arrival."""
        return [
            {
                **dict(zip(_FIELDS, entry, strict=True)),
                "n": n,
                "body": orjson.loads(entry[3]) if entry[3] else {},
                "answer": orjson.loads(entry[6]) if entry[6] else None,
            }
            for n, entry in enumerate(self._entries, start=1)
        ]

    def admin(self, request: Request) -> Answer:
        """The calls below `/_`, with which tests and demos prepare and look."""
        try:
            return self._administered(request)
        except (KeyError, TypeError, ValueError) as wrong:
            return refused(400, "wrong_order", repr(wrong))

    def _administered(self, request: Request) -> Answer:
        match request.method, request.path:
            case "GET", "/_ledger":
                return Answer(200, {"calls": self.ledger()})
            case "DELETE", "/_ledger":
                self._entries.clear()
            case "GET", "/_state":
                return Answer(200, self.service.state())
            case "POST", "/_faults":
                fault = Fault.parse(orjson.loads(request.body))
                if fault.garbage not in GARBAGE:
                    raise ValueError(f"garbage is one of {sorted(GARBAGE)}")
                self.faults.add(fault)
            case "DELETE", "/_faults":
                self.faults.clear()
            case "POST", "/_reset":
                self.reset()
            case "PUT", path:
                self.service.configure(path, orjson.loads(request.body))
            case method, path:
                return refused(404, "no_such_call", f"{method} {path}")
        return Answer(200, {"ok": True})


_REUSED: Final = orjson.dumps(
    {"error": "idempotency_key_reused", "detail": "the same key came with another body before"}
)


def _ask(call: Call, body: Json, id_in_path: str) -> Answer:
    try:
        return call.answer(body, id_in_path)
    except KeyError as missing:
        return refused(400, "missing_field", str(missing.args[0]))
    except (TypeError, ValueError, ArithmeticError) as wrong:
        return refused(400, "wrong_value", str(wrong))
