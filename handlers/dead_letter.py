"""What cannot be processed is set aside, with everything needed to see why and to put it back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from domain.principal import Principal
from handlers.ports import (
    CannotOpen,
    Coordinates,
    DataKey,
    Output,
    Record,
    Sealer,
    ServiceSigner,
    key_id_of,
)
from schemas.headers import carried
from schemas.letters import PREFIX, SEALED, about, bound_to

_NOT_KEPT = frozenset({"authorization"})  # a token must not lie in a topic for a month
_MAX_KEY: Final = 1024
_MAX_VALUE: Final = 1024 * 1024  # readable is a quarter of it
_GUEST: Final = b"guest"


class Reason(StrEnum):
    """Why a record lies among the dead letters; `reply_refused`, a reply's, is adapters/kafka's."""

    UNREADABLE = "unreadable"
    POISON = "poison"  # it failed alone, again and again
    BUG = "bug"  # its own command failed, and nothing around it


def carried_key(key: bytes | None) -> bytes | None:
    """A record's key where it goes on to another topic; a stranger's may be of any length."""
    return key and key[:_MAX_KEY]


def reason_of(output: Output) -> str | None:
    """Why it is a dead letter; None of anything else."""
    reason = dict(output.headers).get("dlq_reason")
    return reason.decode() if reason else None


def sealed_with(letter: Record) -> UUID | None:
    """Which guest's key it takes to open the letter; None: none. Raises CannotOpen."""
    if dict(letter.headers).get(SEALED) != _GUEST:
        return None
    return key_id_of((letter.value or b"").decode("utf-8", "replace"))


def opened(letter: Record, service: Sealer, guest: DataKey | None) -> Record:
    """The letter with the value that its record had. Raises CannotOpen, also of an erased guest."""
    told = about(letter.headers)
    sealer: Sealer | None = guest
    match dict(letter.headers).get(SEALED):
        case None:
            return letter
        case b"service":
            sealer = service
    if sealer is None:
        raise CannotOpen("its guest is erased, and what it held went with the guest's key")
    text = (letter.value or b"").decode("utf-8", "replace")
    return replace(letter, value=sealer.open(text, bound_to(told)))


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """Writes them; who stands behind a record is signed, so that it can be put back without its
    token. What was in it is sealed with its guest's key, or where nobody knows whose it is, with
    the service's.
    """

    topic: str
    signer: ServiceSigner
    sealer: Sealer

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
        key: DataKey | None = None,
        erased_with: UUID | None = None,
    ) -> Output:
        """The record as it came, without its token; `detail` carries no personal data.

        Null values become empty ones, as a producer here sends no nulls. What is larger than any
        command is cut, or the letter would fit nowhere and its lane wait for ever.
        """
        whole = replace(record, value=record.value or b"")  # signed as it will be read
        record = replace(
            whole, key=carried_key(record.key), value=(record.value or b"")[:_MAX_VALUE]
        )
        is_cut = record != whole or carried(record.headers) is not record.headers
        headers = (
            self.signer.letter_headers(record, origin, principal, run)
            if principal is not None
            else self.signer.unsigned_headers(record)
        )
        kept = tuple(
            (name, value)
            for name, value in headers
            if name.lower() not in _NOT_KEPT and not name.lower().startswith(PREFIX)
        )
        told: dict[str, object] = {
            "dlq_reason": reason,
            "dlq_detail": detail,
            "dlq_source_topic": origin.topic,
            "dlq_source_partition": origin.partition,
            "dlq_source_offset": origin.offset,
            "dlq_source_timestamp": origin.timestamp_ms,
            "dlq_attempts": attempts,
            "dlq_failed_at": failed_at.isoformat().replace("+00:00", "Z"),
        }
        if is_cut:
            told["dlq_cut"] = "true"
        told[SEALED] = "guest" if key or erased_with else "service"
        ours = tuple((name, str(value).encode()) for name, value in told.items())
        sealed = (key or self.sealer).seal(record.value or b"", bound_to(about(ours)))
        if erased_with is not None:  # of a guest who is erased not even we may keep it
            sealed = f"erased.{erased_with}."
        return Output(self.topic, record.key, sealed.encode(), (*kept, *ours))
