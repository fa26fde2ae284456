"""The document is AsyncAPI 3, shows what the settings say, and no secret."""

from __future__ import annotations

import json
import os
from typing import Any

import yaml
from jsonschema import Draft7Validator
from typer.testing import CliRunner

from adapters.kafka.settings import KafkaSettings
from adapters.tls import Tls
from app.cli.application import application
from app.documents.asyncapi import document
from app.documents.messages_page import PAGE, messages_page
from app.documents.shapes import shapes
from tests.tools import brought

SETTINGS = KafkaSettings("localhost:9092")
RUNNER = CliRunner()


def test_it_is_valid_by_asyncapis_own_schema() -> None:
    schema = json.loads(brought(".tools/schemas/asyncapi-3.0.0.json").read_text("utf-8"))
    validator = Draft7Validator(schema)
    assert list(validator.iter_errors(document(SETTINGS))) == []
    broken = document(SETTINGS)
    del broken["channels"]["commands"]["bindings"]["kafka"]["bindingVersion"]
    broken["operations"]["create_booking"]["action"] = "publish"
    assert not validator.is_valid(broken)


def test_every_reference_leads_somewhere() -> None:
    whole = document(SETTINGS)
    references = list(_references(whole))
    assert len(references) > 100
    for reference in references:
        found: Any = whole
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]


def test_every_message_is_in_its_channel_with_its_key() -> None:
    whole = document(SETTINGS)
    for shape in shapes():
        assert shape.name in whole["channels"][shape.topic]["messages"]
        message = whole["components"]["messages"][shape.name]
        assert message["bindings"]["kafka"]["key"]["description"] == shape.key
        assert message["headers"]["properties"].keys() == shape.headers.keys()


def test_commands_and_queries_name_their_replies_and_nothing_internal_is_shown() -> None:
    operations = document(SETTINGS)["operations"]
    received = {name: each for name, each in operations.items() if each["action"] == "receive"}
    assert "expire_booking" not in received
    for name, operation in received.items():
        replies = [each["$ref"].rsplit("/", 1)[1] for each in operation["reply"]["messages"]]
        assert replies == [f"{name}_reply", "unreadable_reply"]
        assert operation["reply"]["address"]["location"] == "$message.header#/reply_to"


def test_topics_are_those_that_topics_create_makes() -> None:
    channels = document(KafkaSettings("localhost:9092", topic_prefix="inn"))["channels"]
    assert channels["commands"]["address"] == "inn.commands"
    assert channels["commands"]["bindings"]["kafka"] == {
        "topic": "inn.commands",
        "partitions": 12,
        "topicConfiguration": {"cleanup.policy": ["delete"], "retention.ms": 2_592_000_000},
        "bindingVersion": "0.5.0",
    }
    assert channels["events"]["bindings"]["kafka"]["topicConfiguration"]["retention.ms"] == -1


def test_servers_and_their_security_are_those_of_the_settings_without_secrets() -> None:
    whole = document(
        KafkaSettings(
            "one.example:9093, two.example:9093",
            security_protocol="SASL_SSL",
            sasl_mechanism="SCRAM-SHA-512",
            sasl_username="worker-name",
            sasl_password="worker-secret",
        )
    )
    assert [server["host"] for server in whole["servers"].values()] == [
        "one.example:9093",
        "two.example:9093",
    ]
    assert {server["protocol"] for server in whole["servers"].values()} == {"kafka-secure"}
    assert whole["components"]["securitySchemes"]["kafka"] == {"type": "scramSha512"}
    assert "worker-secret" not in json.dumps(whole)
    assert "worker-name" not in json.dumps(whole)
    mutual = document(
        KafkaSettings("one.example:9093", security_protocol="SSL", tls=Tls(certificate="c.pem"))
    )
    assert mutual["components"]["securitySchemes"]["kafka"] == {"type": "X509"}


def test_without_authentication_no_token_is_asked_for() -> None:
    whole = document(SETTINGS, needs_token=False)
    assert "security" not in whole["operations"]["create_booking"]
    assert "required" not in whole["components"]["messages"]["create_booking"]["headers"]
    with_token = document(SETTINGS)
    assert with_token["operations"]["create_booking"]["security"]


def test_json_and_yaml_say_the_same(monkeypatch: Any) -> None:
    monkeypatch.setenv("BOOKING_AUTH__SECRET", "a secret of thirty-two characters or more")
    monkeypatch.setenv("BOOKING_KAFKA__BOOTSTRAP_SERVERS", "broker.example:9092")
    as_json = RUNNER.invoke(application, ["docs", "--format", "json"]).stdout
    as_yaml = RUNNER.invoke(application, ["docs", "--format", "yaml"]).stdout
    assert json.loads(as_json) == yaml.safe_load(as_yaml)
    assert json.loads(as_json)["servers"]["kafka"]["host"] == "broker.example:9092"
    assert "&id" not in as_yaml


def test_without_settings_it_shows_a_first_try(monkeypatch: Any, tmp_path: Any) -> None:
    monkeypatch.chdir(tmp_path)  # no .env
    for name in [name for name in os.environ if name.startswith("BOOKING_")]:
        monkeypatch.delenv(name)
    told = json.loads(RUNNER.invoke(application, ["docs", "--format", "json"]).stdout)
    assert told["servers"]["kafka"]["host"] == "localhost:9092"
    assert told["operations"]["create_booking"]["security"]
    monkeypatch.setenv("BOOKING_AUTH__MODE", "off")
    told = json.loads(RUNNER.invoke(application, ["docs", "--format", "json"]).stdout)
    assert "security" not in told["operations"]["create_booking"]
    monkeypatch.setenv("BOOKING_KAFKA__BOOTSTRAP_SERVERS", "no port")
    wrong = RUNNER.invoke(application, ["docs"])
    assert "BOOKING_KAFKA__BOOTSTRAP_SERVERS is wrong" in str(wrong.exception)


def test_the_page_is_that_of_the_code() -> None:
    """Else: python -m app.documents.messages_page."""
    assert PAGE.read_text("utf-8") == messages_page()


def _references(node: Any) -> Any:
    match node:
        case dict():
            if isinstance(node.get("$ref"), str):
                yield node["$ref"]
            for each in node.values():
                yield from _references(each)
        case list():
            for each in node:
                yield from _references(each)
