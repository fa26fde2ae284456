"""What the Kafka side counts: outputs where they went, parts that come again and why, the lag."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import InvalidProducerEpoch, KafkaConnectionError, ProducerFenced
from aiokafka.structs import OffsetAndMetadata
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from adapters.kafka.figures import KafkaFigures
from adapters.kafka.lag import Lag
from adapters.kafka.publishing import OutputRefused
from adapters.kafka.refusals import Refusals
from adapters.kafka.topics import TopicNames
from handlers.ports import DatabaseAway, KeysAway, Output
from schemas.measures import DEAD_LETTERS, FORWARDED, LANES_FENCED, RETRIES, Measure
from tests.fakes.sealing import FakeServiceKeys

NAMES = TopicNames("booking")


class Counted:
    """Figures, and what they come to; what is 0 is left out."""

    def __init__(self) -> None:
        self._reader = InMemoryMetricReader()
        provider = MeterProvider([self._reader], shutdown_on_exit=False)
        self.meter = provider.get_meter("booking")
        self.figures = KafkaFigures.by(self.meter)

    def of(self, measure: Measure) -> dict[str, float]:
        """Value by label, each measure here having one or none."""
        return {label: value for label, value in self.all_of(measure).items() if value}

    def all_of(self, measure: Measure) -> dict[str, float]:
        data: Any = self._reader.get_metrics_data()
        metrics = data.resource_metrics[0].scope_metrics[0].metrics
        (found,) = [metric for metric in metrics if metric.name == measure.name]
        return {
            " ".join(map(str, point.attributes.values())): point.value
            for point in found.data.data_points
        }


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ProducerFenced(), "fenced"),
        (InvalidProducerEpoch(), "fenced"),
        (DatabaseAway(), "database"),
        (KeysAway(), "keys"),
        (TimeoutError(), "timeout"),
        (KafkaConnectionError(), "kafka"),
        (OutputRefused(), "kafka"),
        (ZeroDivisionError(), "failure"),
    ],
)
def test_what_comes_again_counts_by_what_was_in_the_way(error: Exception, reason: str) -> None:
    counted = Counted()
    counted.figures.failed(2, error)
    assert counted.of(RETRIES) == {reason: 2}
    assert counted.of(LANES_FENCED) == ({"kafka": 2} if reason == "fenced" else {})


def test_lanes_lost_in_the_database_count_as_fenced_there() -> None:
    counted = Counted()
    counted.figures.lost(3)
    assert counted.of(LANES_FENCED) == {"database": 3}
    assert counted.of(RETRIES) == {"lane_lost": 3}


def test_what_happens_seldom_stands_there_before_it_happens() -> None:
    counted = Counted()
    assert set(counted.all_of(RETRIES)) == set(RETRIES.labels["reason"].split(", "))
    assert set(counted.all_of(DEAD_LETTERS)) == set(DEAD_LETTERS.labels["reason"].split(", "))
    assert set(counted.all_of(LANES_FENCED)) == set(LANES_FENCED.labels["by"].split(", "))
    assert counted.all_of(FORWARDED) == {"": 0}


def an_output(topic: str, *headers: tuple[str, bytes]) -> Output:
    return Output(topic, b"key", b"value", headers)


def test_outputs_count_where_they_went_once_they_are_there() -> None:
    counted = Counted()
    topics: Any = SimpleNamespace(partitions_of=lambda _: 4)
    refusals = Refusals(NAMES, topics, FakeServiceKeys(), counted.figures.published(NAMES))
    outputs = refusals.readdress(
        [
            an_output(NAMES.replies),
            an_output(NAMES.commands),
            an_output(NAMES.dead_letter, ("dlq_reason", b"unreadable")),
            an_output(NAMES.dead_letter, ("dlq_reason", b"ann@example.org")),
        ]
    )
    assert counted.of(FORWARDED) == {}
    refusals.forget(outputs)
    assert counted.of(FORWARDED) == {"": 1}
    assert counted.of(DEAD_LETTERS) == {"unreadable": 1, "other": 1}


def a_consumer(positions: dict[TopicPartition, int], ends: dict[TopicPartition, int | None]) -> Any:
    """As far as the lag looks into it."""
    assignment = SimpleNamespace(
        all_consumed_offsets=lambda: {s: OffsetAndMetadata(p, "") for s, p in positions.items()},
        state_value=lambda source: SimpleNamespace(highwater=ends[source]),
    )
    subscription = SimpleNamespace(assignment=assignment)
    return SimpleNamespace(_subscription=SimpleNamespace(subscription=subscription))


def test_the_lag_is_what_is_not_done_of_each_partition() -> None:
    first, second, unknown = (TopicPartition("booking.commands", n) for n in range(3))
    consumer = a_consumer({first: 7, second: 9, unknown: 3}, {first: 10, second: 9, unknown: None})
    lag = Lag("booking")
    lag.look([consumer, None], {second: 4})
    assert list(lag.read()) == [
        (3, {"topic": "commands", "partition": "0"}),
        (5, {"topic": "commands", "partition": "1"}),
    ]


def test_partitions_that_were_taken_away_have_no_lag() -> None:
    source = TopicPartition("booking.commands", 0)
    lag = Lag("booking")
    lag.look([a_consumer({source: 1}, {source: 2})], {})
    unassigned: Any = SimpleNamespace(_subscription=SimpleNamespace(subscription=None))
    lag.look([unassigned], {})
    assert list(lag.read()) == []
