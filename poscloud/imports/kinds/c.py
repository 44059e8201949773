"""C services: program, environment's configuration, git repository."""

from __future__ import annotations

from typing import Any

from poscloud.imports.images import ImageNames
from poscloud.imports.pods import given, space
from poscloud.imports.source import Workload, texts, variables


def is_c(workload: Workload) -> bool:
    """Whether a workload starts a C program as document 000 has it."""
    return {"PROC", "RUNENV"} <= workload.env.keys()


def c_fields(workload: Workload, names: ImageNames) -> dict[str, Any]:
    """Return the fields of a C service."""
    env = texts(workload.env)
    fields: dict[str, Any] = {"proc": env.get("PROC"), "runenv": env.get("RUNENV")}
    git = read_git(workload, names) or _git_volume(workload)
    if git:
        fields["git"] = git
        fields |= names.of_program(workload.main["image"], "base_c")
    return fields


def read_git(workload: Workload, names: ImageNames) -> dict[str, Any] | None:
    """Return the repository that the init container ``fetch`` fetches."""
    container = workload.init("fetch")
    if container is None:
        return None
    env = variables(container)
    secret = env.get("GIT_USERNAME") or {}
    image = container["image"]
    return given(
        repository=env.get("REPOSITORY"),
        revision=env.get("REVISION"),
        timeout=int(env.get("TIMEOUT", 300)),
        credentials=secret.get("secret") if isinstance(secret, dict) else None,
        image=None if image == f"{names.registry}/git:2" else image,
        space=space(workload.volumes.get("program")),
    )


def _git_volume(workload: Workload) -> dict[str, Any] | None:
    """Return the repository of a gitRepo volume, which Kubernetes has removed."""
    found: dict[str, Any] = next((v["gitRepo"] for v in workload.volumes.values() if "gitRepo" in v), {})
    return {k: found[k] for k in ("repository", "revision") if k in found} or None
