"""The watch over nodes: service account with its rights, ConfigMap with the settings, CronJob."""

from __future__ import annotations

import json

from poscloud.render import names
from poscloud.render.context import Context
from poscloud.render.cronjob import render_account, render_cron_job
from poscloud.render.manifest import Manifest, manifest, override
from poscloud.render.pod import secret_env
from poscloud.render.service import Application, render_pod
from poscloud.spec import NodeGuardSpec
from poscloud.spec.nodeguard import sign_variable, url_variable

KIND = "node-guard"
ROLE = "poscloud-node-guard"
"""The ClusterRole with what it needs, of poscloud/local/roles.yaml."""

SETTINGS = "node-guard.json"
SETTINGS_PATH = "/etc/poscloud"


def render_node_guard(context: Context, name: str, spec: NodeGuardSpec) -> list[Manifest]:
    """Return the manifests of one node guard, in the order they are made."""
    labels = context.labels(name, KIND)
    config = manifest(
        "v1",
        "ConfigMap",
        names.NODE_GUARD,
        namespace=context.namespace,
        labels=labels,
        data={SETTINGS: settings_text(spec)},
    )
    application = Application(
        kind=KIND,
        logs_path="",
        env={"HOME": "/tmp"},
        command=("poscloud", "node-guard", "--config", f"{SETTINGS_PATH}/{SETTINGS}"),
        mounts=({"name": "config", "mountPath": SETTINGS_PATH, "readOnly": True},),
        volumes=({"name": "config", "configMap": {"name": names.NODE_GUARD}},),
    )
    pod = render_pod(context, name, spec, application)
    made = [
        *render_account(context, name, labels, ROLE),
        config,
        render_cron_job(context, name, spec, labels, pod, _variables(spec)),
    ]
    return override(made, spec.overrides, name)


def settings_text(spec: NodeGuardSpec) -> str:
    """Return the settings as the command reads them; addresses and secrets are in variables."""
    webhooks = [{"kind": webhook.kind, "keyword": webhook.keyword} for webhook in spec.webhooks]
    found = {**spec.settings().model_dump(mode="json"), "webhooks": webhooks}
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def _variables(spec: NodeGuardSpec) -> list[Manifest]:
    found = []
    for number, webhook in enumerate(spec.webhooks, 1):
        found.append(secret_env(url_variable(number), webhook.url.secret, webhook.url.key))
        if webhook.sign:
            found.append(secret_env(sign_variable(number), webhook.sign.secret, webhook.sign.key))
    return found
