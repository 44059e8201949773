"""``poscloud node-guard``: settings from a file, addresses from variables, the cluster from a kubeconfig or the pod."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from poscloud.cluster.nodeguard.run import Outcome, guard
from poscloud.cluster.nodeguard.webhook import hooks
from poscloud.errors import InputError, PosCloudError, Problem
from poscloud.provider.cluster import Cluster, Settings
from poscloud.provider.config import load
from poscloud.provider.rest import Clock
from poscloud.spec.nodeguard import GuardSettings


def look(file: Path, *, dry_run: bool, context: str) -> Outcome:
    """Look at all nodes of a cluster once.

    Args:
        file: The settings, as a service of kind ``node-guard`` has them in its ConfigMap.
        dry_run: Restart nothing, whatever they say.
        context: The kubeconfig's context; empty: its current one, or the cluster of this pod.

    Raises:
        InputError: The settings are wrong.
        PosCloudError: The cluster cannot be asked, or has no metrics; or a webhook has no address.
    """
    settings, given = settings_of(file)
    if dry_run:
        settings = settings.model_copy(update={"restart": False})
    found = hooks(given, os.environ)
    access = load({"context": context} if context else {})

    async def once() -> Outcome:
        return await guard(Cluster(access, Settings(), Clock()), settings, found)

    return asyncio.run(once())


def settings_of(file: Path) -> tuple[GuardSettings, list[dict[str, Any]]]:
    """Return the settings of a file, and its webhooks without their addresses.

    Raises:
        PosCloudError: It cannot be read.
        InputError: Something in it is wrong.
    """
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise PosCloudError(
            f"cannot read {file}: {error.strerror}",
            hint="poscloud render -s STACK has it in ConfigMap poscloud-node-guard",
        ) from None
    except ValueError as error:
        raise InputError([Problem(file, 0, 0, "not-json", f"expected JSON: {error}")]) from None
    if not isinstance(data, dict) or not isinstance(data.get("webhooks", []), list):
        raise InputError([Problem(file, 0, 0, "wrong-type", "expected a map, with webhooks as a list")])
    given = data.pop("webhooks", [])
    for number, each in enumerate(given, 1):
        if not isinstance(each, dict) or each.get("kind") not in ("dingtalk", "json"):
            message = f"webhooks: number {number}: expected a map with kind: dingtalk or json"
            raise InputError([Problem(file, 0, 0, "wrong-type", message)])
    try:
        return GuardSettings.model_validate(data), given
    except ValidationError as error:
        raise InputError(
            [
                Problem(file, 0, 0, "wrong-value", f"{'.'.join(map(str, each['loc']))}: {each['msg']}")
                for each in error.errors(include_url=False)
            ]
        ) from None
