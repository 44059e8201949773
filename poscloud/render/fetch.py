"""The init container that fetches what a service runs before it starts."""

from __future__ import annotations

from poscloud.render.manifest import Manifest
from poscloud.render.pod import TMP_MOUNT, security


def fetching(
    name: str,
    image: str,
    pull_policy: str,
    *,
    script: str,
    env: list[Manifest],
    resources: Manifest,
    mounts: list[Manifest],
    user: int | str,
) -> Manifest:
    """Return the init container; while it fails, the service is not started.

    Args:
        name: Its name in the pod.
        image: What has the programs that the script needs.
        pull_policy: imagePullPolicy, the service's own.
        script: Path of the shell script that it runs.
        env: Its variables.
        resources: CPU and memory.
        mounts: Volume mounts.
        user: As for ``security``; the service's own, so that it may read what was fetched.
    """
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": pull_policy,
        "command": ["sh", script],
        "env": env,
        "resources": resources,
        # `kubectl describe pod` then shows why it failed.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": security(user),
        "volumeMounts": [*mounts, dict(TMP_MOUNT)],
    }
