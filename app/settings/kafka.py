"""How to reach Kafka."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import Field, SecretStr

from app.settings.section import Environment, Problem, Section, setting
from app.settings.words import Count

if TYPE_CHECKING:
    from adapters.kafka.settings import KafkaSettings

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
        "a whole number from 1 to 10000", "Most records of one batch", 200
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
        "a file of PEM certificates", "Whom to trust with SSL; else the system's list", None
    )
    session_timeout_ms: Annotated[Count, Field(ge=1000)] = setting(
        "a whole number of milliseconds from 1000 on",
        "A worker that is silent this long loses its partitions; brokers set limits of their own",
        30_000,
    )

    def problems(self, environment: Environment) -> Iterator[Problem]:
        if self.security_protocol.startswith("SASL"):
            for name, value in (("USERNAME", self.sasl_username), ("PASSWORD", self.sasl_password)):
                if value is None:
                    needs = (
                        f"a value, as {self.prefix}SECURITY_PROTOCOL is {self.security_protocol}"
                    )
                    yield Problem(f"{self.prefix}SASL_{name}", needs, is_missing=True)
        if self.ssl_cafile is not None and not self.ssl_cafile.is_file():
            yield Problem(f"{self.prefix}SSL_CAFILE", "a file of PEM certificates that exists")

    @property
    def value(self) -> KafkaSettings:
        from adapters.kafka.settings import KafkaSettings

        return KafkaSettings(
            bootstrap_servers="".join(self.bootstrap_servers.split()),
            group_id=self.group_id,
            topic_prefix=self.topic_prefix,
            max_batch_records=self.max_batch_records,
            delivery=self.delivery,
            security_protocol=self.security_protocol,
            sasl_mechanism=self.sasl_mechanism,
            sasl_username=self.sasl_username,
            sasl_password=self.sasl_password.get_secret_value() if self.sasl_password else None,
            ssl_cafile=str(self.ssl_cafile) if self.ssl_cafile else None,
            session_timeout_ms=self.session_timeout_ms,
        )
