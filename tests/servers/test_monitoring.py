"""Rules and dashboard as the real promtool takes them: parsed, and each alert tried on series that are and are not."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from poscloud.render.monitoring.dashboard import dashboard, figures
from poscloud.render.monitoring.rules import rules_text
from poscloud.spec import MonitoringSpec
from tests.servers.golang import build

pytestmark = pytest.mark.servers

SHOP = "shop"
POD = f'namespace="{SHOP}",pod="web-7d9f8c5b6d-x2v4z"'
ONE = f'{POD},container="web"'


@pytest.fixture(scope="module")
def promtool() -> Path:
    # Without service discovery, which rules have nothing to do with, and whose modules cannot all be had.
    return build("promtool", "github.com/prometheus/prometheus/cmd/promtool", tags="remove_all_sd")


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    file = tmp_path / "rules.yaml"
    file.write_text(rules_text(SHOP, MonitoringSpec()))
    return file


def run(promtool: Path, *arguments: object) -> str:
    done = subprocess.run(
        [promtool, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_rules_are_right(promtool: Path, rules: Path) -> None:
    assert "SUCCESS: 13 rules found" in run(promtool, "check", "rules", "--lint=all", "--lint-fatal", rules)


def test_every_query_of_the_dashboard_is_one(promtool: Path, tmp_path: Path) -> None:
    targets = [t["expr"] for panel in dashboard(SHOP)["panels"] for t in panel.get("targets", [])]
    variables = [
        re.sub(r"^label_values\((.*), \w+\)$", r"\1", variable["query"]["query"])
        for variable in dashboard(SHOP)["templating"]["list"]
        if variable["type"] == "query"
    ]
    assert len(targets) == sum(len(f.queries) for row in figures(SHOP).values() for f in row) == 16
    found = [{"record": f"q{n}", "expr": filled(query)} for n, query in enumerate([*targets, *variables])]
    file = tmp_path / "queries.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": found}]}))
    assert "SUCCESS: 18 rules found" in run(promtool, "check", "rules", file)


def filled(query: str) -> str:
    """Return a query with what Grafana puts in for its variables."""
    full = query.replace("$__rate_interval", "2m").replace("$service", "web|api").replace("$pod", "web-.+")
    assert not re.search(r"\$[a-z_]", full)
    return full


def series(name: str, labels: str, values: str) -> dict[str, str]:
    return {"series": f"{name}{{{labels}}}", "values": values}


def limits(resource: str, value: str) -> dict[str, str]:
    return series("kube_pod_container_resource_limits", f'{ONE},resource="{resource}"', value)


MEMORY, CPU = "container_memory_working_set_bytes", "container_cpu_usage_seconds_total"
RESTARTS = "kube_pod_container_status_restarts_total"
DEPLOYMENT, SET = f'namespace="{SHOP}",deployment="web"', f'namespace="{SHOP}",statefulset="kafka"'
CLAIM = f'namespace="{SHOP}",persistentvolumeclaim="data-kafka-0"'


def ready(value: str, phase: str) -> list[dict[str, str]]:
    return [
        series("kube_pod_status_ready", f'{POD},condition="true"', value),
        series("kube_pod_status_phase", f'{POD},phase="{phase}"', "1x60"),
    ]


def quota(used: str) -> list[dict[str, str]]:
    of = f'namespace="{SHOP}",resource="limits.memory"'
    return [
        series("kube_resourcequota", f'{of},type="used"', used),
        series("kube_resourcequota", f'{of},type="hard"', "100x60"),
    ]


CASES: list[tuple[str, str, list[dict[str, str]], bool]] = [
    ("PodMemoryHigh", "6m", [series(MEMORY, ONE, "91x60"), limits("memory", "100x60")], True),
    ("PodMemoryHigh", "4m", [series(MEMORY, ONE, "91x60"), limits("memory", "100x60")], False),
    ("PodMemoryHigh", "30m", [series(MEMORY, ONE, "90x60"), limits("memory", "100x60")], False),
    ("PodMemoryHigh", "30m", [series(MEMORY, ONE, "91x60")], False),
    ("PodCpuHigh", "30m", [series(CPU, ONE, "0+57x60"), limits("cpu", "1x60")], True),
    ("PodCpuHigh", "30m", [series(CPU, ONE, "0+50x60"), limits("cpu", "1x60")], False),
    ("PodRestarting", "20m", [series(RESTARTS, ONE, "0x10 1 2 3x50")], True),
    ("PodRestarting", "20m", [series(RESTARTS, ONE, "0x10 1 2x50")], False),
    ("PodRestarting", "50m", [series(RESTARTS, ONE, "0x10 1 2 3x50")], False),
    ("PodNotReady", "11m", ready("0x60", "Running"), True),
    ("PodNotReady", "9m", ready("0x60", "Running"), False),
    ("PodNotReady", "30m", ready("0x60", "Succeeded"), False),
    ("PodNotReady", "30m", ready("1x60", "Running"), False),
    (
        "DeploymentDown",
        "6m",
        [
            series("kube_deployment_status_replicas_available", DEPLOYMENT, "0x60"),
            series("kube_deployment_spec_replicas", DEPLOYMENT, "2x60"),
        ],
        True,
    ),
    (
        "DeploymentDown",
        "30m",
        [
            series("kube_deployment_status_replicas_available", DEPLOYMENT, "0x60"),
            series("kube_deployment_spec_replicas", DEPLOYMENT, "0x60"),
        ],
        False,
    ),
    (
        "StatefulSetDown",
        "6m",
        [
            series("kube_statefulset_status_replicas_ready", SET, "0x60"),
            series("kube_statefulset_replicas", SET, "3x60"),
        ],
        True,
    ),
    (
        "VolumeFull",
        "11m",
        [
            series("kubelet_volume_stats_used_bytes", CLAIM, "91x60"),
            series("kubelet_volume_stats_capacity_bytes", CLAIM, "100x60"),
        ],
        True,
    ),
    (
        "VolumeFull",
        "30m",
        [
            series("kubelet_volume_stats_used_bytes", CLAIM, "90x60"),
            series("kubelet_volume_stats_capacity_bytes", CLAIM, "100x60"),
        ],
        False,
    ),
    ("QuotaNearlyUsed", "16m", quota("96x60"), True),
    ("QuotaNearlyUsed", "30m", quota("95x60"), False),
]
"""Alert, when, what there is each minute, whether it is told."""


def test_each_alert_is_told_when_it_should_be_and_not_before(
    promtool: Path, rules: Path, tmp_path: Path
) -> None:
    """``exp_alerts`` without labels would compare them all, so each case says what labels and texts there are."""
    assert {name for name, _, _, told in CASES if told} == names(rules)
    wrong = []
    for number, (name, at, given, told) in enumerate(CASES):
        found = asked(promtool, rules, tmp_path / f"{number}.yaml", name, at, given)
        if found is not told:
            wrong.append((name, at, given, told))
    assert not wrong


def names(rules: Path) -> set[str]:
    groups = yaml.safe_load(rules.read_text())["groups"]
    return {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule}


def asked(promtool: Path, rules: Path, file: Path, name: str, at: str, given: list[dict[str, str]]) -> bool:
    """Whether promtool has the alert fire at that time; it has to be wrong either that it does or that it does not."""
    case: dict[str, Any] = {"interval": "1m", "input_series": given}
    case["promql_expr_test"] = [
        {
            "expr": f'count(ALERTS{{alertname="{name}",alertstate="firing"}}) or vector(0)',
            "eval_time": at,
            "exp_samples": [{"labels": "{}", "value": 1}],
        }
    ]
    tests = {"rule_files": [str(rules)], "evaluation_interval": "1m", "tests": [case]}
    file.write_text(yaml.safe_dump(tests))
    done = subprocess.run(
        [promtool, "test", "rules", file], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0 or "got:" in done.stdout + done.stderr, done.stdout + done.stderr
    return done.returncode == 0


def test_what_an_alert_says(promtool: Path, rules: Path, tmp_path: Path) -> None:
    labels = {"namespace": SHOP, "pod": "web-7d9f8c5b6d-x2v4z", "container": "web", "severity": "warning"}
    said = {
        "summary": f"pod web-7d9f8c5b6d-x2v4z of {SHOP}: container web has 95 % of its memory limit",
        "description": f"Look at it: kubectl -n {SHOP} describe pod web-7d9f8c5b6d-x2v4z",
    }
    case = {
        "interval": "1m",
        "input_series": [series(MEMORY, ONE, "95x60"), limits("memory", "100x60")],
        "alert_rule_test": [
            {
                "eval_time": "10m",
                "alertname": "PodMemoryHigh",
                "exp_alerts": [{"exp_labels": labels, "exp_annotations": said}],
            }
        ],
    }
    file = tmp_path / "said.yaml"
    file.write_text(
        yaml.safe_dump({"rule_files": [str(rules)], "evaluation_interval": "1m", "tests": [case]})
    )
    assert "SUCCESS" in run(promtool, "test", "rules", file)


PODS = {
    "web-7d9f8c5b6d-x2v4z": "web",
    "web-blue-5c4b6f-zzxcv": "web-blue",
    "dac-api-center-68d84f9c4-b7kqt": "dac-api-center",
    "kafka-0": "kafka",
    "kafka-cold-12": "kafka-cold",
}


def test_figures_are_by_service_whatever_the_pod_is_called(
    promtool: Path, rules: Path, tmp_path: Path
) -> None:
    record = "namespace_service:container_memory_working_set_bytes:sum"
    given = [
        series(MEMORY, f'namespace="{SHOP}",pod="{pod}",container="main"', f"{number}x10")
        for number, pod in enumerate(PODS, 1)
    ]
    given.append(series(MEMORY, f'namespace="{SHOP}",pod="kafka-1",container="main"', "10x10"))
    given.append(series(MEMORY, f'namespace="{SHOP}",pod="kafka-0",container=""', "99x10"))
    expected = [
        {
            "labels": f'{record}{{namespace="{SHOP}",service="{service}"}}',
            "value": number + (10 if service == "kafka" else 0),
        }
        for number, service in enumerate(PODS.values(), 1)
    ]
    case = {
        "interval": "1m",
        "input_series": given,
        "promql_expr_test": [{"expr": record, "eval_time": "5m", "exp_samples": expected}],
    }
    file = tmp_path / "services.yaml"
    file.write_text(
        yaml.safe_dump({"rule_files": [str(rules)], "evaluation_interval": "1m", "tests": [case]})
    )
    assert "SUCCESS" in run(promtool, "test", "rules", file)


def test_thresholds_are_those_of_the_description(promtool: Path, tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(rules_text(SHOP, MonitoringSpec(memory=50, not_ready="1m", alert_labels={"team": "pay"})))
    run(promtool, "check", "rules", file)
    given = [series(MEMORY, ONE, "51x60"), limits("memory", "100x60")]
    assert asked(promtool, file, tmp_path / "a.yaml", "PodMemoryHigh", "6m", given)
    assert asked(promtool, file, tmp_path / "b.yaml", "PodNotReady", "2m", ready("0x60", "Running"))
    assert json.dumps(yaml.safe_load(file.read_text())).count('"team": "pay"') == 8
