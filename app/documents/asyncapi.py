"""The AsyncAPI 3 document: channels, operations with their replies, messages, keys, servers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from adapters.kafka.settings import KafkaSettings
from adapters.kafka.topics import TopicPlan, planned_topics
from app.documents.errors import errors_table
from app.documents.shapes import DEFINITIONS, UNREADABLE_REPLY, Shape, reply_name, shapes
from schemas.catalogue import Kind

Node = dict[str, Any]

VERSION: Final = "1.0.0"
"""Of the messages, not of the code: the first number changes with what breaks a promise."""
_TITLE: Final = "Booking worker"
_LICENCE: Final = {
    "name": "Apache 2.0",
    "url": "https://www.apache.org/licenses/LICENSE-2.0",
}
_WELCOME: Final = """\
Bookings of rooms, tables and other units over Kafka: commands and queries in, exactly one reply
for each command, events out.

- **Key** commands by `venue_id` in lower case; any other key works and costs one hop.
- **Read** with `isolation.level=read_committed`, or aborted tries are seen.
- **Repeat** whatever you are unsure of under the same `command_id`: it is done once and answered
  again. After a reply that says `retryable`, send a new `command_id` with the same
  `idempotency_key`.
- **Ignore** fields and events that you do not know: new ones may come at any time.
"""
_TAGS: Final = {
    "commands": "Change something; each gets exactly one reply.",
    "queries": "Ask something; nothing changes.",
    "replies": "What commands and queries are answered.",
    "events": "What happened to bookings, in the order of their versions.",
    "recovery": "What could not be processed.",
}
_TAG_OF: Final = {
    Kind.COMMAND: "commands",
    Kind.QUERY: "queries",
    Kind.REPLY: "replies",
    Kind.EVENT: "events",
    Kind.DEAD_LETTER: "recovery",
}
_CHANNELS: Final = {
    "commands": ("Commands", "All that changes a booking. Applied in order, venue by venue."),
    "queries": ("Queries", "Reads, which never wait behind commands."),
    "replies": ("Replies", "Replies to whoever names no topic of their own."),
    "events": ("Events", "What happened, for everybody, without anything personal. Kept for ever."),
    "dead-letter": ("Dead letters", "Records that could not be processed, sealed, for operators."),
}
_REPLY_TO: Final = "reply-to"
_BEARER: Final = "token"
_SASL: Final = {
    "PLAIN": "plain",
    "SCRAM-SHA-256": "scramSha256",
    "SCRAM-SHA-512": "scramSha512",
}


def document(settings: KafkaSettings, *, needs_token: bool = True) -> Node:
    """The whole document. Of the settings it shows brokers, topics and groups, and no secret."""
    told = _Told(settings, shapes(), needs_token)
    return {
        "asyncapi": "3.0.0",
        "id": "urn:booking-worker",
        "info": {
            "title": _TITLE,
            "version": VERSION,
            "description": f"{_WELCOME}\n## Errors\n\n{errors_table()}\n",
            "license": _LICENCE,
            "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        },
        "defaultContentType": "application/json",
        "servers": _servers(settings),
        "channels": told.channels(),
        "operations": told.operations(),
        "components": told.components(),
    }


@dataclass(frozen=True, slots=True)
class _Told:
    settings: KafkaSettings
    shapes: tuple[Shape, ...]
    needs_token: bool

    def channels(self) -> Node:
        plans = {plan.name: plan for plan in planned_topics(self.settings.topic_prefix)}
        channels: Node = {}
        for topic, (title, description) in _CHANNELS.items():
            plan = plans[f"{self.settings.topic_prefix}.{topic}"]
            channels[topic] = {
                "address": plan.name,
                "title": title,
                "description": description,
                "messages": _messages(each for each in self.shapes if each.topic == topic),
                "tags": [{"name": _TAG_OF[self._kind_of(topic)]}],
                "bindings": {"kafka": _topic_binding(plan)},
            }
        channels[_REPLY_TO] = {
            "address": None,
            "title": "The topic that `reply_to` names",
            "description": "A topic of the client's own, within the allowed prefixes; without the"
            " header, or when it is not allowed, the topic of replies.",
            "messages": _messages(each for each in self.shapes if each.kind is Kind.REPLY),
            "tags": [{"name": "replies"}],
        }
        return channels

    def operations(self) -> Node:
        asked = (shape for shape in self.shapes if shape.kind in (Kind.COMMAND, Kind.QUERY))
        sent = {
            "send_replies": ("replies", "Answer whoever names no topic of their own."),
            "send_events": ("events", "Tell what happened to a booking."),
            "send_dead_letters": ("dead-letter", "Set aside what cannot be processed."),
        }
        receiving = {shape.name: self._receiving(shape) for shape in asked}
        return receiving | {
            name: {
                "action": "send",
                "title": _CHANNELS[channel][0],
                "summary": summary,
                "channel": _ref("channels", channel),
                "tags": [{"name": _TAG_OF[self._kind_of(channel)]}],
            }
            for name, (channel, summary) in sent.items()
        }

    def components(self) -> Node:
        definitions: Node = {}
        messages = {each.name: self._message(each, definitions) for each in self.shapes}
        return {
            "messages": messages,
            "schemas": dict(sorted(definitions.items())),
            "securitySchemes": _security_schemes(self.settings),
            "correlationIds": {
                "correlation_id": {
                    "location": "$message.header#/correlation_id",
                    "description": "The same on command, reply and events.",
                }
            },
        }

    def _kind_of(self, topic: str) -> Kind:
        return next(shape.kind for shape in self.shapes if shape.topic == topic)

    def _receiving(self, shape: Shape) -> Node:
        group = self.settings.group_id
        if shape.kind is Kind.QUERY:
            group = self.settings.queries_group_id
        operation = {
            "action": "receive",
            "title": shape.name,
            "summary": _plain(shape.summary),
            "channel": _ref("channels", shape.topic),
            "messages": [_ref("channels", shape.topic, "messages", shape.name)],
            "tags": [{"name": _TAG_OF[shape.kind]}],
            "bindings": {
                "kafka": {
                    "groupId": {"type": "string", "enum": [group]},
                    "bindingVersion": "0.5.0",
                }
            },
            "reply": {
                "address": {
                    "location": "$message.header#/reply_to",
                    "description": f"Else `{self.settings.topic_prefix}.replies`.",
                },
                "channel": _ref("channels", _REPLY_TO),
                "messages": [
                    _ref("channels", _REPLY_TO, "messages", name)
                    for name in (reply_name(shape.name), UNREADABLE_REPLY)
                ],
            },
        }
        if self.needs_token:
            operation["security"] = [_ref("components", "securitySchemes", _BEARER)]
        return operation

    def _message(self, shape: Shape, definitions: Node) -> Node:
        message: Node = {
            "name": shape.name,
            "title": shape.name,
            "summary": _plain(shape.summary),
            "contentType": "application/json",
            "headers": _headers(shape, needs_token=self.needs_token),
            "correlationId": _ref("components", "correlationIds", "correlation_id"),
            "tags": [{"name": _TAG_OF[shape.kind]}],
            "bindings": {
                "kafka": {
                    "key": {"type": "string", "description": shape.key},
                    "bindingVersion": "0.5.0",
                }
            },
            "examples": [
                {"name": f"{shape.name}_{number}", "payload": example}
                for number, example in enumerate(shape.examples, 1)
            ],
        }
        if shape.schema is None:
            del message["examples"], message["correlationId"]
            message["contentType"] = "application/octet-stream"
            message["payload"] = {"description": "The record's own value, sealed."}
        else:
            message["payload"] = _hoisted(shape.schema, definitions)
        return message


def _servers(settings: KafkaSettings) -> Node:
    hosts = [host.strip() for host in settings.bootstrap_servers.split(",")]
    names = ["kafka"] if len(hosts) == 1 else [f"kafka-{at}" for at in range(1, len(hosts) + 1)]
    server: Node = {
        "protocol": "kafka-secure" if settings.is_encrypted else "kafka",
        "description": "A broker to begin with; the cluster tells of the others.",
    }
    if settings.is_named or settings.tls.certificate is not None:
        server["security"] = [_ref("components", "securitySchemes", "kafka")]
    return {name: {"host": host} | server for name, host in zip(names, hosts, strict=True)}


def _security_schemes(settings: KafkaSettings) -> Node:
    schemes: Node = {
        _BEARER: {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "In the record's header `authorization`, as `Bearer <JWT>`. Judged once,"
            " at the record's time in the broker.",
        }
    }
    if settings.is_named:
        schemes["kafka"] = {"type": _SASL[settings.sasl_mechanism]}
    elif settings.tls.certificate is not None:
        schemes["kafka"] = {"type": "X509"}
    return schemes


def _topic_binding(plan: TopicPlan) -> Node:
    configuration = plan.configuration()
    told: Node = {"cleanup.policy": [configuration["cleanup.policy"]]}
    for name in ("retention.ms", "retention.bytes", "max.message.bytes", "delete.retention.ms"):
        if name in configuration:
            told[name] = int(configuration[name])
    return {
        "topic": plan.name,
        "partitions": plan.partitions,
        "topicConfiguration": told,
        "bindingVersion": "0.5.0",
    }


def _headers(shape: Shape, *, needs_token: bool) -> Node:
    described = {
        name: {"type": "string", "description": meaning} for name, meaning in shape.headers.items()
    }
    headers: Node = {"type": "object", "properties": described}
    if "authorization" in described and needs_token:
        headers["required"] = ["authorization"]
    return headers


def _messages(of: Iterable[Shape]) -> Node:
    return {shape.name: _ref("components", "messages", shape.name) for shape in of}


def _plain(text: str) -> str:
    """Summaries are shown as they are, and not as Markdown."""
    return text.replace("`", "")


def _ref(*path: str) -> Mapping[str, str]:
    return {"$ref": "#/" + "/".join(path)}


def _hoisted(schema: Node, definitions: Node) -> Node:
    """Its definitions go to the document's own, where those of all messages are shared."""
    for name, definition in schema.get("definitions", {}).items():
        shared = _pointing(definition)
        if definitions.setdefault(name, shared) != shared:
            raise ValueError(f"two messages mean different things by {name}")
    body = {key: value for key, value in schema.items() if key not in ("definitions", "$schema")}
    pointing: Node = _pointing(body)
    return pointing


def _pointing(node: Any) -> Any:
    match node:
        case dict():
            return {key: _pointing(value) for key, value in node.items()}
        case list():
            return [_pointing(each) for each in node]
        case str() if node.startswith(DEFINITIONS):
            return "#/components/schemas/" + node.removeprefix(DEFINITIONS)
        case _:
            return node
