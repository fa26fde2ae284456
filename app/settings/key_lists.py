"""What a list of an issuer's keys must be before the worker starts with it."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

# No user and password; a query is part of some issuers' addresses.
JWKS_URL: Final = (
    r"^https?://(\[[0-9A-Fa-f:.]+\]|[^\s/?#@:\[\]\\]+)(:\d{1,5})?(/[^\s?#\\]*)?(\?[^\s#]*)?$"
)


def is_safe(url: str) -> bool:
    """Whether nobody on the way can put keys of his own in: https, or a way that ends here."""
    parts = urlsplit(url)
    return parts.scheme == "https" or _is_loopback(parts.hostname or "")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def why_unusable(path: Path, algorithm: Literal["HS256", "RS256", "ES256", "EdDSA"]) -> str | None:
    """Why no token can be verified by what is in the file; None when one can."""
    from adapters.tokens.key_file import KeyFile
    from adapters.tokens.key_set import KeySet, NoKeySet
    from adapters.tokens.listed_keys import CannotRead

    try:
        found = KeySet.parse(KeyFile(path, look_every_seconds=0).read_now(), algorithm)
    except (CannotRead, NoKeySet) as error:
        return str(error)
    return "; ".join(found.unusable) or "it lists none" if found.is_empty else None
