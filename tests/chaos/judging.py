"""Every rule is asked, also after one is broken; each violation is told with what was found.

The rules are those of the service tests. What chaos allows beyond them stands here and says why.
"""

from __future__ import annotations

import traceback
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from tests.chaos.orders import Order
from tests.service import invariants
from tests.service.client import Sent, reply_of
from tests.service.feed import Seen, header
from tests.service.story import Story

_LONGEST_DETAIL: Final = 1_500

Sending = Sequence[tuple[Order, Sent]]


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that does not hold, and the first case of it."""

    rule: str
    detail: str


def violations(story: Story, sending: Sending) -> list[Violation]:
    """All rules that do not hold."""
    broken = [_broken(rule, story) for rule in RULES]
    broken += [_broken(rule, story, sending) for rule in RULES_OF_REPEATS]
    return [violation for violation in broken if violation is not None]


def _broken(rule: Callable[..., None], *asked: object) -> Violation | None:
    try:
        rule(*asked)
    except AssertionError as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        detail = f"{str(error) or frame.line} ({frame.name}, line {frame.lineno})"
        return Violation(rule.__name__, detail[:_LONGEST_DETAIL])
    return None


def everything_sent_has_its_answer(story: Story) -> None:
    """Exactly one for a command. Of a query nothing is stored: after a crash its answer, and the
    dead letter of one that cannot be read, may come once more.
    """
    asked = [sent for sent in story.sent if sent.topic.endswith(".queries")]
    queries = {sent.correlation_id for sent in asked}
    replies = {
        key: records[:1] if key in queries else records for key, records in story.replies.items()
    }
    letters: dict[object, Seen] = {}
    for at, letter in enumerate(story.dead_letters):
        is_query = (header(letter, "dlq_source_topic") or b"").endswith(b".queries")
        letters.setdefault(_source(letter) if is_query else at, letter)
    invariants.everything_sent_has_exactly_one_answer(
        replace(story, replies=replies, dead_letters=list(letters.values()))
    )


def no_worker_had_a_bug(story: Story) -> None:
    """A command that met with four accidents in a row is set aside, and that is logged as an error;
    the rule of the answers demands its reply and its dead letter.
    """
    kept = [line for line in story.logs.splitlines() if '"event": "poison set aside"' not in line]
    invariants.no_worker_had_a_bug(replace(story, logs="\n".join(kept)))


def a_repeated_id_has_one_outcome(story: Story, sending: Sending) -> None:
    """However often and wherever it was sent: byte for byte the same, or told that it is reused.

    What is not valid under an id that another content has is told so each time anew: there is no
    place where its outcome could stand.
    """
    bodies: defaultdict[tuple[object, str], set[bytes]] = defaultdict(set)
    contents: defaultdict[object, set[str]] = defaultdict(set)
    for order, _ in sending:
        contents[order.identity].add(order.content)
    for order, sent in sending:
        if order.identity is None or order.topic != "commands":
            continue
        is_shared = len(contents[order.identity]) > 1
        unstored = {"unauthenticated", "command_id_reused"} | (
            _BEFORE_THE_ID if is_shared else set()
        )
        for record in story.replies.get(sent.correlation_id or b"", ()):
            if _code(record) not in unstored:
                bodies[order.identity, order.content].add(record.value or b"")
    for (identity, content), different in bodies.items():
        assert len(different) == 1, f"{identity} {content}: {different}"


def one_id_is_never_two_contents(story: Story, sending: Sending) -> None:
    """What is not valid or never allowed is told so before anybody looks at its id."""
    contents: defaultdict[object, set[str]] = defaultdict(set)
    for order, sent in sending:
        for record in story.replies.get(sent.correlation_id or b"", ()):
            refused = _code(record) in _BEFORE_THE_ID or _code(record) == "command_id_reused"
            if order.topic == "commands" and order.identity is not None and not refused:
                contents[order.identity].add(order.content)
    for identity, different in contents.items():
        assert len(different) == 1, f"{identity}: {different}"


def a_repeated_key_has_one_booking(story: Story, sending: Sending) -> None:
    made: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for order, sent in sending:
        key = (order.message or {}).get("idempotency_key")
        if key is None or order.caller is None or order.label.startswith("query"):
            continue
        for record in story.replies.get(sent.correlation_id or b"", ()):
            if reply_of(record).status == 201:
                made[order.caller.sub, key].add(reply_of(record).data["id"])
    for which, bookings in made.items():
        assert len(bookings) == 1, f"{which}: {bookings}"


def what_was_promised_stands(story: Story, sending: Sending) -> None:
    """A booking that a reply told of is in the database."""
    for order, sent in sending:
        for record in story.replies.get(sent.correlation_id or b"", ()):
            reply = reply_of(record)
            if reply.status == 201:
                assert reply.data["id"] in story.bookings, f"{order.label}: {reply.body}"


_UNSTORED: Final = frozenset({"unauthenticated", "command_id_reused"})
_BEFORE_THE_ID: Final = frozenset({"unauthenticated", "validation_failed", "forbidden"})
_CHANGED: Final[Mapping[Callable[[Story], None], Callable[[Story], None]]] = {
    invariants.everything_sent_has_exactly_one_answer: everything_sent_has_its_answer,
    invariants.no_worker_had_a_bug: no_worker_had_a_bug,
}
RULES: Final = tuple(_CHANGED.get(rule, rule) for rule in invariants.RULES)
RULES_OF_REPEATS: Final = (
    a_repeated_id_has_one_outcome,
    one_id_is_never_two_contents,
    a_repeated_key_has_one_booking,
    what_was_promised_stands,
)


def _code(record: Seen) -> str | None:
    error = reply_of(record).body["error"]
    return str(error["code"]) if error else None


def _source(letter: Seen) -> tuple[bytes | None, ...]:
    names = ("dlq_source_topic", "dlq_source_partition", "dlq_source_offset")
    return tuple(header(letter, name) for name in names)
