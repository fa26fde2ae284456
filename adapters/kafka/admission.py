"""Why no broker lets us in. aiokafka keeps it to itself, so whoever failed to connect asks here."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from aiokafka.conn import AIOKafkaConnection, collect_hosts, create_conn
from aiokafka.errors import (
    IllegalSaslStateError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from adapters.kafka.settings import KafkaSettings

_PATIENCE_MS: Final = 5_000
Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a broker does not serve us; `is_final` when waiting for it would be in vain."""

    reason: str
    is_final: bool

    def __str__(self) -> str:
        return self.reason


async def trouble_with(settings: KafkaSettings) -> Trouble | None:
    """None when all is well with a first broker and all that it names; never raises.

    Of several brokers to begin with one is enough, so the trouble is what all of them have.
    """
    first = [(host, port) for host, port, _ in collect_hosts(settings.bootstrap_servers)]
    answers = await asyncio.gather(*(_brokers(settings, *address) for address in first))
    troubles = [answer for answer in answers if isinstance(answer, Trouble)]
    named = {address for answer in answers if not isinstance(answer, Trouble) for address in answer}
    if named:
        rest = await asyncio.gather(*(_brokers(settings, *each) for each in named - {*first}))
        troubles = [answer for answer in rest if isinstance(answer, Trouble)]
    return min(troubles, key=lambda trouble: not trouble.is_final, default=None)


async def _brokers(settings: KafkaSettings, host: str, port: int) -> Sequence[Address] | Trouble:
    """The brokers that this one names."""
    options = settings.connection() | {"request_timeout_ms": _PATIENCE_MS}
    del options["bootstrap_servers"]
    connection: AIOKafkaConnection | None = None
    try:
        connection = await create_conn(host, port, **options)
        metadata = await connection.send(MetadataRequest([]))
    except (OSError, KafkaError, TimeoutError) as error:
        return _trouble(settings, f"{host}:{port}", error)
    finally:
        if connection is not None:
            connection.close()
    return [(broker[1], broker[2]) for broker in metadata.brokers]


def _trouble(settings: KafkaSettings, broker: str, error: BaseException) -> Trouble:
    cause = error.__cause__ or error
    match cause:
        case ssl.SSLCertVerificationError():
            trusted = settings.tls.authorities or "the system's list"
            reason = (
                f"shows a certificate that is not to be trusted: {cause.verify_message}"
                f" (BOOKING_KAFKA__SSL_CAFILE: {trusted})"
            )
        case ssl.SSLError() if "ALERT" in (cause.reason or ""):
            reason = _of_our_certificate(settings, cause.reason or "")
        case ssl.SSLError() if cause.reason == "WRONG_VERSION_NUMBER":
            reason = f"does not speak TLS, and {_protocol(settings)}"
        case SaslAuthenticationFailed():
            reason = (
                f"does not know the user {settings.sasl_username} with this password"
                f" (BOOKING_KAFKA__SASL_USERNAME, _PASSWORD, _MECHANISM: {settings.sasl_mechanism})"
            )
        case UnsupportedSaslMechanismError():
            reason = f"does not take BOOKING_KAFKA__SASL_MECHANISM={settings.sasl_mechanism} there"
        case IllegalSaslStateError():
            reason = f"wants no SASL there, and {_protocol(settings)}"
        case _:
            return Trouble(_perhaps(settings, broker, cause), is_final=False)
    return Trouble(f"Kafka at {broker} {reason}", is_final=True)


def _of_our_certificate(settings: KafkaSettings, alert: str) -> str:
    said = alert.lower().replace("_", " ")
    if settings.tls.certificate is None:
        return f"wants a client's certificate (BOOKING_KAFKA__SSL_CERTFILE): {said}"
    shown = settings.tls.certificate
    return f"does not take the certificate of BOOKING_KAFKA__SSL_CERTFILE, {shown}: {said}"


def _perhaps(settings: KafkaSettings, broker: str, cause: BaseException) -> str:
    """It may be starting or stopping, or another protocol may be spoken there."""
    if isinstance(cause, ConnectionRefusedError):
        return f"Kafka does not answer at {broker}"
    if isinstance(cause, EOFError | ConnectionError | ssl.SSLError):
        does = "hangs up; is another protocol spoken there?"
        return f"Kafka at {broker} {does} {_protocol(settings)}"
    return f"Kafka does not answer at {broker}: {cause!r}"


def _protocol(settings: KafkaSettings) -> str:
    return f"BOOKING_KAFKA__SECURITY_PROTOCOL is {settings.security_protocol}"
