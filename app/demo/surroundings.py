"""What the demo's worker is told about its world; the file `.env` in the directory it runs in."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from secrets import token_bytes, token_urlsafe

from app.demo.script import PartnerName


def worker_settings(
    *,
    bootstrap_servers: str,
    topic_prefix: str,
    database_url: str,
    partner_urls: Mapping[PartnerName, str],
    secret: str,
    health_file: str,
) -> dict[str, str]:
    """BOOKING_* variables. The rules that differ from the defaults are those the story tells of."""
    return {
        "BOOKING_KAFKA__BOOTSTRAP_SERVERS": bootstrap_servers,
        "BOOKING_KAFKA__TOPIC_PREFIX": topic_prefix,
        "BOOKING_KAFKA__SESSION_TIMEOUT_MS": "6000",  # a killed worker is succeeded after this
        "BOOKING_DATABASE__URL": database_url,
        **{f"BOOKING_{name.upper()}__URL": url for name, url in partner_urls.items()},
        "BOOKING_AUTH__MODE": "jwt",
        "BOOKING_AUTH__SECRET": secret,
        "BOOKING_SIGNING__KEY": token_urlsafe(32),
        "BOOKING_SEAL__KEYS": f"demo:{b64encode(token_bytes(32)).decode()}",
        "BOOKING_AUDIT__KEYS": f"demo:{b64encode(token_bytes(32)).decode()}",
        "BOOKING_PRICING__WHEN_UNAVAILABLE": "fallback",
        "BOOKING_PRICING__FALLBACK__CAFE": "9.50",
        "BOOKING_PRICING__FALLBACK__RESTAURANT": "30.00",
        "BOOKING_PRICING__FALLBACK_CURRENCY": "EUR",
        "BOOKING_RULES__NO_SHOW_GRACE_MINUTES": "5",
        "BOOKING_RULES__REFUND__HOTEL": "48h:100,12h:50",
        "BOOKING_HEALTH__FILE": health_file,
        "BOOKING_LOG__FORMAT": "json",
    }


def as_env_file(settings: Mapping[str, str]) -> str:
    """One variable a line, quoted so that nothing in a value means anything else."""
    return "".join(f"{name}='{value}'\n" for name, value in settings.items())
