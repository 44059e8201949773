"""The workflow of templates/gitea, taken in by a real Gitea; without a runner, which is who decides by each ``if``."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.servers.gitea import running_gitea
from tests.servers.running import wait_until

pytestmark = pytest.mark.servers

TEMPLATE = Path(__file__).parents[2] / "templates" / "gitea" / "poscloud.yaml"
PATH = "alice/pay-core"


def test_gitea_plans_its_jobs_for_a_push_and_a_pull_request(tmp_path: Path) -> None:
    text = TEMPLATE.read_text()
    with running_gitea(tmp_path) as gitea:
        alice = gitea.token("alice", "hers")
        repository = gitea.repository(alice, PATH, tmp_path / "clone")

        def planned(event: str) -> set[str]:
            """Return the jobs of the last run for an event."""
            runs = gitea.api(alice, "GET", f"/repos/{PATH}/actions/runs?event={event}")["workflow_runs"]
            newest = max((run["id"] for run in runs), default=None)
            if newest is None:
                return set()
            jobs = gitea.api(alice, "GET", f"/repos/{PATH}/actions/runs/{newest}/jobs")["jobs"]
            return {job["name"] for job in jobs}

        folder = repository.folder / ".gitea" / "workflows"
        folder.mkdir(parents=True)
        (folder / TEMPLATE.name).write_text(text)
        repository.push("main", **{"stack.yaml": "replicas: 1\n"})
        repository.push("change", **{"stack.yaml": "replicas: 2\n"})
        request = {"head": "change", "base": "main", "title": "Two replicas"}
        gitea.api(alice, "POST", f"/repos/{PATH}/pulls", **request)
        jobs = set(yaml.safe_load(text)["jobs"])
        for event in ("push", "pull_request"):
            wait_until(lambda event=event: planned(event) == jobs, f"a run for the {event}")  # type: ignore[misc]
