"""Certificates and keys that settings name: looked at before the service starts with them."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING

from app.settings.files import Unreadable, contents

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes


class Part(Enum):
    """Of what a client shows of itself: which of the three is wrong."""

    CERTIFICATE = auto()
    KEY = auto()
    PASSWORD = auto()


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, to go on after the file's name."""

    part: Part
    why: str


def fault_of_authorities(path: Path) -> str | None:
    """What is wrong with a file of those who are to be trusted; None when it is good."""
    try:
        contents(path)
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except Unreadable as why:
        return str(why)
    except ssl.SSLError:
        return "holds no certificates in PEM form"
    return None


def fault_of_pair(certificate: Path, key: Path, password: str | None) -> Fault | None:
    """What is wrong with a client's certificate and key; None when they are good."""
    try:
        shown = _certificate(certificate)
        if _private_key(key, password).public_key() != shown.public_key():
            return Fault(Part.KEY, f"is not the key of the certificate in {certificate}")
    except _Wrong as wrong:
        return wrong.fault
    return None


class _Wrong(Exception):
    def __init__(self, part: Part, why: str) -> None:
        self.fault = Fault(part, why)
        super().__init__(why)


def _certificate(path: Path) -> x509.Certificate:
    """The client's own, which comes first in the file; it has to be valid now."""
    from cryptography import x509

    try:
        found = x509.load_pem_x509_certificates(contents(path))[0]
    except Unreadable as why:
        raise _Wrong(Part.CERTIFICATE, str(why)) from None
    except ValueError:
        raise _Wrong(Part.CERTIFICATE, "holds no certificate in PEM form") from None
    now, begins, ends = datetime.now(UTC), found.not_valid_before_utc, found.not_valid_after_utc
    if now > ends:
        raise _Wrong(Part.CERTIFICATE, f"expired at {ends:%Y-%m-%d %H:%M} UTC")
    if now < begins:
        raise _Wrong(Part.CERTIFICATE, f"is not valid before {begins:%Y-%m-%d %H:%M} UTC")
    return found


def _private_key(path: Path, password: str | None) -> PrivateKeyTypes:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return load_pem_private_key(contents(path), password.encode() if password else None)
    except Unreadable as why:
        raise _Wrong(Part.KEY, str(why)) from None
    except UnsupportedAlgorithm:
        raise _Wrong(Part.KEY, "holds a key of a kind that is not supported") from None
    except TypeError:  # as cryptography tells of a password too many or too few
        said = "is not encrypted, and a password is set"
        raise _Wrong(
            Part.PASSWORD, said if password else "is encrypted, and no password is set"
        ) from None
    except ValueError:
        if password is None:
            raise _Wrong(Part.KEY, "holds no private key in PEM form") from None
        said = "does not open with this password, or is no private key in PEM form"
        raise _Wrong(Part.PASSWORD, said) from None
