"""How to reach Kafka and how patient to be; a plain value that the composition root builds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from adapters.tls import Tls, client_context

SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
Delivery = Literal["exactly_once", "at_least_once"]


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """Times in milliseconds are Kafka's own settings, under Kafka's own names."""

    bootstrap_servers: str
    group_id: str = "booking-worker"
    topic_prefix: str = "booking"
    max_batch_records: int = 400
    side_by_side: int = 2
    delivery: Delivery = "exactly_once"

    security_protocol: SecurityProtocol = "PLAINTEXT"
    sasl_mechanism: SaslMechanism = "PLAIN"
    sasl_username: str | None = None
    sasl_password: str | None = field(default=None, repr=False)
    tls: Tls = field(default_factory=Tls)

    session_timeout_ms: int = 30_000
    # A rebalance waits this long for batches in hand; a batch may take half of it.
    rebalance_timeout_ms: int = 60_000
    max_poll_interval_ms: int = 300_000
    request_timeout_ms: int = 20_000
    # Readers with read_committed wait for an orphaned transaction this long, if nobody takes the
    # partition over (a new owner ends it at once).
    transaction_timeout_ms: int = 20_000
    drain_seconds: float = 25.0

    @property
    def queries_group_id(self) -> str:
        return f"{self.group_id}-queries"

    def transactional_id(self, topic: str, partition: int | None) -> str:
        """Of the lane's producer; without a partition what those of all partitions begin with."""
        return f"{self.group_id}-{topic}-{'' if partition is None else partition}"

    @property
    def heartbeat_interval_ms(self) -> int:
        """Kafka asks for a third of the session at most; half of that survives a lost one."""
        return min(3_000, self.session_timeout_ms // 6)

    @property
    def batch_limit_seconds(self) -> float:
        """A batch that takes longer is given up, so that a rebalance never waits in vain."""
        return self.rebalance_timeout_ms / 2_000

    @property
    def is_encrypted(self) -> bool:
        return self.security_protocol in ("SSL", "SASL_SSL")

    @property
    def is_named(self) -> bool:
        """Whether it says who it is by a user's name, and not by a certificate or not at all."""
        return self.security_protocol in ("SASL_PLAINTEXT", "SASL_SSL")

    def connection(self) -> dict[str, Any]:
        """What every aiokafka client takes to connect."""
        options: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap_servers,
            "request_timeout_ms": self.request_timeout_ms,
            "security_protocol": self.security_protocol,
        }
        if self.is_encrypted:
            options["ssl_context"] = client_context(self.tls)
        if self.is_named:
            options |= {
                "sasl_mechanism": self.sasl_mechanism,
                "sasl_plain_username": self.sasl_username,
                "sasl_plain_password": self.sasl_password,
            }
        return options
