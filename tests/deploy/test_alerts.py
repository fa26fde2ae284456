"""Alerts ask for what there is, fire when they should and else not, and each has its section."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.measured import strangers
from tests.tools import tool

REPOSITORY = Path(__file__).parents[2]
ALERTS = REPOSITORY / "deploy/prometheus/alerts.yaml"
CASES = Path(__file__).with_name("alerts.yaml")


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def promtool(*arguments: str, at: Path) -> None:
    ran = subprocess.run(
        [tool("promtool"), *arguments], cwd=at, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_promtool_finds_nothing_wrong() -> None:
    promtool("check", "rules", "--lint=all", "--lint-fatal", str(ALERTS), at=REPOSITORY)


def test_alerts_fire_when_they_should_and_else_not(tmp_path: Path) -> None:
    """Without their annotations, or each case would have to repeat them word for word."""
    read = yaml.safe_load(ALERTS.read_text())
    for group in read["groups"]:
        for rule in group["rules"]:
            del rule["annotations"]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(read))
    (tmp_path / "cases.yaml").write_text(CASES.read_text())
    promtool("test", "rules", "cases.yaml", at=tmp_path)


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_each_alert_has_a_case_that_fires_it_and_one_that_does_not(rule: dict[str, Any]) -> None:
    cases = [
        bool(case["exp_alerts"])
        for each in yaml.safe_load(CASES.read_text())["tests"]
        for case in each["alert_rule_test"]
        if case["alertname"] == rule["alert"]
    ]
    assert set(cases) == {True, False}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_each_alert_asks_for_measures_that_there_are(rule: dict[str, Any]) -> None:
    assert list(strangers(rule["expr"])) == []


def test_a_name_or_a_label_that_nobody_tells_is_found() -> None:
    asked = 'sum by (venue) (rate(booking_dead_letters_total{topic="x"}[5m])) / booking_lag'
    assert set(strangers(asked)) == {
        "booking_dead_letters_total{topic}",
        "booking_lag",
        "by (venue)",
    }


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_each_alert_says_how_urgent_it_is_and_where_to_read_on(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}
    page, _, section = rule["annotations"]["runbook_url"].partition("#")
    headings = re.findall(r"^## (\w+)$", (REPOSITORY / page).read_text(), re.MULTILINE)
    assert section in [heading.lower() for heading in headings]
    assert section == rule["alert"].lower()
