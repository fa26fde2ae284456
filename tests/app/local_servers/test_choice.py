"""Where a server is taken from: the environment, Docker, packages, in this order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import psutil
import pytest

from app.local_servers import ServerUnavailable, kafka_server, local_servers, postgres_server
from app.local_servers.loopback import free_port
from app.local_servers.offers import NotOffered, first_taken
from app.local_servers.servers import KafkaServer

Offer = Callable[[Callable[[str], None]], AbstractContextManager[str]]


def silent(line: str) -> None:
    """Progress that nobody reads."""


def offering(server: str) -> Offer:
    @contextmanager
    def offer(progress: Callable[[str], None]) -> Iterator[str]:
        yield server

    return offer


def refusing(reason: Exception) -> Offer:
    def nothing() -> str:
        raise reason

    @contextmanager
    def offer(progress: Callable[[str], None]) -> Iterator[str]:
        yield nothing()

    return offer


def test_the_first_place_that_has_a_server_is_taken() -> None:
    offers = [refusing(NotOffered("no")), offering("second"), offering("third")]
    with first_taken("Kafka", offers, silent) as server:
        assert server == "second"


def test_when_no_place_has_one_a_single_line_tells_all_that_was_tried() -> None:
    offers = [refusing(NotOffered("A is not set")), refusing(NotOffered("Docker: no daemon"))]
    with (
        pytest.raises(ServerUnavailable) as told,
        first_taken("Kafka", offers, silent),
    ):
        pass
    assert str(told.value) == "No Kafka is to be had: A is not set; Docker: no daemon"


def test_a_server_that_breaks_while_starting_is_not_replaced_by_the_next() -> None:
    offers = [refusing(ServerUnavailable("broken")), offering("next")]
    with (
        pytest.raises(ServerUnavailable, match="broken"),
        first_taken("Kafka", offers, silent),
    ):
        pass


def test_a_failure_inside_the_block_is_not_taken_for_a_refusal() -> None:
    with (
        pytest.raises(NotOffered, match="from the block"),
        first_taken("Kafka", [offering("first"), offering("second")], silent),
    ):
        raise NotOffered("from the block")


def test_a_kafka_named_by_the_environment_must_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOKING_TEST_KAFKA", f"127.0.0.1:{free_port()}")
    with pytest.raises(ServerUnavailable, match="BOOKING_TEST_KAFKA"), kafka_server(silent):
        pass


def test_a_database_named_by_the_environment_must_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"postgresql+asyncpg://a:b@127.0.0.1:{free_port()}/c"
    monkeypatch.setenv("BOOKING_TEST_DATABASE_URL", url)
    with pytest.raises(ServerUnavailable, match="nothing answers"), postgres_server(silent):
        pass


def test_named_servers_are_used_and_never_stopped(
    kafka: KafkaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOKING_TEST_KAFKA", kafka.bootstrap_servers)
    with kafka_server(silent) as named:
        assert named.bootstrap_servers == kafka.bootstrap_servers
        with pytest.raises(ServerUnavailable, match="not ours to stop"):
            named.kill()


def test_when_one_of_both_is_missing_neither_is_left_running(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = {child.pid for child in psutil.Process().children()}
    monkeypatch.setenv("BOOKING_TEST_KAFKA", f"127.0.0.1:{free_port()}")
    with pytest.raises(ServerUnavailable, match="no Kafka answers"), local_servers(silent):
        pass
    assert not [child for child in psutil.Process().children() if child.pid not in before]
