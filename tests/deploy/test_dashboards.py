"""Dashboards are what their tables say, ask for what there is, and leave no measure out."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.deploy.measured import ALL_SERIES, strangers
from tests.deploy.write_dashboards import DASHBOARDS, FOLDER, Dashboard, written
from tests.tools import tool


def expressions(dashboard: Dashboard) -> list[str]:
    return [
        expression
        for _, panels in dashboard.rows
        for panel in panels
        for expression, _ in panel.lines
    ]


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda each: each.uid)
def test_the_file_is_what_the_table_says(dashboard: Dashboard) -> None:
    """Else: python -m tests.deploy.write_dashboards."""
    assert (FOLDER / f"{dashboard.uid}.json").read_text() == written(dashboard)


def test_no_file_is_without_its_table() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == {each.uid for each in DASHBOARDS}


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda each: each.uid)
def test_panels_ask_for_measures_that_there_are(dashboard: Dashboard) -> None:
    assert [word for each in expressions(dashboard) for word in strangers(each)] == []


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda each: each.uid)
def test_legends_name_labels_that_the_expression_leaves(dashboard: Dashboard) -> None:
    for _, panels in dashboard.rows:
        for panel in panels:
            for expression, legend in panel.lines:
                kept = set(re.findall(r"\w+", " ".join(re.findall(r"by \(([^)]*)\)", expression))))
                assert set(re.findall(r"{{(\w+)}}", legend)) <= kept, panel.title


def test_every_measure_is_shown_somewhere() -> None:
    shown = " ".join(each for dashboard in DASHBOARDS for each in expressions(dashboard))
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in ALL_SERIES}
    assert {family for family in families if family not in shown} == set()


def test_promtool_can_read_every_expression(tmp_path: Path) -> None:
    rules = [
        {"record": f"panel_{number}", "expr": each.replace("$__rate_interval", "5m")}
        for number, each in enumerate(
            each for dashboard in DASHBOARDS for each in expressions(dashboard)
        )
    ]
    file = tmp_path / "panels.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    ran = subprocess.run(
        [tool("promtool"), "check", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda each: each.uid)
def test_no_two_panels_lie_on_each_other(dashboard: Dashboard) -> None:
    cells = [
        (x, y)
        for panel in json.loads(written(dashboard))["panels"]
        for at in [panel["gridPos"]]
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(cells) == len(set(cells))
