"""The Grafana dashboards as tables; `python -m tests.deploy.write_dashboards` writes their JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parents[2] / "deploy/grafana/dashboards"
_SOURCE: Final = {"type": "prometheus", "uid": "${source}"}
_WIDTH, _HEIGHT, _COLUMNS = 8, 8, 3
_EVERY: Final = "$__rate_interval"


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture: each expression with the legend of its series; `unit` is Grafana's."""

    title: str
    unit: str
    lines: Sequence[tuple[str, str]]
    shape: str = "timeseries"
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class Dashboard:
    """Rows of panels under headings."""

    uid: str
    title: str
    rows: Sequence[tuple[str, Sequence[Panel]]]


def rate(name: str, by: str, matchers: str = "") -> str:
    return f"sum by ({by}) (rate({name}{matchers}[{_EVERY}]))"


def quantile(share: float, name: str, by: str, matchers: str = "") -> str:
    return (
        f"histogram_quantile({share}, {rate(f'{name}_bucket', f'le, {by}'.rstrip(', '), matchers)})"
    )


def quantiles(name: str, by: str = "", legend: str = "") -> list[tuple[str, str]]:
    return [
        (quantile(share, name, by), f"{legend} {word}".strip())
        for share, word in ((0.5, "half"), (0.95, "95 %"), (0.99, "99 %"))
    ]


OVERVIEW: Final = Dashboard(
    "booking-overview",
    "Booking overview",
    [
        (
            "Is it well?",
            [
                Panel(
                    "Workers that are ready",
                    "none",
                    [
                        ("sum(booking_worker_ready)", "ready"),
                        ("count(booking_worker_ready)", "all"),
                    ],
                ),
                Panel(
                    "From a record to its reply",
                    "s",
                    quantiles("booking_messages_age_seconds", "kind", "{{kind}}"),
                    meaning="From the broker's timestamp to the commit of the reply.",
                ),
                Panel(
                    "Records that wait",
                    "short",
                    [("sum by (topic) (booking_consumer_lag)", "{{topic}}")],
                ),
                Panel(
                    "Errors of the service, by operation",
                    "percentunit",
                    [
                        (
                            rate(
                                "booking_messages_outcomes_total",
                                "operation",
                                '{code="internal_error"}',
                            )
                            + " / "
                            + rate("booking_messages_outcomes_total", "operation"),
                            "{{operation}}",
                        )
                    ],
                ),
                Panel(
                    "Set aside",
                    "short",
                    [
                        (
                            f"sum by (reason) (increase(booking_dead_letters_total[{_EVERY}]))",
                            "{{reason}}",
                        )
                    ],
                ),
                Panel(
                    "Owed to partners",
                    "short",
                    [("max(booking_undo_owed)", "effects")],
                    meaning="Every worker tells the same number.",
                ),
            ],
        ),
        (
            "What happens",
            [
                Panel(
                    "Messages by operation",
                    "reqps",
                    [(rate("booking_messages_outcomes_total", "operation"), "{{operation}}")],
                ),
                Panel(
                    "Refusals and errors by code",
                    "reqps",
                    [(rate("booking_messages_outcomes_total", "code", '{code!="ok"}'), "{{code}}")],
                ),
                Panel(
                    "Bookings made",
                    "ops",
                    [
                        (
                            rate("booking_bookings_created_total", "venue_type, price_source"),
                            "{{venue_type}} {{price_source}}",
                        )
                    ],
                ),
                Panel(
                    "Changes of status",
                    "ops",
                    [(rate("booking_bookings_transitions_total", "to_status"), "{{to_status}}")],
                ),
                Panel(
                    "Value in an hour",
                    "short",
                    [
                        (
                            "sum by (currency, flow) (increase(booking_bookings_value_total[1h]))",
                            "{{flow}} {{currency}}",
                        )
                    ],
                    meaning="In whole units of the currency.",
                ),
                Panel(
                    "Expiry after its time",
                    "s",
                    quantiles("booking_expiry_delay_seconds"),
                ),
            ],
        ),
    ],
)

