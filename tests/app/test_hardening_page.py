"""docs/hardening.md shows what the service prints, and nothing that is broader than need be."""

from __future__ import annotations

import shlex

import pytest

from adapters.kafka.acls import Operation, Resource
from adapters.kafka.rights import deployer_rights, operator_rights, worker_rights
from adapters.kafka.settings import KafkaSettings
from tests.app.cli.conftest import Booking, booking
from tests.app.write_hardening_page import PAGE, SETTINGS, SHOWN

COMMANDS = [found.groups() for found in SHOWN.finditer(PAGE.read_text())]

__all__ = ["booking"]  # a fixture


def test_the_page_shows_every_kind_of_rights() -> None:
    assert len(COMMANDS) == 6


@pytest.mark.parametrize(("command", "shown"), COMMANDS, ids=[each[0] for each in COMMANDS])
def test_what_the_page_shows_is_what_is_printed(
    booking: Booking, monkeypatch: pytest.MonkeyPatch, command: str, shown: str
) -> None:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    ran = booking(*shlex.split(command))
    assert (ran.code, ran.out) == (0, shown)


def test_no_right_in_kafka_goes_beyond_the_services_own_names() -> None:
    settings = KafkaSettings("kafka:9093")
    own = worker_rights(settings, ["booking.replies", "app.answers"])
    for right in (*own, *operator_rights(settings), *deployer_rights(settings)):
        assert "*" not in right.name
        assert right.name.startswith(("booking.", "booking-worker", "app.answers"))
        assert not right.is_prefix or right.name.endswith((".", "-")), "it ends where a name does"
    assert {str(right) for right in own if right.is_prefix} == {
        "Write on topic booking.replies.*",
        "Write on topic app.answers.*",
        "Write on transactional-id booking-worker-booking.commands-*",
    }


def test_a_worker_cannot_read_what_it_writes_for_others_nor_write_what_only_others_send() -> None:
    rights = worker_rights(KafkaSettings("kafka:9093"), ["booking.replies"])
    topics = {right.name: right.operations for right in rights if right.resource is Resource.TOPIC}
    assert {name for name, may in topics.items() if Operation.READ in may} == {
        "booking.commands",
        "booking.queries",
    }
    assert Operation.WRITE not in topics["booking.queries"]
    assert not any(Operation.CREATE in may for may in topics.values())


def test_only_a_worker_whose_queries_remember_reads_events() -> None:
    settings = KafkaSettings("kafka:9093")
    usual = worker_rights(settings, ["booking.replies"])
    remembering = worker_rights(settings, ["booking.replies"], hears_events=True)
    assert {str(right) for right in set(remembering) - set(usual)} == {
        "Read on topic booking.events"
    }


def test_acls_are_printed_for_the_settings_that_are_set(
    booking: Booking, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    command = ("topics", "acls", "--principal", "User:booking")
    usual = booking(*command).out
    monkeypatch.setenv("BOOKING_CACHE__REFERENCE_SECONDS", "1")
    more = set(booking(*command).out.splitlines()) - set(usual.splitlines())
    assert any("--operation Read --topic booking.events" in line for line in more)


def test_without_transactions_there_are_no_transactional_ids() -> None:
    settings = KafkaSettings("kafka:9093", delivery="at_least_once")
    rights = worker_rights(settings, ["booking.replies"])
    assert all(right.resource is not Resource.TRANSACTIONAL_ID for right in rights)
