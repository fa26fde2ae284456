"""Where an output goes that the broker refuses for good: it must never block its partition.

A lane that met a refusal is closed like after any error; its batch comes again, and by then the
refusal is known here. So nothing is repaired inside a broken transaction. What comes again need not
be the same bytes: answers that are not stored are made anew, with another time in them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

import structlog
from aiokafka.errors import (
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
)

from adapters.kafka.rights_held import in_words
from adapters.kafka.topics import TopicNames
from handlers.ports import Output, Sealer, Topics
from schemas.letters import SEALED, about, bound_to

_log = structlog.get_logger(__name__)

TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)
TOPIC_CLOSED = (TopicAuthorizationFailedError, InvalidTopicError, PolicyViolationError)
REFUSED_FOR_GOOD = TOO_LARGE + TOPIC_CLOSED
# An ACL may be repaired; a refused topic is tried again after this.
FORGOTTEN_AFTER_SECONDS = 60.0


class CannotPublish(Exception):
    """An output that must be written where it belongs is refused; the worker has to stop."""


class Refusals:
    """Knows what was refused, and gives every output the topic where it can be written."""

    def __init__(
        self,
        names: TopicNames,
        topics: Topics,
        sealer: Sealer,
        published: Callable[[Sequence[Output]], None] = lambda _: None,
    ) -> None:
        """`published` hears of outputs that the broker has, as they were addressed in the end."""
        self._names = names
        self._published = published
        self._topics = topics
        self._sealer = sealer
        self._closed_until: dict[str, float] = {}
        # By key and topic, the smallest size that was refused: a key is a correlation id, which a
        # client may use twice, and what is smaller did nothing wrong.
        self._too_large: dict[bytes | None, dict[str, int]] = {}
        self._own = frozenset(
            {
                names.commands,
                names.queries,
                names.replies,
                names.events,
                names.dead_letter,
                names.guest_keys,
            }
        )

    def note(self, outputs: Sequence[tuple[Output, KafkaError]]) -> None:
        """Remember what was refused. Of those too large together, only the largest: the broker
        judges whole batches, and the smaller ones may have done nothing wrong.
        """
        too_large = [output for output, error in outputs if isinstance(error, TOO_LARGE)]
        if too_large:
            largest = max(too_large, key=_size)
            topic, size = largest.topic, _size(largest)
            sizes = self._too_large.setdefault(largest.key, {})
            sizes[topic] = min(size, sizes.get(topic, size))
            _log.error("output refused: too large", topic=topic, bytes=size)
        for output, error in outputs:
            if isinstance(error, TOPIC_CLOSED) and output.topic not in self._closed_until:
                self._closed_until[output.topic] = _now() + FORGOTTEN_AFTER_SECONDS
                _log.error("output refused", topic=output.topic, reason=in_words(error))

    def forget(self, outputs: Sequence[Output]) -> None:
        """They are published, wherever they went."""
        self._published(outputs)
        if self._too_large:
            for output in outputs:
                sizes = self._too_large.get(output.key)
                if sizes and _size(output) >= min(sizes.values()):
                    del self._too_large[output.key]

    def readdress(self, outputs: Sequence[Output]) -> Sequence[Output]:
        """The outputs, each to a topic that takes it; raises CannotPublish for an event, a forward
        or a dead letter that has nowhere to go.
        """
        if not self._too_large and not self._closed_until and self._all_own(outputs):
            return outputs
        return [self._readdress(output) for output in outputs]

    def _all_own(self, outputs: Sequence[Output]) -> bool:
        own = self._own
        return all(output.topic in own and output.partition is None for output in outputs)

    def _readdress(self, output: Output) -> Output:
        while reason := self._refusal(output):
            output = self._next_address(output, reason)
        return output

    def _refusal(self, output: Output) -> str | None:
        if self._closed_until.get(output.topic, 0.0) > _now():
            return "not_authorised"
        if self._is_too_large(output):
            return "too_large"
        if output.topic in self._own and output.partition is None:
            return None
        partitions = self._topics.partitions_of(output.topic)
        if partitions is None:
            return "no_such_topic"
        if output.partition is not None and not 0 <= output.partition < partitions:
            return "no_such_partition"
        return None

    def _is_too_large(self, output: Output) -> bool:
        refused = self._too_large.get(output.key, {}).get(output.topic)
        return refused is not None and _size(output) >= refused

    def _next_address(self, output: Output, reason: str) -> Output:
        names = self._names
        if output.topic in (names.events, names.commands, names.dead_letter, names.guest_keys):
            missing = "; the ACL for Write is missing" if reason == "not_authorised" else ""
            raise CannotPublish(
                f"Kafka refuses a record of {_size(output)} bytes for {output.topic}:"
                f" {reason}{missing}"
            )
        if output.topic != names.replies:
            return replace(
                output,
                topic=names.replies,
                partition=None,
                headers=(*output.headers, ("reply_to_refused", b"true")),
            )
        if output.partition is not None and reason == "no_such_partition":
            return replace(output, partition=None)
        ours = (
            ("dlq_reason", b"reply_refused"),
            ("dlq_detail", reason.encode()),
            ("dlq_source_topic", output.topic.encode()),
            (SEALED, b"service"),
        )
        return replace(
            output,
            topic=names.dead_letter,
            partition=None,
            value=self._sealer.seal(output.value, bound_to(about(ours))).encode(),
            headers=(*output.headers, *ours),
        )


def _size(output: Output) -> int:
    return len(output.value) + sum(len(name) + len(value) for name, value in output.headers)


def _now() -> float:
    return asyncio.get_running_loop().time()
