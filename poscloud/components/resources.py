"""From a manifest to a resource of the Kubernetes provider.

The same resources as the typed classes of ``pulumi_kubernetes`` make: type token, version and secret marks are
equal, so that a stack does not notice the difference. The classes themselves are not used, because importing
them takes more than half of an unchanged preview's time (docs/decisions/0006).
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import version

import pulumi

from poscloud.components.registration import PlainResource
from poscloud.render import Manifest

SECRET_FIELDS = ("data", "stringData")


@cache
def sdk_version() -> str:
    """Return the version of the installed SDK, which is the provider version that the engine looks for."""
    return version("pulumi-kubernetes")


def type_token(api_version: str, kind: str) -> str:
    """Return the provider's name of a kind, for example ``kubernetes:core/v1:Service``."""
    return f"kubernetes:{api_version if '/' in api_version else f'core/{api_version}'}:{kind}"


def create(manifest: Manifest, opts: pulumi.ResourceOptions) -> pulumi.CustomResource:
    """Register one object with the engine.

    Its logical name is its ``metadata.name``: fixed names are part of the contract, because services reach
    each other by them and the engine recognises an object by them.
    """
    properties = dict(manifest)
    own = pulumi.ResourceOptions(version=sdk_version())
    if manifest["kind"] == "Secret":
        own.additional_secret_outputs = list(SECRET_FIELDS)
        properties |= {key: pulumi.Output.secret(manifest[key]) for key in SECRET_FIELDS if key in manifest}
    token = type_token(manifest["apiVersion"], manifest["kind"])
    return PlainResource(
        token, manifest["metadata"]["name"], properties, pulumi.ResourceOptions.merge(opts, own)
    )
