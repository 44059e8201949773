"""Variables that a kind sets by itself, and those that stand for another part."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from poscloud.imports.source import Workload, variables
from poscloud.render import Manifest, names
from poscloud.render.kinds import outputs_of
from poscloud.spec import EnvironmentSpec
from poscloud.spec.password import PASSWORD_KEY

Outputs = Mapping[str, Mapping[str, str]]


_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

OPTIONS = ("JAVA_OPTS", "CATALINA_OPTS")
"""Variables that ``java_opts`` stands for."""


def own_variables(workload: Workload, fields: dict[str, Any], rendered: Iterable[Manifest]) -> None:
    """Add to a service's ``fields`` the variables of its containers that its kind does not set by itself.

    Args:
        workload: The source's.
        fields: The service, described without variables.
        rendered: What it renders then.
    """
    made = _containers(rendered)
    for container in workload.containers:
        name = container["name"]
        already = variables(made.get(name) or {}) if len(made) > 1 or name in made else {}
        if not already and len(workload.containers) == 1:
            already = variables(next(iter(made.values()), {}))
        own = {
            k: v.replace("${", "$${") if isinstance(v, str) else v
            for k, v in {**_from_whole(workload, container), **variables(container)}.items()
            if not (k in OPTIONS and fields["kind"] in ("java", "webapp"))
            and already.get(k) != v
            and (isinstance(v, str) or "secret" in v)
        }
        holder = fields["containers"][name] if "containers" in fields else fields
        if own:
            holder["env"] = own


def _from_whole(workload: Workload, container: Manifest) -> dict[str, Any]:
    """Return the variables that a container has from all of a Secret's or ConfigMap's keys (``envFrom``)."""
    found: dict[str, Any] = {}
    for entry in container.get("envFrom") or []:
        prefix, source = entry.get("prefix") or "", workload.source
        if reference := entry.get("secretRef"):
            name = reference.get("name", "")
            secret = source.get("Secret", name) or {}
            keys = sorted({*(secret.get("data") or {}), *(secret.get("stringData") or {})})
            found |= {f"{prefix}{key}": {"secret": name, "key": key} for key in keys}
        elif reference := entry.get("configMapRef"):
            content = source.data(reference.get("name", ""))
            found |= {f"{prefix}{key}": str(value) for key, value in content.items()}
    return {key: value for key, value in found.items() if _VARIABLE.fullmatch(key)}


def link(spec: EnvironmentSpec, data: dict[str, Any]) -> None:
    """Replace variables by ``uses`` and references wherever they say what a part offers; ``data`` is changed."""
    outputs = outputs_of(spec)
    for name, fields in data.get("services", {}).items():
        others = {n: o for n, o in outputs.items() if n != name and o}
        _without_ports(fields.get("locations", {}), others)
        holders = list(fields.get("containers", {}).values()) or [fields]
        for holder in holders:
            _link(holder, others)
        if "containers" in fields:
            _share_uses(fields, holders)


def _without_ports(locations: dict[str, Any], others: Outputs) -> None:
    """Leave out the port of a gateway's targets where it is the one the service has."""
    usual = {f"{n}:{o['port']}": n for n, o in others.items() if "port" in o}
    for key, location in locations.items():
        if isinstance(location, str):
            locations[key] = usual.get(location, location)
        else:
            location["to"] = usual.get(location["to"], location["to"])


def _share_uses(fields: dict[str, Any], holders: list[dict[str, Any]]) -> None:
    """Say once for all containers what each of them uses."""
    shared = [used for used in holders[0].get("uses", []) if all(used in h.get("uses", []) for h in holders)]
    for holder in holders:
        rest = [used for used in holder.pop("uses", []) if used not in shared]
        holder |= {"uses": rest} if rest else {}
    if shared:
        fields["uses"] = shared


def _link(holder: dict[str, Any], others: Outputs) -> None:
    env: dict[str, Any] = holder.get("env", {})
    uses = []
    for name, offered in others.items():
        wanted = _variables_of(name, offered)
        if all(env.get(variable) == value for variable, value in wanted.items()):
            uses.append(name)
            for variable in wanted:
                del env[variable]
    ports = _ports(env, others)
    for variable, value in env.items():
        if isinstance(value, str):
            env[variable] = ports.get(variable) or _referring(value, others)
    if uses:
        holder["uses"] = sorted(uses)
    if not env:
        holder.pop("env", None)


def _ports(env: Mapping[str, Any], others: Outputs) -> dict[str, str]:
    """Return references for the variables ``…PORT`` beside a ``…HOST`` that is a part's."""
    hosts = {o["host"]: n for n, o in others.items() if "host" in o}
    found = {}
    for variable, value in env.items():
        target = hosts.get(value) if isinstance(value, str) and variable.endswith("HOST") else None
        port = f"{variable.removesuffix('HOST')}PORT"
        if target and env.get(port) == others[target].get("port"):
            found[port] = f"${{{target}.port}}"
    return found


def _variables_of(name: str, offered: Mapping[str, str]) -> dict[str, Any]:
    prefix = names.env_prefix(name)
    found: dict[str, Any] = {}
    for output, value in offered.items():
        if output == names.SECRET_OUTPUT:
            found[f"{prefix}_PASSWORD"] = {"secret": value, "key": PASSWORD_KEY}
        else:
            found[f"{prefix}_{output.upper()}"] = value
    return found


def _referring(value: str, others: Outputs) -> str:
    """Return a value with what a part offers replaced by a reference to it."""
    text = value
    for output in ("url", "host"):
        for name, offered in others.items():
            word = offered.get(output)
            if word and text == word:
                return f"${{{name}.{output}}}"
            if word and output == "url" and text.startswith(f"{word}/"):
                text = text.replace(word, f"${{{name}.url}}", 1)
    return text


def _containers(rendered: Iterable[Manifest]) -> dict[str, Manifest]:
    for item in rendered:
        spec = item.get("spec") or {}
        spec = spec["jobTemplate"]["spec"] if "jobTemplate" in spec else spec
        if item["kind"] in ("Deployment", "StatefulSet", "CronJob"):
            return {c["name"]: c for c in spec["template"]["spec"]["containers"]}
    return {}
