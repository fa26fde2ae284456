"""A private key in a file, for `booking token`: what it signs with, and its public half."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import orjson
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt.algorithms import get_default_algorithms

from adapters.tokens.keys import Algorithm
from adapters.tokens.listed_key import UnusableKey, read_entry
from app.failures import WrongUse

_ALGORITHMS: Final[dict[type[Any], Algorithm]] = {
    RSAPrivateKey: "RS256",
    EllipticCurvePrivateKey: "ES256",
    Ed25519PrivateKey: "EdDSA",
}


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """The key decides the algorithm; its id is its fingerprint (RFC 7638): nobody chooses one."""

    algorithm: Algorithm
    key: Any = field(repr=False)
    public: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.public["kid"])


def read_private_key(path: Path) -> PrivateKey:
    """From PEM without a password. Raises WrongUse."""
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise WrongUse(f"--key-file cannot be read: {error.strerror}") from None
    except (ValueError, TypeError):
        key = None
    algorithm = next((name for kind, name in _ALGORITHMS.items() if isinstance(key, kind)), None)
    if key is None or algorithm is None:
        raise WrongUse(
            "--key-file is wrong: expected a private key as PEM without a password (RSA, P-256"
            " or Ed25519)"
        )
    half = get_default_algorithms()[algorithm].to_jwk(key.public_key(), as_dict=True)
    half.pop("key_ops", None)
    public = {**half, "alg": algorithm, "use": "sig", "kid": _fingerprint(half)}
    try:
        read_entry(public, algorithm)
    except UnusableKey as error:
        raise WrongUse(f"--key-file is wrong: no worker would take this key, {error}") from None
    return PrivateKey(algorithm, key, public)


def _fingerprint(half: dict[str, Any]) -> str:
    digest = sha256(orjson.dumps(half, option=orjson.OPT_SORT_KEYS)).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()
