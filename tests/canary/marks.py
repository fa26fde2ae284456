"""Marked data: strings that stand nowhere else, each for one thing that must not lie about."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from secrets import token_bytes, token_hex
from typing import Any

from tests.service.builders import a_create, in_hours

_SALT = token_hex(4)


def mark(what: str) -> str:
    """Found again as these bytes, in whatever file."""
    return f"canary{_SALT}{what}"


@dataclass(frozen=True, slots=True)
class Secrets:
    """What only the settings may hold."""

    signing: str = mark("signing-key-of-32-characters-or-more")
    auth: str = mark("auth-secret-of-32-characters-or-more")
    seal: str = field(default_factory=lambda: b64encode(token_bytes(32)).decode())
    partner: str = mark("token-for-partners")

    def settings(self) -> dict[str, str]:
        return {
            "BOOKING_SIGNING__KEY": self.signing,
            "BOOKING_AUTH__SECRET": self.auth,
            "BOOKING_SEAL__KEYS": f"canary:{self.seal}",
            "BOOKING_INVENTORY__TOKEN": self.partner,
            "BOOKING_PRICING__TOKEN": self.partner,
            "BOOKING_PAYMENT__TOKEN": self.partner,
            "BOOKING_LOG__LEVEL": "DEBUG",
        }

    def all(self) -> list[str]:
        return [self.signing, self.auth, self.seal, self.partner]


PERSONAL = {
    "guest_name": mark("name"),
    "guest_email": f"{mark('email')}@example.org",
    "guest_phone": f"+49 30 {mark('phone')}",
    "special_requests": mark("requests"),
    "internal_notes": mark("notes"),
    "reason": mark("reason"),
    "key": mark("idempotency-key"),
    "junk": mark("junk"),
    "payment_method_id": mark("payment-method"),
}


def a_marked_create(venue: str, hours: float, **fields: Any) -> dict[str, Any]:
    named = ("guest_name", "guest_email", "guest_phone", "special_requests", "payment_method_id")
    return a_create(venue, booking_time=in_hours(hours)) | {n: PERSONAL[n] for n in named} | fields
