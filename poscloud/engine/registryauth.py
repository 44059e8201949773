"""The registry's credentials of a namespace that is taken in: they are not to be replaced by none."""

from __future__ import annotations

import base64
import json
import os
from typing import Any

from poscloud.cluster.target import Target
from poscloud.engine.kubectl import ForbiddenError, Kubectl, UnansweredError, stamp_of
from poscloud.errors import DeployError
from poscloud.spec import EnvironmentSpec

CONFIG = "registryAuth"
"""Secret configuration that the pull secret is filled from."""

_KEY = ".dockerconfigjson"


def carry_over(stack: str, pull_secret: str) -> str:
    """Return the command that makes a live Secret's content the stack's configuration, without showing it."""
    get = f"kubectl get secret {pull_secret} -n {stack} -o 'jsonpath={{.data.\\.dockerconfigjson}}'"
    return f"{get} | base64 -d | poscloud secret set -s {stack} {CONFIG}"


def refuse_emptied(target: Target, spec: EnvironmentSpec) -> None:
    """Make sure that a live pull secret is nobody's no longer, or has nothing to lose; asks only with ``adopt``.

    Args:
        target: The cluster; one that does not answer, or does not let us look, is no reason to stop a preview.
        spec: The environment; ``registryAuth`` is not configured.

    Raises:
        DeployError: It has credentials, and a run would replace them; or there is no kubectl to look with.
    """
    if not (spec.adopt and spec.pull_secret):
        return
    try:
        live = Kubectl(target, dict(os.environ)).get("secret", spec.pull_secret, "-n", spec.name)
    except (ForbiddenError, UnansweredError):
        return  # neither can it be written then, and the provider says why
    except FileNotFoundError:
        raise DeployError(
            f"kubectl is not there to look whether Secret {spec.name}/{spec.pull_secret} has the registry's "
            f"credentials, which `adopt` without {CONFIG} would replace by none",
            hint="run it in a shell with: . .poscloud/activate",
        ) from None
    if live and not stamp_of(live) and has_credentials(live):
        raise DeployError(
            f"Secret {spec.name}/{spec.pull_secret} has the registry's credentials, and {CONFIG} is not configured: "
            "with `adopt`, up would replace them by none; nothing was written",
            hint=f"carry them over: {carry_over(spec.name, spec.pull_secret)}",
        )


def has_credentials(secret: dict[str, Any]) -> bool:
    """Whether a live pull secret says anything; what cannot be read may."""
    try:
        text = base64.b64decode((secret.get("data") or {}).get(_KEY) or "", validate=True)
        return bool(text) and json.loads(text) not in ({}, {"auths": {}})
    except ValueError:
        return True
