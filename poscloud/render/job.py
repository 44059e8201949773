"""Jobs: something that is done once, and again when its description changes."""

from __future__ import annotations

import json

from poscloud.render.context import Context
from poscloud.render.manifest import Manifest, checksum, manifest
from poscloud.spec.base import MAX_NAME

HOPELESS = 3
"""Exit code of a script that would fail as often as it is tried."""


def render_job(context: Context, name: str, kind: str, purpose: str, pod: Manifest) -> Manifest:
    """Return a Job that runs once.

    Its name ends with a checksum, because a Job's pods cannot be changed: a changed one is another Job. Its pods
    do not carry the label ``app``, by which Services and disruption budgets pick the part's own pods.

    Args:
        context: The environment.
        name: The part it belongs to.
        kind: For labels.
        purpose: What it does, in a word.
        pod: The ``spec`` of its pods; a container that ends with ``HOPELESS`` is not tried again.
    """
    labels = context.labels(name, kind)
    # Without the environment's name: two environments alike have Jobs of the same name.
    seen = json.dumps(pod).replace(f".{context.namespace}.svc", ".svc")
    ending = f"-{purpose}-{checksum(name, seen)[:8]}"
    template = {
        "metadata": {"labels": {key: value for key, value in labels.items() if key != "app"}},
        "spec": {"restartPolicy": "Never", **pod},
    }
    return manifest(
        "batch/v1",
        "Job",
        name[: MAX_NAME - len(ending)] + ending,
        namespace=context.namespace,
        labels=labels,
        spec={
            "backoffLimit": 6,
            "podFailurePolicy": {
                "rules": [
                    {
                        "action": "FailJob",
                        "onExitCodes": {
                            "containerName": pod["containers"][0]["name"],
                            "operator": "In",
                            "values": [HOPELESS],
                        },
                    }
                ]
            },
            "template": template,
        },
    )
