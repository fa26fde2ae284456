"""Outputs as stored text, so that they can be published again byte for byte."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from handlers.ports import Output


def dump_events(events: Sequence[Output]) -> str:
    """As a JSON list; keys, header values and bodies are UTF-8 text that we made ourselves."""
    return orjson.dumps(
        [
            [
                event.topic,
                event.key.decode() if event.key is not None else None,
                event.value.decode(),
                [[name, value.decode()] for name, value in event.headers],
            ]
            for event in events
        ]
    ).decode()


def load_events(text: str) -> list[Output]:
    """What was dumped, byte for byte."""
    return [
        Output(
            topic,
            key.encode() if key is not None else None,
            value.encode(),
            tuple((name, header.encode()) for name, header in headers),
        )
        for topic, key, value, headers in orjson.loads(text)
    ]
