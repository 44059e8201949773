"""What the provider of a stack's cluster is configured with, by the program and by a file for ``pulumi import``."""

from __future__ import annotations

from collections.abc import Mapping

from poscloud.cluster.target import Target

PROVIDER = "cluster"
"""Name of the provider's resource."""

SWITCHES = {
    "deleteUnreachable": "PULUMI_K8S_DELETE_UNREACHABLE",
    "enablePatchForce": "PULUMI_K8S_ENABLE_PATCH_FORCE",
    "enableServerSideApply": "PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY",
    "skipUpdateUnreachable": "PULUMI_K8S_SKIP_UPDATE_UNREACHABLE",
    "suppressDeprecationWarnings": "PULUMI_K8S_SUPPRESS_DEPRECATION_WARNINGS",
    "suppressHelmHookWarnings": "PULUMI_K8S_SUPPRESS_HELM_HOOK_WARNINGS",
    "upsertExistingObjects": "PULUMI_K8S_UPSERT_EXISTING_OBJECTS",
}
"""The provider's settings that ``pulumi_kubernetes.Provider`` takes from the environment."""


def provider_inputs(target: Target, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the inputs of a cluster's provider; what ``pulumi_kubernetes.Provider`` would register.

    Args:
        target: The cluster.
        environment: Variables that some of its settings are taken from.
    """
    settings = {
        "kubeconfig": str(target.kubeconfig),
        "context": target.context,
        "clusterIdentifier": target.identifier,
        # Pods carry a checksum of their configuration and roll when it changes, so that these two need not
        # be replaced, which would delete them for a moment under running pods.
        "enableConfigMapMutable": "true",
        "enableSecretMutable": "true",
    }
    settings |= {name: _switch(environment.get(variable, "")) for name, variable in SWITCHES.items()}
    return {key: value for key, value in settings.items() if value is not None}


def _switch(text: str) -> str | None:
    """A truth value as the SDK reads it from the environment, in JSON; ``None`` where it is none."""
    known = {"1": "true", "t": "true", "true": "true", "0": "false", "f": "false", "false": "false"}
    return known.get(text.lower())
