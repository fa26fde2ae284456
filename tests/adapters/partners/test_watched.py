"""Calls that somebody looks at: results, failures by reason, breakers, lines without bodies."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from structlog.testing import capture_logs

from adapters.partners import HttpPartners, PartnerSettings
from adapters.partners.figures import CALLS, PartnerFigures
from adapters.partners.partners import _TABLES
from adapters.partners.watched import WatchedPartners
from app.demo.partners.faults import Fault, Kind
from domain.effects import PartnerCall
from schemas.measures import PARTNER_CALL, PARTNER_FAILURES, Measure
from tests.adapters.partners.conftest import INTENT, QUOTE, RESERVE, Town


class Looked:
    """The town's partners behind an onlooker."""

    def __init__(self, town: Town) -> None:
        self._reader = InMemoryMetricReader()
        provider = MeterProvider([self._reader], shutdown_on_exit=False)
        self.figures = PartnerFigures.by(provider.get_meter("booking"))
        urls = town.stand_ins.urls()
        settings = [
            PartnerSettings(
                urls[f"{name}_url"], timeout_seconds=0.3, attempts=2, breaker_failures=2
            )
            for name in ("inventory", "pricing", "payment")
        ]
        self.http = HttpPartners(*settings, clock=town.clock, figures=self.figures)
        self.watched = WatchedPartners(self.http, self.figures, None)

    async def ask(self, call: PartnerCall) -> None:
        await self.watched.call(call, {})

    def of(self, measure: Measure, label: str) -> dict[str, float]:
        data: Any = self._reader.get_metrics_data()
        found = [
            metric
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == measure.name
        ]
        return {
            f"{point.attributes['call']} {point.attributes[label]}": getattr(point, "count", None)
            or point.value
            for metric in found
            for point in metric.data.data_points
        }


def test_every_call_that_a_partner_knows_has_a_name_there() -> None:
    known = {kind: partner.value for partner, table in _TABLES.items() for kind in table}
    assert {kind: names["partner"] for kind, names in CALLS.items()} == known


async def test_calls_count_by_result_and_attempts_by_what_went_wrong(town: Town) -> None:
    looked = Looked(town)
    async with looked.http:
        await looked.ask(QUOTE)
        town.stand_ins.inventory.faults.add(Fault(Kind.ERROR, times=1, status=503))
        await looked.ask(RESERVE)
        town.stand_ins.payment.faults.add(Fault(Kind.GARBAGE, times=1))
        await looked.ask(INTENT)
        town.stand_ins.pricing.faults.add(Fault(Kind.LATENCY, times=2, seconds=1))
        await looked.ask(QUOTE)
    assert looked.of(PARTNER_CALL, "result") == {
        "calculate answered": 1,
        "reserve answered": 1,
        "intent unavailable": 1,
        "calculate unavailable": 1,
    }
    assert looked.of(PARTNER_FAILURES, "reason") == {
        "reserve status": 1,
        "intent garbled": 1,
        "calculate timeout": 2,
    }


async def test_a_breaker_shows_while_it_is_open_and_calls_that_were_not_made(town: Town) -> None:
    looked = Looked(town)
    async with looked.http:
        town.stand_ins.pricing.faults.add(Fault(Kind.ERROR, times=None, status=500))
        for _ in range(3):
            await looked.ask(QUOTE)
        shown = {labels["partner"]: value for value, labels in looked.http.left_alone()}
    assert shown == {"inventory": 0, "pricing": 1, "payment": 0}
    assert looked.of(PARTNER_CALL, "result") == {
        "calculate unavailable": 2,
        "calculate not_asked": 1,
    }


async def test_a_line_of_a_call_is_for_those_who_want_details_and_has_no_body(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    looked = Looked(town)
    async with looked.http:
        caplog.set_level(logging.INFO)
        with capture_logs() as quiet:
            await looked.ask(RESERVE)
        caplog.set_level(logging.DEBUG)
        with capture_logs() as lines:
            await looked.ask(RESERVE)
    assert quiet == []
    (line,) = lines
    assert set(line) == {"event", "log_level", "partner", "call", "key", "result", "ms", "why"}
    assert (line["call"], line["key"], line["result"]) == ("reserve", RESERVE.key, "answered")
