"""Lines that call kafka-acls.sh, carried out by Kafka's protocol: quicker than its own program."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from itertools import product
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import CreateAclsRequest, DeleteAclsRequest

from adapters.kafka.acls import Operation, Resource
from adapters.kafka.settings import KafkaSettings

# By Kafka's numbers.
_RESOURCES: Final = {Resource.TOPIC: 2, Resource.GROUP: 3, Resource.TRANSACTIONAL_ID: 5}
_PATTERNS: Final = {"literal": 3, "prefixed": 4}
_OPERATIONS: Final = {operation.word: operation for operation in Operation}
_ALLOW: Final = 3


async def carry_out(admin_settings: KafkaSettings, lines: Sequence[str]) -> None:
    """Each has to change something and to succeed; an option that is not known ends the test."""
    admin = AIOKafkaAdminClient(**admin_settings.connection())
    await admin.start()
    try:
        for line in lines:
            for request in _requests(line):
                answer = await admin._send_request(request)
                if isinstance(request, CreateAclsRequest):
                    assert [code for code, _ in answer.creation_responses] == [0], line
                else:
                    ((code, _, removed),) = answer.filter_responses
                    assert (code, len(removed)) == (0, 1), line
    finally:
        await admin.close()


def _requests(line: str) -> list[CreateAclsRequest | DeleteAclsRequest]:
    program, *words = shlex.split(line)
    assert program == "kafka-acls.sh"
    asked = vars(_options().parse_args(words))
    named = [
        (kind, name)
        for option, kind in _RESOURCES.items()
        for name in asked[option.replace("-", "_")]
    ]
    assert named
    pattern = _PATTERNS[asked["resource_pattern_type"]]
    change = CreateAclsRequest if asked["add"] else DeleteAclsRequest
    return [
        change(kind, name, pattern, asked["allow_principal"], "*", _OPERATIONS[word], _ALLOW)
        for (kind, name), word in product(named, asked["operation"])
    ]


def _options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(exit_on_error=False)
    change = options.add_mutually_exclusive_group(required=True)
    change.add_argument("--add", action="store_true")
    change.add_argument("--remove", action="store_true")
    for name in ("--bootstrap-server", "--command-config", "--allow-principal"):
        options.add_argument(name, required=True)
    options.add_argument("--operation", action="append", required=True, choices=_OPERATIONS)
    for resource in _RESOURCES:
        options.add_argument(f"--{resource}", action="append", default=[])
    options.add_argument("--resource-pattern-type", choices=_PATTERNS, default="literal")
    return options
