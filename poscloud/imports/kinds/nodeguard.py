"""The watch over nodes."""

from __future__ import annotations

import json
from typing import Any

from poscloud.imports.images import ImageNames
from poscloud.imports.kinds.cron import cron_fields
from poscloud.imports.source import Workload
from poscloud.render.nodeguard import SETTINGS
from poscloud.spec.nodeguard import sign_variable, url_variable


def is_node_guard(workload: Workload) -> bool:
    """Whether a CronJob watches over nodes, by settings that can be read."""
    return workload.kind == "CronJob" and _settings(workload) is not None


def node_guard_fields(workload: Workload, names: ImageNames) -> dict[str, Any]:
    """Return the fields of a node guard."""
    settings = dict(_settings(workload) or {})
    webhooks = [
        _webhook(webhook, number, workload.env)
        for number, webhook in enumerate(settings.pop("webhooks", None) or [], 1)
        if isinstance(webhook, dict)
    ]
    return {
        "image": workload.main["image"],
        **settings,
        **cron_fields(workload),
        **({"webhooks": webhooks} if webhooks else {}),
    }


def _settings(workload: Workload) -> dict[str, Any] | None:
    try:
        found = json.loads(workload.config.get(SETTINGS, ""))
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _webhook(settings: dict[str, Any], number: int, env: dict[str, Any]) -> dict[str, Any]:
    """Return a webhook; what is secret of it is in variables."""
    found = {key: value for key, value in settings.items() if value}
    for field, variable in (("url", url_variable(number)), ("sign", sign_variable(number))):
        if isinstance(env.get(variable), dict):
            found[field] = env[variable]
    return found
