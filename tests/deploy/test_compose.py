"""compose.yaml: valid by the specification's own schema, and in step with all that it starts."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from jsonschema import Draft7Validator
from typer.main import get_command

from adapters.kafka.broker import GRACE_SECONDS
from adapters.kafka.settings import KafkaSettings
from app.cli.application import application
from app.main import GIVES_UP_WITHIN_SECONDS
from tests.deploy.known_settings import strange_settings
from tests.deploy.write_dashboards import FOLDER, OVERVIEW
from tests.tools import brought, tool

REPOSITORY: Final = Path(__file__).parents[2]
COMPOSE: Final[dict[str, Any]] = yaml.safe_load((REPOSITORY / "compose.yaml").read_text())
SERVICES: Final[dict[str, dict[str, Any]]] = COMPOSE["services"]
OURS: Final = ("migration", "topics", "partners", "worker")
PROMETHEUS: Final = REPOSITORY / "deploy/prometheus/prometheus.yaml"


def test_the_specification_allows_it() -> None:
    schema = json.loads(brought(".tools/schemas/compose-spec.json").read_text())
    assert [error.message for error in Draft7Validator(schema).iter_errors(COMPOSE)] == []
    assert not Draft7Validator(schema).is_valid(COMPOSE | {"service": {}})


@pytest.mark.parametrize("name", SERVICES)
def test_what_it_builds_on_is_there(name: str) -> None:
    service = SERVICES[name]
    assert set(service.get("depends_on", ())) <= SERVICES.keys()
    for volume in service.get("volumes", ()):
        source = volume.partition(":")[0]
        assert (REPOSITORY / source).exists() if source[0] == "." else source in COMPOSE["volumes"]


@pytest.mark.parametrize("name", [name for name in SERVICES if name not in OURS])
def test_images_are_of_one_version(name: str) -> None:
    assert re.fullmatch(r"[\w/.-]+:v?\d+\.\d+(\.\d+)?", SERVICES[name]["image"])


def test_ports_are_open_on_this_machine_alone() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_a_setting_that_there_is(name: str) -> None:
    assert strange_settings(SERVICES[name]["environment"]) == []


@pytest.mark.parametrize("name", OURS)
def test_the_image_is_run_as_it_may_be_run_anywhere(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    (writable,) = service["tmpfs"]
    assert writable.startswith("/run/booking:")


@pytest.mark.parametrize("name", ["migration", "topics"])
def test_what_runs_once_is_a_command_that_there_is(name: str) -> None:
    now: Any = get_command(application)
    for word in SERVICES[name]["command"]:
        now = now.commands[word]
    condition = SERVICES["worker"]["depends_on"][name]["condition"]
    assert condition == "service_completed_successfully"


def test_a_worker_has_longer_to_end_than_it_takes_at_the_latest() -> None:
    drains = KafkaSettings("").drain_seconds + GRACE_SECONDS
    grace = int(SERVICES["worker"]["stop_grace_period"].removesuffix("s"))
    assert grace > max(drains, GIVES_UP_WITHIN_SECONDS)


def test_prometheus_reads_its_configuration_and_finds_the_workers(tmp_path: Path) -> None:
    text = PROMETHEUS.read_text().replace("/etc/prometheus/", f"{PROMETHEUS.parent}/")
    (tmp_path / "prometheus.yaml").write_text(text)
    ran = subprocess.run(
        [tool("promtool"), "check", "config", str(tmp_path / "prometheus.yaml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (job,) = yaml.safe_load(text)["scrape_configs"]
    (found,) = job["dns_sd_configs"]
    assert set(found["names"]) <= SERVICES.keys()
    assert str(found["port"]) == SERVICES["worker"]["environment"]["BOOKING_METRICS__PORT"]


def test_grafana_finds_its_dashboards_and_where_the_figures_are() -> None:
    grafana = SERVICES["grafana"]
    mounted = dict(volume.split(":")[:2] for volume in grafana["volumes"])
    place = mounted[f"./{FOLDER.relative_to(REPOSITORY)}"]
    provisioning = REPOSITORY / "deploy/grafana/provisioning"
    assert mounted[f"./{provisioning.relative_to(REPOSITORY)}"] == "/etc/grafana/provisioning"
    (provider,) = yaml.safe_load((provisioning / "dashboards/booking.yaml").read_text())[
        "providers"
    ]
    assert provider["options"]["path"] == place
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{place}/{OVERVIEW.uid}.json"
    sources = yaml.safe_load((provisioning / "datasources/prometheus.yaml").read_text())
    for source in sources["datasources"]:
        assert re.sub(r"https?://([^:/]+).*", r"\1", source["url"]) in SERVICES


def test_spans_find_their_way() -> None:
    collector = yaml.safe_load((REPOSITORY / "deploy/otel/collector.yaml").read_text())
    (_, _, port) = collector["receivers"]["otlp"]["protocols"]["http"]["endpoint"].rpartition(":")
    to = SERVICES["worker"]["environment"]["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"]
    assert to == f"http://collector:{port}/v1/traces"
    assert collector["exporters"]["otlp"]["endpoint"].partition(":")[0] in SERVICES
    (pipeline,) = collector["service"]["pipelines"].values()
    for part in ("receivers", "processors", "exporters"):
        assert set(pipeline[part]) == collector[part].keys()
