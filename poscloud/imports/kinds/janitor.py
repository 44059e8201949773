"""The sweep by the clock."""

from __future__ import annotations

from typing import Any

from poscloud.imports.images import ImageNames
from poscloud.imports.kinds.c import read_git
from poscloud.imports.kinds.cron import cron_fields
from poscloud.imports.pods import given, nfs
from poscloud.imports.source import Workload, texts

_FORGES = {
    "gitlab": ("GITLAB_CI", "CI_SERVER_URL", "CI_PROJECT_PATH", "GITLAB_TOKEN"),
    "gitea": ("GITEA_ACTIONS", "GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITEA_TOKEN"),
    "github": ("GITHUB_ACTIONS", "GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_TOKEN"),
}


def is_janitor(workload: Workload) -> bool:
    """Whether a CronJob sweeps copies."""
    return workload.kind == "CronJob" and "sweep.sh" in workload.config


def janitor_fields(workload: Workload, names: ImageNames) -> dict[str, Any]:
    """Return the fields of a janitor."""
    env = workload.env
    volume = workload.volumes.get("archive")
    claim = ((volume or {}).get("persistentVolumeClaim") or {}).get("claimName")
    archive = given(nfs=nfs(volume), claim=claim) or {"s3": texts(env).get("POSCLOUD_ARCHIVE")}
    return {
        "image": workload.main["image"],
        "git": read_git(workload, names),
        "context": env.get("CONTEXT"),
        "backend": env.get("PULUMI_BACKEND_URL"),
        "passphrase": env.get("PULUMI_CONFIG_PASSPHRASE"),
        "archive": archive,
        **cron_fields(workload),
        **given(forge=_forge(env)),
    }


def _forge(env: dict[str, Any]) -> dict[str, Any] | None:
    for kind, (sign, url, project, token) in _FORGES.items():
        if sign in env:
            return {"kind": kind, "url": env.get(url), "project": env.get(project), "token": env.get(token)}
    return None
