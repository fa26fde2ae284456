"""What cannot be processed is set aside, with everything needed to see why and to put it back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.principal import Principal
from handlers.ports import Coordinates, Output, Record, ServiceSigner

_NOT_KEPT = frozenset({"authorization"})  # a token must not lie in a topic for a month
_OURS = "dlq_"  # from a stranger it would stand before our own


class Reason(StrEnum):
    """Why a record lies among the dead letters; `reply_refused`, a reply's, is adapters/kafka's."""

    UNREADABLE = "unreadable"
    POISON = "poison"  # it failed alone, again and again
    BUG = "bug"  # its own command failed, and nothing around it


def reason_of(output: Output) -> str | None:
    """Why it is a dead letter; None of anything else."""
    reason = dict(output.headers).get("dlq_reason")
    return reason.decode() if reason else None


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """Writes them; who stands behind a record is signed, so that it can be put back without its
    token.
    """

    topic: str
    signer: ServiceSigner

    def letter(
        self,
        record: Record,
        origin: Coordinates,
        reason: Reason,
        detail: str,
        failed_at: datetime,
        *,
        attempts: int = 1,
        principal: Principal | None = None,
        run: int = 0,
    ) -> Output:
        """The record as it came, without its token; `detail` carries no personal data.

        Null values become empty ones, as a producer here sends no nulls.
        """
        headers = (
            self.signer.letter_headers(record, origin, principal, run)
            if principal is not None
            else self.signer.unsigned_headers(record)
        )
        kept = tuple(
            (name, value)
            for name, value in headers
            if name.lower() not in _NOT_KEPT and not name.lower().startswith(_OURS)
        )
        told = {
            "dlq_reason": reason,
            "dlq_detail": detail,
            "dlq_source_topic": origin.topic,
            "dlq_source_partition": origin.partition,
            "dlq_source_offset": origin.offset,
            "dlq_source_timestamp": origin.timestamp_ms,
            "dlq_attempts": attempts,
            "dlq_failed_at": failed_at.isoformat().replace("+00:00", "Z"),
        }
        ours = tuple((name, str(value).encode()) for name, value in told.items())
        return Output(self.topic, record.key, record.value or b"", (*kept, *ours))
