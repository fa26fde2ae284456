"""docs/metrics.md, made from the table; `python -m schemas.measures_page` prints it."""

from __future__ import annotations

import sys
from typing import Final

from schemas.instruments import prometheus_name
from schemas.measures import MEASURES, Measure, Shape

_INTRODUCTION: Final = """\
# Metrics

Made from `schemas/measures.py`; a test keeps this page and the code in step.

Off by default. `BOOKING_METRICS__PORT=9464` opens a port at which Prometheus finds them under
`/metrics`, on all addresses of the machine unless `BOOKING_METRICS__HOST` names one; nothing
personal is to be had there. An OpenTelemetry collector gets the same over OTLP (HTTP, protobuf)
where `OTEL_EXPORTER_OTLP_ENDPOINT` or `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT` is set, every
`OTEL_METRIC_EXPORT_INTERVAL` milliseconds; all of OpenTelemetry's own variables count, from the
environment and not from `.env`. Both may be on. A collector that is away is said once, and costs
the worker nothing but a queue.

```
scrape_configs:
  - job_name: booking-worker
    static_configs: [{targets: ["worker:9464"]}]
```

Beside these a worker shows what its process uses (`process_cpu_seconds_total`,
`process_resident_memory_bytes`, `process_open_fds` and others) and who it is: `target_info` has
`service_name`, `service_version` and `service_instance_id`, from `OTEL_SERVICE_NAME` and
`OTEL_RESOURCE_ATTRIBUTES` where these are set.

## When something counts

- **A message counts once**: when the transaction is committed that has its reply and its offset
  (`at_least_once`: when the broker has the reply). What is aborted and delivered again counts
  when it is published at last. A repeat of a command counts as `replayed`, a forwarded one where
  it is done; a query that is answered twice after a crash counts twice, as its reply came twice.
  A command that was abandoned and is ended by the sweeper counts as that `end_command`.
- **A booking's changes count once**: when the database has committed them. So a worker that dies
  between database and Kafka has counted the booking and not the outcome; its successor counts
  that.
- What happens seldom (`retries`, `dead_letters`, `lanes_fenced`, `forwarded`) stands there with 0
  from the start, so that `increase()` sees the first one too. Other series begin with their first
  value.
- **The lag** is what the broker said with the last fetch, less what is done; it is looked at once
  a second. A partition that rests after a failure is not fetched meanwhile. Scaling goes by the
  lag that Kafka itself tells.
- **What is owed** is asked of the database every ten seconds, in one indexed statement, whoever
  looks.

Labels are words from short lists, never ids: a stranger's words never become one
(`tests/handlers/test_figures.py` tries). A series that everybody sums is best summed by label:
`sum by (code) (rate(booking_messages_outcomes_total[5m]))`.

What it costs: [performance.md](performance.md#being-looked-at).

## The table

A histogram's series in Prometheus add `_bucket`, `_count` and `_sum` to the name.
"""


def metrics_page() -> str:
    """The page as Markdown."""
    return "\n".join((_INTRODUCTION, *map(_section, MEASURES)))


def _section(measure: Measure) -> str:
    unit = measure.unit.strip("{}").replace("_", " ")
    kind = f"{measure.shape.value}, {_UNITS.get(unit, unit)}"
    told = f"`{prometheus_name(measure)}`, {kind}. {measure.meaning}"
    lines = [f"### {measure.name}", "", told]
    if measure.labels:
        lines += ["", "| label | says |", "|---|---|"]
        lines += [f"| `{name}` | {said} |" for name, said in measure.labels.items()]
    if measure.shape is Shape.HISTOGRAM:
        lines += ["", f"Buckets up to {', '.join(f'{bound:g}' for bound in measure.buckets)}."]
    return "\n".join(lines) + "\n"


_UNITS: Final = {"s": "seconds"}

if __name__ == "__main__":
    sys.stdout.write(metrics_page())
