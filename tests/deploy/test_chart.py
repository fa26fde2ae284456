"""The Helm chart: valid by every schema, and in step with what the worker reads and needs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters.kafka.broker import GRACE_SECONDS
from adapters.kafka.settings import KafkaSettings
from adapters.kafka.topics import PARTITIONS, TopicNames
from app.health_file import STALE_AFTER
from app.main import GIVES_UP_WITHIN_SECONDS
from app.settings import load
from tests.deploy.chart import (
    CASES,
    CHART,
    Manifest,
    environment,
    faults,
    helm,
    of_kind,
    rendered,
    worker,
)
from tests.deploy.known_settings import strange_settings
from tests.deploy.sample_secrets import SAMPLES, ca_certificate

every_case = pytest.mark.parametrize("case", CASES)


def pods(case: str) -> Iterator[Manifest]:
    """The worker's, and those of the jobs."""
    yield worker(case)
    for job in of_kind(case, "Job"):
        yield job["spec"]["template"]["spec"]


@every_case
def test_helm_finds_nothing_wrong(case: str) -> None:
    ran = helm("lint", "--strict", str(CHART), "--values", str(CHART / f"ci/{case}-values.yaml"))
    assert ran.returncode == 0, ran.stdout + ran.stderr


@every_case
def test_kubernetes_and_the_operators_take_every_object(case: str) -> None:
    assert [fault for each in rendered(case) for fault in faults(each)] == []


def test_an_object_with_a_wrong_field_is_found() -> None:
    (deployment,) = of_kind("minimal", "Deployment")
    assert list(faults(deployment | {"spec": deployment["spec"] | {"replica": 3}}))
    (scaled,) = of_kind("keda", "ScaledObject")
    assert list(faults(scaled | {"spec": scaled["spec"] | {"minReplicas": 3}}))


def test_the_cases_render_every_template() -> None:
    kinds = {each["kind"] for case in CASES for each in rendered(case)}
    assert kinds == {
        "ConfigMap",
        "Deployment",
        "HorizontalPodAutoscaler",
        "Job",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "PodMonitor",
        "PrometheusRule",
        "ScaledObject",
        "Secret",
        "ServiceAccount",
        "TriggerAuthentication",
    }


@every_case
def test_every_variable_is_a_setting_that_there_is(case: str) -> None:
    for pod in pods(case):
        assert strange_settings(environment(case, pod)) == []


