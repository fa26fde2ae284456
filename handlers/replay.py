"""Which commands of the topic have no outcome, and are published once more.

Nothing is judged again that was judged before: who was let in once stands in the command's row, and
whose command has no row is authenticated as of the record's own time, as its lane would have done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from uuid import UUID

from domain.commands import command_row_id
from domain.principal import Principal, System
from domain.refusal import Refusal
from handlers.dead_letter import carried_key, reason_of
from handlers.outputs import load_outputs
from handlers.ports import Authenticator, Coordinates, KnownCommand, Output, Record, ServiceSigner
from handlers.routes import ReplyRoute
from handlers.sealing import reply_of
from schemas.envelope import RawCommand, parse_command
from schemas.headers import Headers
from schemas.stored import load_principal
from schemas.strict_json import Unreadable


class Verdict(StrEnum):
    """What is to be done about a record, and why."""

    AGAIN = "again"  # it has no outcome
    ENDED = "ended"
    RETIRED = "retired"  # it ended so long ago that only this is known
    OTHER = "other content"  # its id has the outcome of another command
    NOT_YET_READ = "not yet read"  # the group comes to it by itself
    COPY = "copy"  # of a record that is among these, too
    OWN = "own"  # the service's own: the sweeper sends what is due
    UNREADABLE = "unreadable"
    UNAUTHENTICATED = "unauthenticated"


@dataclass(frozen=True)  # without slots, for what is worked out once
class Candidate:
    """A readable command, and where it came from."""

    record: Record
    command: RawCommand
    origin: Coordinates
    principal: Principal | None  # None: not let in, unless its row says that it once was
    run: int

    @cached_property
    def row_id(self) -> UUID | None:
        if self.principal is None:
            return None
        return command_row_id(self.principal, self.command.command_id)


@dataclass(frozen=True, slots=True)
class Judged:
    """A record of the topic with what is to be done about it."""

    verdict: Verdict
    candidate: Candidate | None = None
    known: KnownCommand | None = None


@dataclass(slots=True)
class Reader:
    """Reads records of the topic, in any order of partitions."""

    authenticator: Authenticator
    signer: ServiceSigner
    committed: Mapping[int, int]  # by partition: what the group has behind it
    _origins: set[tuple[Coordinates, int]] = field(default_factory=set)

    def read(self, record: Record) -> Candidate | Verdict:
        """A command to be looked up, or why it is none."""
        if record.offset >= self.committed.get(record.partition, 0):
            return Verdict.NOT_YET_READ
        headers = Headers.of(record.headers)
        command = parse_command(record.value)
        if isinstance(command, Unreadable):
            return Verdict.UNREADABLE
        try:
            signed = self.signer.verified(record) if headers.is_signed else None
        except ValueError:  # of a newer version: that one's replay is asked for
            return Verdict.UNREADABLE
        if signed is not None:
            origin = signed.origin or record.coordinates
            return Candidate(record, command, origin, signed.principal, signed.run)
        sent = datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)
        who = self.authenticator.authenticate(headers.authorization, sent)
        principal = None if isinstance(who, Refusal) else who
        return Candidate(record, command, record.coordinates, principal, 0)

    def judge(
        self, candidate: Candidate, known: KnownCommand | None, *, is_retired: bool = False
    ) -> Judged:
        """With what is known under the command's identity."""
        if candidate.principal is None:
            return Judged(Verdict.UNAUTHENTICATED, candidate)
        if is_retired:
            return Judged(Verdict.RETIRED, candidate)
        if known is not None and known.start.content_hash != candidate.command.content_hash:
            return Judged(Verdict.OTHER, candidate, known)
        begins_anew = known is not None and known.gives_way_to(candidate.run)
        one = candidate.origin, candidate.run if begins_anew else 0
        if one in self._origins:
            return Judged(Verdict.COPY, candidate, known)
        self._origins.add(one)
        if known is not None and known.outcome is not None and not begins_anew:
            return Judged(Verdict.ENDED, candidate, known)
        if isinstance(candidate.principal, System):
            return Judged(Verdict.OWN, candidate, known)
        return Judged(Verdict.AGAIN, candidate, known)


def let_in(candidate: Candidate, known: KnownCommand) -> Candidate:
    """A command that was accepted once, whatever its token says today."""
    start = known.start
    return Candidate(
        candidate.record,
        candidate.command,
        start.origin,
        load_principal(start.principal),
        start.run,
    )


def again(candidate: Candidate, home: int, signer: ServiceSigner) -> Output:
    """The record for its home partition, with the place that it first lay at."""
    if candidate.principal is None:
        raise ValueError("expected somebody behind the command")
    record = candidate.record
    headers = signer.forward_headers(record, candidate.origin, candidate.principal, candidate.run)
    return Output(record.topic, carried_key(record.key), record.value or b"", headers, home)


def may_be_resent(judged: Judged) -> bool:
    """Whether its outcome is its own: a repeat's outputs are another record's."""
    known, candidate = judged.known, judged.candidate
    if judged.verdict is not Verdict.ENDED or known is None or candidate is None:
        return False
    return known.start.origin == candidate.origin


def resent(known: KnownCommand) -> Sequence[Output]:
    """What was published for it, once more; the reply says that it is."""
    if known.outcome is None:
        return ()
    # A letter is for operators, who have it: another one would be put back with it.
    outputs = [each for each in load_outputs(known.outcome.events) if reason_of(each) is None]
    reply = reply_of(known.start.row_id, known.outcome, known.key)
    if known.start.reply_route is not None and reply is not None:
        route = ReplyRoute.loaded(known.start.reply_route)
        outputs.insert(0, route.reply(reply, replayed=True))
    return outputs
