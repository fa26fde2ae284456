"""How to reach Kafka."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import Field, SecretStr

from app.settings.pem_files import Part, fault_of_authorities, fault_of_pair
from app.settings.section import Environment, Problem, Section, setting
from app.settings.words import Count

if TYPE_CHECKING:
    from adapters.kafka.settings import KafkaSettings
    from adapters.tls import Tls

_CERTIFICATES: Final = "a file of PEM certificates"
_SERVERS: Final = "host:port, several separated by commas"
_NAME: Final = r"^[A-Za-z0-9._-]{1,200}$"


class KafkaSection(Section, prefix="BOOKING_KAFKA__"):
    """The connection, and how the worker takes part in its group."""

    bootstrap_servers: Annotated[
        str, Field(pattern=r"^\s*[^\s,:/]+:\d{1,5}(\s*,\s*[^\s,:/]+:\d{1,5})*\s*$")
    ] = setting(_SERVERS, "Brokers to begin with")
    group_id: Annotated[str, Field(pattern=_NAME)] = setting(
        "letters, digits, dots, hyphens, underscores",
        "Consumer group of the workers; queries use it with `-queries`",
        "booking-worker",
    )
    topic_prefix: Annotated[str, Field(pattern=_NAME)] = setting(
        "letters, digits, dots, hyphens, underscores",
        "What the topics' names begin with",
        "booking",
    )
    delivery: Literal["exactly_once", "at_least_once"] = setting(
        "exactly_once or at_least_once",
        "How outputs are published; at_least_once may publish the same bytes again after a crash",
        "exactly_once",
    )
    max_batch_records: Annotated[Count, Field(le=10_000)] = setting(
        "a whole number from 1 to 10000", "Most records in hand at once", 400
    )
    side_by_side: Annotated[Count, Field(le=100)] = setting(
        "a whole number from 1 to 100",
        "Into how many batches the commands in hand are dealt out, each with partitions of its own",
        2,
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = setting(
        "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL", "As Kafka calls it", "PLAINTEXT"
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = setting(
        "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512", "For SASL_PLAINTEXT and SASL_SSL", "PLAIN"
    )
    sasl_username: str | None = setting("a user name", "For SASL_PLAINTEXT and SASL_SSL", None)
    sasl_password: SecretStr | None = setting("a password", "For SASL_PLAINTEXT and SASL_SSL", None)
    ssl_cafile: Path | None = setting(
        _CERTIFICATES, "Whom to trust, for SSL and SASL_SSL; else the system's list", None
    )
    ssl_certfile: Path | None = setting(
        _CERTIFICATES, "What the client shows of itself (mTLS), its own certificate first", None
    )
    ssl_keyfile: Path | None = setting(
        "a file with a PEM private key", "Of that certificate; else it lies in the same file", None
    )
    ssl_key_password: SecretStr | None = setting("a password", "Opens the key", None)
    ssl_check_hostname: bool = setting(
        "true or false",
        "Whether a broker's certificate must be for the host asked; production wants it",
        True,
        "true",
    )
    session_timeout_ms: Annotated[Count, Field(ge=1000)] = setting(
        "a whole number of milliseconds from 1000 on",
        "A worker that is silent this long loses its partitions; brokers set limits of their own",
        30_000,
    )

    def problems(self, environment: Environment) -> Iterator[Problem]:
        if self._is_named:
            for name, value in (("USERNAME", self.sasl_username), ("PASSWORD", self.sasl_password)):
                if value is None:
                    yield Problem(
                        f"{self.prefix}SASL_{name}",
                        f"a value, as {self._protocol}",
                        is_missing=True,
                    )
        yield from self._wrong_files() or self._set_in_vain()
        if not self.ssl_check_hostname and environment is Environment.PRODUCTION:
            yield Problem(f"{self.prefix}SSL_CHECK_HOSTNAME", "true, in production")

    def notices(self, environment: Environment) -> Iterator[str]:
        in_production = environment is Environment.PRODUCTION
        if self._is_encrypted and not self.ssl_check_hostname:
            yield f"{self.prefix}SSL_CHECK_HOSTNAME is off: ANY TRUSTED HOST CAN BE KAFKA"
        if not self._is_encrypted and in_production:
            yield f"{self._protocol}: what is sent to Kafka can be read and changed on the way"
        elif self.security_protocol == "SSL" and self.ssl_certfile is None and in_production:
            yield f"{self._protocol} without a certificate: to Kafka, anybody is this service"

    def _wrong_files(self) -> list[Problem]:
        problems = []
        if self.ssl_cafile and (why := fault_of_authorities(self.ssl_cafile)):
            problems.append(
                Problem(f"{self.prefix}SSL_CAFILE", f"{_CERTIFICATES}; {self.ssl_cafile} {why}")
            )
        password = self.ssl_key_password.get_secret_value() if self.ssl_key_password else None
        if self.ssl_certfile is None:
            if self.ssl_keyfile or password:
                needs = f"{_CERTIFICATES}, as a key is set"
                problems.append(Problem(f"{self.prefix}SSL_CERTFILE", needs, is_missing=True))
            return problems
        key = self.ssl_keyfile or self.ssl_certfile
        if fault := fault_of_pair(self.ssl_certfile, key, password):
            name, expected, path = {
                Part.CERTIFICATE: ("SSL_CERTFILE", _CERTIFICATES, self.ssl_certfile),
                Part.KEY: ("SSL_KEYFILE", "a file with a PEM private key", key),
                Part.PASSWORD: ("SSL_KEY_PASSWORD", "the password of the key", key),
            }[fault.part]
            problems.append(Problem(f"{self.prefix}{name}", f"{expected}; {path} {fault.why}"))
        return problems

    def _set_in_vain(self) -> list[Problem]:
        """Whoever sets these wants more than the protocol gives."""
        of_tls = ("ssl_cafile", "ssl_certfile")
        unused = [] if self._is_encrypted else [name for name in of_tls if getattr(self, name)]
        if unused:
            expected = f"SSL or SASL_SSL, as {self.prefix}{unused[0].upper()} is set"
        elif self.sasl_username and not self._is_named:
            expected = f"SASL_SSL or SASL_PLAINTEXT, as {self.prefix}SASL_USERNAME is set"
        else:
            return []
        return [Problem(f"{self.prefix}SECURITY_PROTOCOL", expected)]

    @property
    def _protocol(self) -> str:
        return f"{self.prefix}SECURITY_PROTOCOL is {self.security_protocol}"

    @property
    def _is_encrypted(self) -> bool:
        return self.security_protocol in ("SSL", "SASL_SSL")

    @property
    def _is_named(self) -> bool:
        return self.security_protocol in ("SASL_PLAINTEXT", "SASL_SSL")

    @property
    def _tls(self) -> Tls:
        from adapters.tls import Tls

        return Tls(
            authorities=str(self.ssl_cafile) if self.ssl_cafile else None,
            certificate=str(self.ssl_certfile) if self.ssl_certfile else None,
            key=str(self.ssl_keyfile) if self.ssl_keyfile else None,
            key_password=self.ssl_key_password.get_secret_value()
            if self.ssl_key_password
            else None,
            check_hostname=self.ssl_check_hostname,
        )

    @property
    def value(self) -> KafkaSettings:
        from adapters.kafka.settings import KafkaSettings

        return KafkaSettings(
            bootstrap_servers="".join(self.bootstrap_servers.split()),
            group_id=self.group_id,
            topic_prefix=self.topic_prefix,
            max_batch_records=self.max_batch_records,
            side_by_side=self.side_by_side,
            delivery=self.delivery,
            security_protocol=self.security_protocol,
            sasl_mechanism=self.sasl_mechanism,
            sasl_username=self.sasl_username,
            sasl_password=self.sasl_password.get_secret_value() if self.sasl_password else None,
            tls=self._tls,
            session_timeout_ms=self.session_timeout_ms,
        )