@every_case
def test_the_worker_starts_with_what_the_pod_is_given(
    case: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """All that production requires is there, and nothing contradicts: the settings are read."""
    for name in [name for name in os.environ if name.startswith("BOOKING_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    for name, value in environment(case, worker(case)).items():
        if name.endswith("_FILE") and value.startswith("/run/secrets/"):
            path = tmp_path / Path(value).name
            path.write_text(SAMPLES[Path(value).name])
            value = str(path)  # noqa: PLW2901 - where the test has put it
        elif value.startswith("/etc/booking/tls/"):
            path = tmp_path / Path(value).name
            path.write_bytes(ca_certificate())
            value = str(path)  # noqa: PLW2901
        monkeypatch.setenv(name, value)
    settings = load()
    assert settings.health_file == Path("/run/booking/health")


@every_case
def test_files_of_secrets_lie_where_they_are_mounted(case: str) -> None:
    for pod in pods(case):
        (container,) = pod["containers"]
        mounts = {each["mountPath"]: each["name"] for each in container["volumeMounts"]}
        assert set(mounts.values()) == {volume["name"] for volume in pod["volumes"]}
        files = [v for n, v in environment(case, pod).items() if n.endswith("FILE")]
        assert {str(Path(file).parent) for file in files} <= mounts.keys()


@every_case
def test_no_secret_stands_in_the_environment_or_the_settings(case: str) -> None:
    for pod in pods(case):
        assert not {"BOOKING_DATABASE__URL", *SAMPLES} & environment(case, pod).keys()


@every_case
def test_pods_are_as_restricted_as_they_can_be(case: str) -> None:
    """The Kubernetes standard `restricted`, a read-only root, and no token of the cluster."""
    for pod in pods(case):
        (container,) = pod["containers"]
        assert pod["automountServiceAccountToken"] is False
        security = pod["securityContext"] | container["securityContext"]
        assert security["runAsNonRoot"] is True
        assert security["runAsUser"] == 10001, "a number, as the kubelet cannot look names up"
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert security["allowPrivilegeEscalation"] is False
        assert security["readOnlyRootFilesystem"] is True
        assert security["capabilities"] == {"drop": ["ALL"]}
        written = {v["name"] for v in pod["volumes"] if "emptyDir" in v}
        assert [m["name"] for m in container["volumeMounts"] if not m.get("readOnly")] == [*written]
        assert container["resources"].keys() == {"requests", "limits"}


@every_case
def test_a_worker_has_longer_to_end_than_it_takes_at_the_latest(case: str) -> None:
    drains = KafkaSettings("").drain_seconds + GRACE_SECONDS
    assert worker(case)["terminationGracePeriodSeconds"] > max(drains, GIVES_UP_WITHIN_SECONDS)


def test_less_time_than_that_is_refused() -> None:
    values = str(CHART / "ci/minimal-values.yaml")
    ran = helm(
        "template", str(CHART), "--values", values, "--set", "terminationGracePeriodSeconds=30"
    )
    assert ran.returncode != 0
    assert "terminationGracePeriodSeconds" in ran.stderr


@every_case
def test_probes_ask_the_right_question_often_enough(case: str) -> None:
    (container,) = worker(case)["containers"]
    live, ready = container["livenessProbe"], container["readinessProbe"]
    assert live["exec"]["command"] == ["booking", "health", "--live"]
    assert ready["exec"]["command"] == ["booking", "health", "--ready"]
    for probe in (live, ready):
        assert probe["timeoutSeconds"] < probe["periodSeconds"] < STALE_AFTER.total_seconds()
    startup = container["startupProbe"]
    assert startup["exec"] == live["exec"], "what it waits for is no reason to restart it"
    assert startup["periodSeconds"] * startup["failureThreshold"] >= 60


def test_what_has_to_be_said_is_asked_for() -> None:
    ran = helm("template", str(CHART))
    assert ran.returncode != 0
    for name in ("BOOKING_KAFKA__BOOTSTRAP_SERVERS", "BOOKING_PAYMENT__URL", "secrets"):
        assert name in ran.stderr


@pytest.mark.parametrize(
    "wrong",
    ["settings.booking_x=1", "autoscaling.min=0", "autoscaling.mode=both", "replica=3"],
)
def test_a_value_that_cannot_be_meant_is_refused(wrong: str) -> None:
    values = str(CHART / "ci/minimal-values.yaml")
    assert helm("template", str(CHART), "--values", values, "--set", wrong).returncode != 0


def test_keda_asks_for_the_lag_of_what_the_worker_reads() -> None:
    (scaled,) = of_kind("keda", "ScaledObject")
    asked = {
        trigger["metadata"]["topic"]: trigger["metadata"]["consumerGroup"]
        for trigger in scaled["spec"]["triggers"]
    }
    names, kafka = TopicNames("reservations"), KafkaSettings("", group_id="reservations-worker")
    assert asked == {names.commands: kafka.group_id, names.queries: kafka.queries_group_id}
    assert scaled["spec"]["maxReplicaCount"] <= PARTITIONS
    assert scaled["spec"]["minReplicaCount"] >= 1, "the sweeper runs in workers"
    assert "replicas" not in of_kind("keda", "Deployment")[0]["spec"]


def test_keda_gets_into_a_secured_kafka() -> None:
    (scaled,) = of_kind("secured", "ScaledObject")
    (authentication,) = of_kind("secured", "TriggerAuthentication")
    for trigger in scaled["spec"]["triggers"]:
        assert trigger["metadata"]["sasl"] == "scram_sha512"
        assert trigger["metadata"]["tls"] == "enable"
        assert trigger["authenticationRef"]["name"] == authentication["metadata"]["name"]
    asked = [each["parameter"] for each in authentication["spec"]["secretTargetRef"]]
    assert asked == ["username", "password", "ca"]


def test_the_owner_migrates_and_the_worker_does_not_know_them() -> None:
    (job,) = of_kind("secured", "Job")
    pod = job["spec"]["template"]["spec"]
    assert pod["containers"][0]["args"] == ["migrate"]
    assert environment("secured", pod)["BOOKING_DATABASE__URL_FILE"] == "/run/secrets/owner/url"
    assert "booking-owner" not in yaml.safe_dump(worker("secured"))


@every_case
def test_the_jobs_find_all_they_need_before_the_release_is_there(case: str) -> None:
    for job in of_kind(case, "Job"):
        assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
        named = yaml.safe_dump(job)
        for each in rendered(case):
            of_hook = "helm.sh/hook" in each["metadata"].get("annotations", {})
            if each["kind"] in ("ConfigMap", "Secret", "ServiceAccount") and not of_hook:
                assert f"name: {each['metadata']['name']}\n" not in named.replace("}", "\n")


def test_the_network_lets_through_what_the_worker_needs_and_no_more() -> None:
    (policy,) = of_kind("secured", "NetworkPolicy")
    spec = policy["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    (into,) = spec["ingress"]
    assert [port["port"] for port in into["ports"]] == [9464]
    assert into["from"], "not from everywhere"
    out = {port["port"] for rule in spec["egress"] for port in rule["ports"]}
    assert out == {53, 9093, 5432, 80, 443}


def test_without_figures_nobody_gets_in() -> None:
    options = ("--set", "metrics.enabled=false")
    (policy,) = of_kind("minimal", "NetworkPolicy", *options)
    assert policy["spec"]["ingress"] == []


def test_the_policy_is_about_worker_and_jobs() -> None:
    (policy,) = of_kind("keda", "NetworkPolicy")
    chosen: dict[str, Any] = {
        each["key"]: each["values"] for each in policy["spec"]["podSelector"]["matchExpressions"]
    }
    (deployment,) = of_kind("keda", "Deployment")
    for template in [
        deployment["spec"]["template"],
        *(job["spec"]["template"] for job in of_kind("keda", "Job")),
    ]:
        labels = template["metadata"]["labels"]
        assert all(labels[key] in values for key, values in chosen.items())


def test_alerts_link_to_the_runbook_where_it_is_to_be_read() -> None:
    (rules,) = of_kind("keda", "PrometheusRule")
    shipped = [rule for group in rules["spec"]["groups"] for rule in group["rules"]]
    assert len(shipped) > 10
    for rule in shipped:
        link = rule["annotations"]["runbook_url"]
        assert link.startswith("https://git.internal/booking/docs/runbook.md#booking")


@every_case
def test_selectors_choose_the_workers_alone(case: str) -> None:
    (deployment,) = of_kind(case, "Deployment")
    chosen = deployment["spec"]["selector"]["matchLabels"]
    assert chosen.items() <= deployment["spec"]["template"]["metadata"]["labels"].items()
    for job in of_kind(case, "Job"):
        assert not chosen.items() <= job["spec"]["template"]["metadata"]["labels"].items()
    for budget in of_kind(case, "PodDisruptionBudget"):
        assert budget["spec"]["selector"]["matchLabels"] == chosen
