"""From a manifest to a ``pulumi_kubernetes`` resource."""

from __future__ import annotations

import importlib
import re
from typing import Any

import pulumi

from poscloud.render import Manifest


def resource_class(api_version: str, kind: str) -> type[pulumi.CustomResource]:
    """Return the ``pulumi_kubernetes`` class of a built-in kind; its module is imported only now.

    Args:
        api_version: For example ``v1`` or ``apps/v1``.
        kind: For example ``Deployment``.
    """
    group, _, version = api_version.rpartition("/")
    package = group.split(".")[0] if group else "core"
    module = importlib.import_module(f"pulumi_kubernetes.{package}.{version}")
    found: type[pulumi.CustomResource] = getattr(module, kind)
    return found


def create(manifest: Manifest, opts: pulumi.ResourceOptions) -> pulumi.CustomResource:
    """Register one object with the engine.

    Its logical name is its ``metadata.name``: fixed names are part of the contract, because services reach
    each other by them and the engine recognises an object by them.
    """
    cls = resource_class(manifest["apiVersion"], manifest["kind"])
    # Only the outermost keys are Python parameters; everything below goes through as it is.
    arguments: dict[str, Any] = {
        re.sub(r"(?<=[a-z])([A-Z])", lambda m: f"_{m[1].lower()}", key): value
        for key, value in manifest.items()
        if key not in {"apiVersion", "kind"}
    }
    return cls(manifest["metadata"]["name"], opts=opts, **arguments)
