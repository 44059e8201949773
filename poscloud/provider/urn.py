"""What the type in a resource's URN says."""

from __future__ import annotations

from poscloud.provider.kinds import is_built_in


def token(urn: str) -> tuple[str, str]:
    """ApiVersion and kind of the type in a URN."""
    found = urn.split("::")[2].rpartition("$")[2] if urn.count("::") >= 3 else ""
    _, _, rest = found.partition(":")
    api_version, _, kind = rest.rpartition(":")
    return api_version.removeprefix("core/"), kind


def unsupported(urn: str) -> str:
    """Why the built-in provider cannot handle a type; empty when it can."""
    api_version, kind = token(urn)
    if api_version.startswith("helm.sh"):
        return "Helm releases need the official pulumi-resource-kubernetes plugin"
    if is_built_in(api_version) and kind.endswith("List"):
        return f"{kind} cannot be created as one resource; create its items"
    if is_built_in(api_version) and kind.endswith("Patch"):
        return f"{kind} needs the official pulumi-resource-kubernetes plugin"
    return ""
