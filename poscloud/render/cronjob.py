"""A CronJob of which one runs at a time, as a service account with one ClusterRole."""

from __future__ import annotations

from poscloud.render import names
from poscloud.render.context import Context
from poscloud.render.manifest import Manifest, manifest
from poscloud.spec.cronjob import CronJobSpec

LATEST_START_SECONDS = 300
"""How late one may begin; the next one does the same."""

RBAC = "rbac.authorization.k8s.io"


def render_account(context: Context, name: str, labels: dict[str, str], role: str) -> list[Manifest]:
    """Return a service account, and what gives it a ClusterRole that is there already."""
    return [
        manifest("v1", "ServiceAccount", name, namespace=context.namespace, labels=labels),
        manifest(
            f"{RBAC}/v1",
            "ClusterRoleBinding",
            names.cluster_wide(name, context.namespace),
            namespace=None,
            labels=labels,
            roleRef={"apiGroup": RBAC, "kind": "ClusterRole", "name": role},
            subjects=[{"kind": "ServiceAccount", "name": name, "namespace": context.namespace}],
        ),
    ]


def render_cron_job(
    context: Context,
    name: str,
    spec: CronJobSpec,
    labels: dict[str, str],
    pod: Manifest,
    settings: list[Manifest],
) -> Manifest:
    """Return the CronJob.

    Args:
        context: The environment around it.
        name: Its name, and that of its service account.
        spec: The description.
        labels: Its labels.
        pod: As ``render_pod`` returns it, with one container.
        settings: Further variables; those that the description sets by ``env`` go before them.
    """
    pod = _as_account(name, pod, settings)
    # Without the label `app`, as for Jobs: by it Services and budgets pick a part's own pods.
    template = {
        "metadata": {"labels": {key: value for key, value in labels.items() if key != "app"}},
        "spec": pod,
    }
    zone = spec.time_zone or context.environment.time_zone
    return manifest(
        "batch/v1",
        "CronJob",
        name,
        namespace=context.namespace,
        labels=labels,
        spec={
            "schedule": spec.schedule,
            **({"timeZone": zone} if zone else {}),
            "suspend": spec.suspend,
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": LATEST_START_SECONDS,
            "successfulJobsHistoryLimit": 1,
            "failedJobsHistoryLimit": 3,
            # The next one tries again; it finds the same and what came since.
            "jobTemplate": {
                "spec": {"backoffLimit": 0, "activeDeadlineSeconds": spec.deadline, "template": template}
            },
        },
    )


def _as_account(name: str, pod: Manifest, settings: list[Manifest]) -> Manifest:
    """Return the pod with its settings, as a service account, its program run once."""
    (container,) = pod["containers"]
    given = {entry["name"] for entry in container["env"]}
    container["env"] += [entry for entry in settings if entry["name"] not in given]
    container["terminationMessagePolicy"] = "FallbackToLogsOnError"
    return pod | {
        "serviceAccountName": name,
        "automountServiceAccountToken": True,
        "restartPolicy": "Never",
        "containers": [container],
    }