WORKER: Final = Dashboard(
    "booking-worker",
    "Booking worker",
    [
        (
            "Work",
            [
                Panel(
                    "Lag by partition",
                    "short",
                    [
                        (
                            "max by (topic, partition) (booking_consumer_lag)",
                            "{{topic}} {{partition}}",
                        )
                    ],
                ),
                Panel(
                    "Records of a batch",
                    "short",
                    quantiles("booking_batches_records", "kind", "{{kind}}"),
                ),
                Panel(
                    "Stages of a batch of commands, 95 %",
                    "s",
                    [
                        (
                            quantile(
                                0.95,
                                "booking_batches_stage_duration_seconds",
                                "stage",
                                '{kind="command"}',
                            ),
                            "{{stage}}",
                        )
                    ],
                ),
                Panel(
                    "Stages of a batch of queries, 95 %",
                    "s",
                    [
                        (
                            quantile(
                                0.95,
                                "booking_batches_stage_duration_seconds",
                                "stage",
                                '{kind="query"}',
                            ),
                            "{{stage}}",
                        )
                    ],
                ),
                Panel(
                    "Fetched again, by reason",
                    "ops",
                    [(rate("booking_batches_retries_total", "reason"), "{{reason}}")],
                ),
                Panel(
                    "Sent on to their home",
                    "ops",
                    [(f"sum(rate(booking_records_forwarded_total[{_EVERY}]))", "forwarded")],
                ),
            ],
        ),
        (
            "Lanes and database",
            [
                Panel(
                    "Lanes open",
                    "short",
                    [("sum by (instance) (booking_lanes_open)", "{{instance}}")],
                ),
                Panel(
                    "Lanes opened, and lost to others",
                    "short",
                    [
                        (f"sum(increase(booking_lanes_opened_total[{_EVERY}]))", "opened"),
                        (
                            f"sum by (by) (increase(booking_lanes_fenced_total[{_EVERY}]))",
                            "lost by {{by}}",
                        ),
                    ],
                ),
                Panel(
                    "Connections in use",
                    "short",
                    [
                        (
                            'sum by (instance, pool) (booking_database_connections{state="used"})',
                            "{{instance}} {{pool}}",
                        )
                    ],
                ),
                Panel(
                    "Caches: share that hits",
                    "percentunit",
                    [
                        (
                            rate("booking_cache_lookups_total", "cache", '{result="hit"}')
                            + " / "
                            + rate("booking_cache_lookups_total", "cache"),
                            "{{cache}}",
                        )
                    ],
                ),
                Panel(
                    "Queries by who answered them",
                    "reqps",
                    [(rate("booking_replica_reads_total", "answered_by"), "{{answered_by}}")],
                ),
                Panel(
                    "Partitions ahead",
                    "s",
                    [("min by (table) (booking_retention_ahead_seconds)", "{{table}}")],
                ),
                Panel(
                    "Retired",
                    "short",
                    [
                        (
                            "sum by (table) (increase(booking_retention_retired_total[1h]))",
                            "{{table}}",
                        )
                    ],
                ),
            ],
        ),
    ],
)

PARTNERS: Final = Dashboard(
    "booking-partners",
    "Booking partners",
    [
        (
            "Calls",
            [
                Panel(
                    "Calls by result",
                    "reqps",
                    [
                        (
                            rate("booking_partners_call_duration_seconds_count", "partner, result"),
                            "{{partner}} {{result}}",
                        )
                    ],
                ),
                Panel(
                    "Whole calls, 95 %",
                    "s",
                    [
                        (
                            quantile(
                                0.95, "booking_partners_call_duration_seconds", "partner, call"
                            ),
                            "{{partner}} {{call}}",
                        )
                    ],
                ),
                Panel(
                    "Attempts without a usable answer",
                    "ops",
                    [
                        (
                            rate("booking_partners_failures_total", "partner, reason"),
                            "{{partner}} {{reason}}",
                        )
                    ],
                ),
                Panel(
                    "Breakers open",
                    "none",
                    [("max by (partner) (booking_partners_breaker_open)", "{{partner}}")],
                ),
                Panel(
                    "Addresses",
                    "none",
                    [
                        (
                            "min by (partner, state) (booking_partners_addresses)",
                            "{{partner}} {{state}}",
                        )
                    ],
                ),
                Panel(
                    "Owed since",
                    "s",
                    [("max(booking_undo_oldest_age_seconds)", "the oldest")],
                ),
            ],
        ),
    ],
)

DASHBOARDS: Final = (OVERVIEW, WORKER, PARTNERS)


def written(dashboard: Dashboard) -> str:
    """As Grafana reads it."""
    model = {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "tags": ["booking"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {
            "list": [
                {
                    "name": "source",
                    "label": "Prometheus",
                    "type": "datasource",
                    "query": "prometheus",
                    "current": {},
                }
            ]
        },
        "links": [
            {
                "type": "dashboards",
                "title": "Booking",
                "tags": ["booking"],
                "asDropdown": True,
                "keepTime": True,
            }
        ],
        "panels": list(_panels(dashboard)),
    }
    return json.dumps(model, indent=1) + "\n"


def _panels(dashboard: Dashboard) -> Iterator[dict[str, Any]]:
    number, top = 1, 0
    for heading, panels in dashboard.rows:
        yield {
            "id": number,
            "type": "row",
            "title": heading,
            "collapsed": False,
            "panels": [],
            "gridPos": {"h": 1, "w": 24, "x": 0, "y": top},
        }
        number, top = number + 1, top + 1
        for place, panel in enumerate(panels):
            row, column = divmod(place, _COLUMNS)
            at = {"h": _HEIGHT, "w": _WIDTH, "x": column * _WIDTH, "y": top + row * _HEIGHT}
            yield _panel(panel, number, at)
            number += 1
        top += -(-len(panels) // _COLUMNS) * _HEIGHT


def _panel(panel: Panel, number: int, at: dict[str, int]) -> dict[str, Any]:
    return {
        "id": number,
        "type": panel.shape,
        "title": panel.title,
        "description": panel.meaning,
        "datasource": _SOURCE,
        "gridPos": at,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        "targets": [
            {
                "refId": chr(ord("A") + place),
                "datasource": _SOURCE,
                "expr": expression,
                "legendFormat": legend,
            }
            for place, (expression, legend) in enumerate(panel.lines)
        ],
    }


if __name__ == "__main__":
    for each in DASHBOARDS:
        (FOLDER / f"{each.uid}.json").write_text(written(each))
