"""The CI templates: they are YAML, and every command of poscloud in them is one that was meant."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from tests.pipeline import GITEA, GITLAB, INPUT

COMMANDS = {
    'poscloud validate -s "$STACK"',
    'poscloud mr preview -s "$STACK" --output preview.md --forge auto',
    'poscloud up -s "$STACK" --yes',
    'poscloud drift -s "$STACK"',
    'poscloud env create "$REVIEW" --from "$STACK" --ttl "$TTL"',
    'poscloud env destroy "$REVIEW" --yes',
    "poscloud env sweep --yes",
}


def gitlab() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the inputs and, with them filled in, the jobs."""
    header, body = GITLAB.read_text().split("\n---\n")
    inputs = yaml.safe_load(header)["spec"]["inputs"]
    values = {"stack": "wbyh-stage"} | {k: v["default"] for k, v in inputs.items() if "default" in v}
    return inputs, yaml.safe_load(INPUT.sub(lambda found: values[found[1]], body))


def gitlab_scripts() -> dict[str, list[str]]:
    return {name: job["script"] for name, job in gitlab()[1].items() if "script" in job}


def gitea_scripts() -> dict[str, list[str]]:
    jobs = yaml.safe_load(GITEA.read_text())["jobs"]
    return {
        name: [line for step in job["steps"] for line in step.get("run", "").splitlines()]
        for name, job in jobs.items()
    }


@pytest.mark.parametrize("scripts", [gitlab_scripts, gitea_scripts])
def test_each_job_runs_a_command_that_is_meant(scripts: Any) -> None:
    found = {
        name: [line for line in lines if line.startswith("poscloud")] for name, lines in scripts().items()
    }
    assert all(len(lines) == 1 for lines in found.values()), found
    assert {line for lines in found.values() for line in lines} == COMMANDS


def test_every_input_is_described_and_used() -> None:
    inputs, jobs = gitlab()
    assert set(INPUT.findall(GITLAB.read_text())) == set(inputs)
    assert all(each["description"] for each in inputs.values())
    for name, job in jobs.items():
        assert name == ".poscloud" or job["extends"] == ".poscloud"


def test_the_environment_of_a_merge_request_is_stopped_by_its_own_job() -> None:
    _, jobs = gitlab()
    start, stop = jobs["poscloud-review"], jobs["poscloud-review-stop"]
    assert jobs[start["environment"]["on_stop"]] is stop
    assert stop["environment"] == {"name": start["environment"]["name"], "action": "stop"}


def test_the_preview_has_neither_passphrase_nor_kubeconfig() -> None:
    assert "environment" not in gitlab()[1]["poscloud-preview"]
    preview = str(yaml.safe_load(GITEA.read_text())["jobs"]["preview"])
    assert "github.token" in preview
    assert set(re.findall(r"secrets\.\w+", preview)) == {"secrets.POSCLOUD_BASELINE_KEY"}
    assert not re.search(r"PASSPHRASE|KUBECONFIG", preview)


def test_what_is_archived_outlives_the_job() -> None:
    jobs, workflow = gitlab()[1], yaml.safe_load(GITEA.read_text())["jobs"]
    for name in ("review-stop", "sweep"):
        kept = jobs[f"poscloud-{name}"]["artifacts"]
        assert (kept["paths"], kept["when"], kept["access"]) == ([".poscloud/archive"], "always", "developer")
        *_, last = workflow[name]["steps"]
        assert (last["with"]["path"], last["if"]) == (".poscloud/archive", "always()")
        assert last["with"]["include-hidden-files"] is True


def test_nobody_looks_for_drift_while_an_up_is_under_way() -> None:
    jobs = gitlab()[1]
    assert jobs["poscloud-drift"]["resource_group"] == jobs["poscloud-up"]["resource_group"]


def test_a_job_that_needs_the_toolchain_has_a_cache() -> None:
    for name, job in yaml.safe_load(GITEA.read_text())["jobs"].items():
        cached = any(step.get("uses", "").startswith("actions/cache@") for step in job["steps"])
        assert cached == (name not in ("validate", "preview")), name
