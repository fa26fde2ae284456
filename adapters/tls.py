"""What this service asks of a server's certificate, and what it shows of itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from ssl import SSLContext, create_default_context


@dataclass(frozen=True, slots=True)
class Tls:
    """Files in PEM form. Without `authorities` the system's list is trusted."""

    authorities: str | None = None
    certificate: str | None = None
    key: str | None = None
    key_password: str | None = field(default=None, repr=False)
    check_hostname: bool = True


@lru_cache(maxsize=16)
def client_context(tls: Tls) -> SSLContext:
    """One for all connections: files that change are read again by the next process.

    TLS 1.2 at least. Raises OSError (ssl.SSLError is one) for files that are wrong.
    """
    context = create_default_context(cafile=tls.authorities)
    context.check_hostname = tls.check_hostname
    if tls.certificate is not None:
        # Without a password of ours OpenSSL would ask for one on the terminal.
        password = tls.key_password or ""
        context.load_cert_chain(tls.certificate, tls.key, password=lambda: password)
    return context
