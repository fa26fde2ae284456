"""Dead letters, and how they are put back: in their order, under who stands behind them.

A put-back command is a new run of the old one: the moment when it was sent and its principal are
the old ones, its keys at the partners and the booking of a create are new. Nothing is done here; a
lane does it like any other command.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from domain.commands import command_row_id
from domain.principal import System
from handlers.dead_letter import opened, sealed_with
from handlers.ports import (
    CannotOpen,
    Coordinates,
    DataKey,
    KnownCommand,
    Later,
    Output,
    Record,
    Sealer,
    ServiceSigner,
    SignedBy,
)
from schemas.envelope import RawCommand, parse_command
from schemas.letters import PREFIX, about
from schemas.strict_json import Unreadable


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter as it lies in its topic."""

    record: Record
    about: Mapping[str, str]  # the dlq_ headers without their prefix
    signed: SignedBy | None  # None: nobody stands behind it
    command: RawCommand | Unreadable
    later_run: int | None = None  # the last one that has a letter of its own
    unopened: str | None = None  # why nobody can read what is in it

    @property
    def id(self) -> str:
        """Its place in the topic, by which operators name it."""
        return f"{self.record.partition}/{self.record.offset}"

    @property
    def row_id(self) -> UUID | None:
        """Of the command, when it is one that somebody stands behind."""
        if self.signed is None or isinstance(self.command, Unreadable):
            return None
        return command_row_id(self.signed.principal, self.command.command_id)

    @property
    def command_id(self) -> UUID | None:
        """Of what can be read, whoever sent it."""
        return None if isinstance(self.command, Unreadable) else self.command.command_id

    @property
    def origin(self) -> Coordinates | None:
        """Of the record that the client sent; signed, where the headers are not."""
        return self.signed.origin if self.signed else None

    @property
    def booking_id(self) -> UUID | None:
        """The booking that it is about; None of a create."""
        return named_in(self.command, "booking_id")


def keys_needed(records: Sequence[Record]) -> set[UUID]:
    """Whose keys it takes to open these letters."""
    needed = set()
    for record in records:
        with suppress(CannotOpen):  # `read_letter` tells of it
            needed.add(sealed_with(record))
    return {each for each in needed if each is not None}


def read_letter(
    record: Record, signer: ServiceSigner, service: Sealer, guests: Mapping[UUID, DataKey]
) -> Letter:
    """Never raises: a letter that this version cannot verify has nobody behind it, and one that
    cannot be opened says why.
    """
    told = about(record.headers)
    try:
        key_id = sealed_with(record)
        record = opened(record, service, guests.get(key_id) if key_id else None)
    except CannotOpen as error:
        return Letter(replace(record, value=None), told, None, Unreadable(""), unopened=str(error))
    try:
        signed = signer.verified_letter(record)
    except ValueError:
        signed = None
    return Letter(record, told, signed, parse_command(record.value))


def with_later_runs(letters: Sequence[Letter]) -> list[Letter]:
    """The same letters; those that were put back and failed again know of it, whatever became of
    the database.
    """
    last: dict[UUID, int] = {}
    for letter in letters:
        if letter.signed is not None and letter.row_id is not None:
            last[letter.row_id] = max(letter.signed.run, last.get(letter.row_id, 0))
    return [
        replace(letter, later_run=run)
        if letter.signed and letter.row_id and (run := last[letter.row_id]) > letter.signed.run
        else letter
        for letter in letters
    ]


def named_in(command: RawCommand | Unreadable, field: str) -> UUID | None:
    """An id in a command's data, when it is one."""
    if isinstance(command, Unreadable) or not isinstance(command.data, dict):
        return None
    try:
        return UUID(command.data[field])
    except (KeyError, ValueError, TypeError, AttributeError):
        return None


@dataclass(frozen=True, slots=True)
class Past:
    """What the database knows of a letter's command."""

    known: KnownCommand | None = None
    venue_id: UUID | None = None
    open_undo: int = 0  # of its booking
    later: Sequence[Later] = ()  # at its venue
    is_retired: bool = False  # it ended so long ago that only this is known


class State(StrEnum):
    """What may become of a letter."""

    OPEN = "open"
    WAITS = "waits"
    OVERTAKEN = "overtaken"
    PUT_BACK = "put back"
    FINAL = "final"


@dataclass(frozen=True, slots=True)
class Standing:
    """A letter's state, and why it is that, in words."""

    state: State
    why: str = ""


