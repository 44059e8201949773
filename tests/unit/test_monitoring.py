"""Alerts and dashboard of an environment, as they are described and rendered."""

from __future__ import annotations

import json

import pytest
import yaml

from poscloud.render import Manifest, render_environment
from poscloud.render.monitoring.dashboard import LONGEST_UID, dashboard
from tests.unit.conftest import Project
from tests.write_golden import GOLDEN, render_example


def config_maps(project: Project, text: str) -> dict[str, Manifest]:
    base = render_environment(project.load(f"{text}\nservices: {{a: java}}\n"))[0]
    return {m["metadata"]["name"]: m for m in base.manifests if m["kind"] == "ConfigMap"}


def test_the_example_is_as_the_golden_file_says() -> None:
    golden = (GOLDEN / "examples" / "monitoring.yaml").read_text()
    assert render_example("monitoring") == golden, "run `make golden` and read the difference"


def test_sidecars_find_both_by_their_labels(project: Project) -> None:
    made = config_maps(project, "monitoring: {folder: envs, rule_labels: {role: alert-rules}}")
    assert made["monitoring-rules"]["metadata"]["labels"]["role"] == "alert-rules"
    assert made["monitoring-dashboard"]["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert made["monitoring-dashboard"]["metadata"]["annotations"]["grafana_folder"] == "envs"
    assert config_maps(project, "monitoring: true").keys() == made.keys()
    assert config_maps(project, "monitoring: false") == config_maps(project, "") == {}


def test_files_of_several_environments_do_not_meet(project: Project) -> None:
    made = config_maps(project, "monitoring: true")
    files = {name: data for m in made.values() for name, data in m["data"].items()}
    assert set(files) == {"poscloud-env.rules.yaml", "poscloud-env.json"}
    assert all(
        group["name"].startswith("poscloud.env.")
        for group in yaml.safe_load(files["poscloud-env.rules.yaml"])["groups"]
    )
    assert json.loads(files["poscloud-env.json"])["uid"] == "poscloud-env"


def test_a_dashboard_of_a_long_name_has_an_address_of_its_own() -> None:
    uids = {dashboard("a" * 50 + end)["uid"] for end in ("b", "c")}
    assert len(uids) == 2
    assert all(len(uid) <= LONGEST_UID for uid in uids)


def test_panels_do_not_cover_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard("shop")["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
    assert len({panel["id"] for panel in dashboard("shop")["panels"]}) == 15


def test_a_copy_is_watched_as_what_it_is_a_copy_of(project: Project) -> None:
    project.write("stage.yaml", "monitoring: {memory: 50}\nservices: {a: java}\n")
    copy = project.load("copy_of: stage\nlifetime: {ttl: 1h, owner: li}\n", "mine")
    assert copy.monitoring and copy.monitoring.memory == 50


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("memory: 101", "memory"),
        ("not_ready: soon", "'soon' is no duration"),
        ("rule_labels: {a b: c}", "a b"),
        ("thresholds: {}", "not a field here"),
    ],
)
def test_mistakes(project: Project, field: str, message: str) -> None:
    problems = project.problems(f"monitoring: {{{field}}}\nservices: {{a: java}}\n")
    assert message in " ".join(f"{problem.message} {problem.hint}" for problem in problems)
