"""The registry's credentials of a namespace that is taken in: they are not to be replaced by none."""

from __future__ import annotations

import base64
import json
import os
import shlex
from typing import Any

from poscloud.cluster.target import Target
from poscloud.engine.kubectl import ForbiddenError, Kubectl, UnansweredError, stamp_of
from poscloud.errors import DeployError
from poscloud.spec import EnvironmentSpec

CONFIG = "registryAuth"
"""Secret configuration that the pull secret is filled from."""

_KEY = ".dockerconfigjson"


def carry_over(stack: str, pull_secret: str, kubeconfig: str = "", context: str = "") -> str:
    """Return the command that makes a live Secret's content the stack's configuration, without showing it.

    Args:
        stack: The environment, and its namespace.
        pull_secret: The Secret.
        kubeconfig: The file that names its cluster, and the ``context`` in it; empty: what kubectl takes by itself,
            which in an activated shell is the local cluster.
        context: As above.
    """
    where = {"kubeconfig": kubeconfig, "context": context}
    options = "".join(f" --{name}={shlex.quote(value)}" for name, value in where.items() if value)
    get = f"kubectl{options} get secret {pull_secret} -n {stack} -o 'jsonpath={{.data.\\.dockerconfigjson}}'"
    return f"{get} | base64 -d | poscloud secret set -s {stack} {CONFIG}"


def refuse_emptied(target: Target, spec: EnvironmentSpec, *, dry_run: bool) -> None:
    """Make sure that a live pull secret is nobody's no longer, or has nothing to lose; asks only with ``adopt``.

    Args:
        target: The cluster; one that does not let us look is not written to either.
        spec: The environment; ``registryAuth`` is not configured.
        dry_run: Whether this is a preview, which a cluster that does not answer is no reason to stop.

    Raises:
        DeployError: It has credentials, and a run would replace them; or nobody can tell: there is no kubectl to look
            with, or a run got no answer.
    """
    if not (spec.adopt and spec.pull_secret):
        return
    try:
        live = Kubectl(target, dict(os.environ)).get("secret", spec.pull_secret, "-n", spec.name)
    except ForbiddenError:
        return  # the provider has to look as well, and says why it cannot
    except UnansweredError:
        if dry_run:
            return
        raise  # it may answer again in a moment, when the Secret is written
    except FileNotFoundError:
        raise DeployError(
            f"kubectl is not there to look whether Secret {spec.name}/{spec.pull_secret} has the registry's "
            f"credentials, which `adopt` without {CONFIG} would replace by none",
            hint="run it in a shell with: . .poscloud/activate",
        ) from None
    if live and not stamp_of(live) and has_credentials(live):
        command = carry_over(spec.name, spec.pull_secret, str(target.kubeconfig), target.context)
        raise DeployError(
            f"Secret {spec.name}/{spec.pull_secret} has the registry's credentials, and {CONFIG} is not configured: "
            "with `adopt`, up would replace them by none; nothing was written",
            hint=f"carry them over: {command}",
        )


def has_credentials(secret: dict[str, Any]) -> bool:
    """Whether a live pull secret says anything; what cannot be read may."""
    data = secret.get("data") or {}
    if any(value for key, value in data.items() if key != _KEY):
        return True  # such as .dockercfg, of the older type
    try:
        text = base64.b64decode(data.get(_KEY) or "", validate=True)
        return bool(text) and json.loads(text) not in ({}, {"auths": {}})
    except ValueError:
        return True
