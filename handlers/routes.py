"""Where a reply goes: the topic that was asked for when it is allowed, and who it is for."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence

import orjson

from domain.values import dataclass
from handlers.ports import Output, Topics
from schemas.headers import Headers, reply_topic

JSON_TYPE = ("content-type", b"application/json")


@dataclass(frozen=True, slots=True)
class ReplyRoute:
    """Topic, partition, key and headers of a reply; everything but its body."""

    topic: str
    partition: int | None
    key: bytes
    headers: tuple[tuple[str, bytes], ...]

    def reply(self, body: bytes, *, replayed: bool = False) -> Output:
        headers = (*self.headers, ("replayed", b"true")) if replayed else self.headers
        return Output(self.topic, self.key, body, headers, self.partition)

    def dumped(self) -> str:
        """As JSON text, to be kept with the command."""
        return orjson.dumps(
            [
                self.topic,
                self.partition,
                _text(self.key),
                [[name, _text(value)] for name, value in self.headers],
            ]
        ).decode()

    @classmethod
    def loaded(cls, text: str) -> ReplyRoute:
        topic, partition, key, headers = orjson.loads(text)
        return cls(
            topic,
            partition,
            b64decode(key),
            tuple((name, b64decode(value)) for name, value in headers),
        )


def _text(value: bytes) -> str:
    return b64encode(value).decode()


class ReplyRoutes:
    """Decides the route of each reply from the asking record's headers."""

    def __init__(self, prefix: str, allowed_prefixes: Sequence[str], topics: Topics) -> None:
        self._default = f"{prefix}.replies"
        self._allowed = tuple(allowed_prefixes) or (self._default,)
        self._topics = topics

    def route(self, headers: Headers, message_id: str | None) -> ReplyRoute | None:
        """The route of the reply; None when nobody could tell what it is a reply to.

        `message_id` is the correlation id of those who sent none.
        """
        correlation = headers.correlation_id or (message_id.encode() if message_id else None)
        if correlation is None:
            return None
        topic, partition, refused = self._target(headers)
        out = [("correlation_id", correlation), JSON_TYPE]
        if headers.spring_correlation_id is not None:
            out.append(("kafka_correlationId", headers.spring_correlation_id))
        if headers.traceparent is not None:
            out.append(("traceparent", headers.traceparent))
        if refused:
            out.append(("reply_to_refused", b"true"))
        return ReplyRoute(topic, partition, correlation, tuple(out))

    def _target(self, headers: Headers) -> tuple[str, int | None, bool]:
        topic, refused = reply_topic(headers.reply_to, self._allowed, self._default)
        if refused:
            return self._default, None, True
        partitions = self._topics.partitions_of(topic)
        if topic != self._default and partitions is None:
            return self._default, None, True
        partition = headers.reply_partition
        if partition is not None and not 0 <= partition < (partitions or 0):
            return self._default, None, True
        return topic, partition, False
