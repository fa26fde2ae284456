"""The chart as Helm renders it, and what Kubernetes says of each object by its own schemas."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import yaml
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from tests.tools import brought, tool

REPOSITORY: Final = Path(__file__).parents[2]
CHART: Final = REPOSITORY / "deploy/helm/booking-worker"
CASES: Final = sorted(path.stem.removesuffix("-values") for path in (CHART / "ci").iterdir())
SCHEMAS: Final = REPOSITORY / ".tools/schemas"
_CUSTOM: Final = {
    "ScaledObject": "keda.sh_scaledobjects.yaml",
    "TriggerAuthentication": "keda.sh_triggerauthentications.yaml",
    "PodMonitor": "monitoring.coreos.com_podmonitors.yaml",
    "PrometheusRule": "monitoring.coreos.com_prometheusrules.yaml",
}

Manifest = dict[str, Any]


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([tool("helm"), *arguments], capture_output=True, text=True, check=False)


@lru_cache
def rendered(case: str, *options: str) -> tuple[Manifest, ...]:
    """All objects with the values of `ci/<case>-values.yaml` and these options of Helm."""
    values = str(CHART / f"ci/{case}-values.yaml")
    ran = helm("template", "demo", str(CHART), "--values", values, *options)
    assert ran.returncode == 0, ran.stderr
    return tuple(each for each in yaml.safe_load_all(ran.stdout) if each)


def of_kind(case: str, kind: str, *options: str) -> list[Manifest]:
    return [each for each in rendered(case, *options) if each["kind"] == kind]


def worker(case: str) -> Manifest:
    """The Deployment's pod."""
    (deployment,) = of_kind(case, "Deployment")
    pod: Manifest = deployment["spec"]["template"]["spec"]
    return pod


def environment(case: str, pod: Manifest) -> dict[str, str]:
    """What the pod's container finds in its environment."""
    (container,) = pod["containers"]
    found: dict[str, str] = {}
    for source in container.get("envFrom", []):
        (settings,) = [
            each
            for each in of_kind(case, "ConfigMap")
            if each["metadata"]["name"] == source["configMapRef"]["name"]
        ]
        found |= settings["data"]
    return found | {each["name"]: each["value"] for each in container["env"]}


def faults(manifest: Manifest) -> Iterator[str]:
    """What Kubernetes, or the operator whose kind it is, would refuse or silently drop."""
    validator = Draft202012Validator(_schema(manifest), registry=_definitions())
    for error in validator.iter_errors(manifest):
        yield f"{manifest['kind']} {error.json_path}: {error.message}"


@lru_cache
def _definitions() -> Registry[Any]:
    read = json.loads((SCHEMAS / "kubernetes/_definitions.json").read_text())
    none: Registry[Any] = Registry()
    found: Registry[Any] = none.with_resource(read["$id"], DRAFT202012.create_resource(read))
    return found


def _schema(manifest: Manifest) -> Any:
    brought(".tools/schemas/kubernetes")
    kind, (group, _, version) = manifest["kind"], manifest["apiVersion"].rpartition("/")
    if kind in _CUSTOM:
        definition = yaml.safe_load((SCHEMAS / _CUSTOM[kind]).read_text())
        (found,) = [v for v in definition["spec"]["versions"] if v["name"] == version]
        return _strict(found["schema"]["openAPIV3Schema"])
    words = [kind.lower(), *filter(None, [group.partition(".")[0]]), version]
    return json.loads((SCHEMAS / "kubernetes" / f"{'-'.join(words)}.json").read_text())


def _strict(schema: Any) -> Any:
    """A field that the schema does not name is dropped by the API server without a word."""
    if isinstance(schema, list):
        return [_strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    stricter = {name: _strict(each) for name, each in schema.items()}
    is_open = schema.get("x-kubernetes-preserve-unknown-fields") or "metadata" in schema.get(
        "properties", {}
    )
    if isinstance(schema.get("properties"), dict) and not is_open:
        stricter.setdefault("additionalProperties", False)
    return stricter