def standing_of(letter: Letter, past: Past, commands_topic: str) -> Standing:
    """Whether the letter may be put back now."""
    if never := _never(letter, commands_topic):
        return Standing(State.FINAL, never)
    if past.is_retired:
        return Standing(State.FINAL, "its command ended too long ago: only its id is kept")
    if past.known is not None and (ended := _since(past.known, letter)):
        return ended
    if letter.later_run is not None:
        return Standing(State.PUT_BACK, f"run {letter.later_run} has a letter of its own")
    if past.open_undo:
        return Standing(
            State.WAITS, f"{past.open_undo} undo of its booking open: see booking undo list"
        )
    overtaking = [each for each in past.later if each.booking_id == letter.booking_id]
    if overtaking:
        done = ", ".join(dict.fromkeys(each.operation for each in overtaking))
        return Standing(State.OVERTAKEN, f"done on its booking since: {done}")
    if past.later:
        return Standing(State.OPEN, f"jumps over {len(past.later)} later ones done at its venue")
    return Standing(State.OPEN)


def _never(letter: Letter, commands_topic: str) -> str | None:
    if letter.about.get("source_topic") != commands_topic:
        return "it is no command"
    if letter.unopened is not None:
        return letter.unopened
    if isinstance(letter.command, Unreadable):
        return "this version cannot read it"
    if letter.signed is None:
        return "nobody stands behind it: its client has to send it again"
    if isinstance(letter.signed.principal, System):
        return "the service's own: it is sent anew by itself"
    if letter.origin is None:
        return "nobody knows where it came from"
    return None


def _since(known: KnownCommand, letter: Letter) -> Standing | None:
    """What became of its command, when that stands in the way."""
    outcome = known.outcome
    told = "under way" if outcome is None else f"ended with {outcome.code or outcome.status}"
    was_put_back = letter.signed is not None and known.start.run > letter.signed.run
    # A run that nobody delivered to its end was ended without a letter: then this one is the last.
    is_last = letter.later_run is None and outcome is not None and outcome.is_failure
    if was_put_back and not is_last:
        return Standing(State.PUT_BACK, f"run {known.start.run} {told}")
    if isinstance(letter.command, RawCommand) and (
        known.start.content_hash != letter.command.content_hash
    ):
        return Standing(State.FINAL, "its command id belongs to other content")
    if outcome is None:
        return Standing(State.WAITS, "its command is under way")
    if not outcome.is_failure:
        return Standing(State.FINAL, f"its command {told}")
    return None


def in_order(letters: Sequence[Letter]) -> list[Letter]:
    """As their clients sent them: one venue's commands come from several partitions, and the
    broker's time is what they have in common.
    """
    return sorted(letters, key=_sent)


def _sent(letter: Letter) -> tuple[int, int, int]:
    at = letter.origin or letter.record.coordinates
    return at.timestamp_ms, at.partition, at.offset


def choose(
    letters: Sequence[Letter],
    standings: Mapping[str, Standing],
    venues: Mapping[str, UUID | None],
    *,
    over_later: bool,
) -> tuple[list[Letter], dict[str, str]]:
    """Which of these go now, in their order, and why the others that could not wait: who comes
    after one of its venue that has to wait, waits with it.
    """
    going: list[Letter] = []
    held: dict[str, str] = {}
    blocked: dict[UUID, str] = {}
    for letter in in_order(letters):
        standing, venue = standings[letter.id], venues.get(letter.id)
        match standing.state:
            case State.WAITS:
                held[letter.id] = standing.why
                if venue is not None:
                    blocked.setdefault(venue, letter.id)
            case State.OPEN | State.OVERTAKEN if venue is not None and venue in blocked:
                held[letter.id] = f"comes after {blocked[venue]} of its venue, which waits"
            case State.OVERTAKEN if not over_later:
                held[letter.id] = f"{standing.why}; put it back with --over-later"
            case State.OPEN | State.OVERTAKEN:
                going.append(letter)
            case State.PUT_BACK | State.FINAL:
                pass
    return going, held


def next_run(letter: Letter, known: KnownCommand | None) -> int:
    """Which run it is put back as: the one after the last that was begun."""
    runs = (letter.signed.run if letter.signed else 0, known.start.run if known else 0)
    return max(runs) + 1


def put_back(letter: Letter, topic: str, home: int, signer: ServiceSigner, run: int) -> Output:
    """The record for its venue's home partition: the client's own bytes, as that run."""
    signed, origin = letter.signed, letter.origin
    if signed is None or origin is None:
        raise ValueError(f"letter {letter.id} has nobody behind it")
    headers = tuple((n, v) for n, v in letter.record.headers if not n.startswith(PREFIX))
    record = replace(letter.record, headers=headers)
    ours = signer.forward_headers(record, origin, signed.principal, run)
    return Output(topic, letter.record.key, letter.record.value or b"", ours, home)
