"""Secrets as production wants them, for reading a deployment's settings; nobody uses them."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

_KEY: Final = b64encode(bytes(range(32))).decode()

SAMPLES: Final = {
    "BOOKING_DATABASE__URL": "postgresql+asyncpg://worker:word@db:5432/booking",
    "BOOKING_SIGNING__KEY": "signs the records of this very test alone",
    "BOOKING_SEAL__KEYS": f"one:{_KEY}",
    "BOOKING_AUDIT__KEYS": f"one:{_KEY}",
    "BOOKING_AUTH__SECRET": "tokens of this very test are signed with it",
    "BOOKING_KAFKA__SASL_PASSWORD": "word",
}


@lru_cache
def ca_certificate() -> bytes:
    """An authority that a file may name."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM)
