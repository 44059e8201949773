"""``copy_of`` and ``only``: an environment made from another one.

A copy has everything of the other environment, its images too, but what only one can have: node ports are the cluster's
choice, hosts of Ingress rules get the copy's name in front, and classes of storage and priority are used and not made
once more. Nor is a janitor or a node guard: one works for all.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from poscloud.errors import Problem
from poscloud.load.yamltree import Mark, Node
from poscloud.spec import EnvironmentSpec, Images
from poscloud.spec.references import nearest

OWN = (
    "name",
    "access",
    "adopt",
    "lifetime",
    "copies",
    "copy_of",
    "only",
    "storage_classes",
    "priority_classes",
)
"""Fields of the other environment that a copy does not take over."""


WATCHING = frozenset({"janitor", "node-guard"})
"""Kinds of services that work for the whole cluster; a copy has none."""


def original(node: Node, file: Path, problems: list[Problem]) -> tuple[Node, Path] | None:
    """Return the entry ``copy_of`` of a file and the file that it names; ``None`` when there is none."""
    entry = node.value.get("copy_of")
    if entry is None:
        return None
    if isinstance(entry.value, str) and (base := file.parent / f"{entry.value}.yaml").is_file():
        return entry, base
    known = sorted(f.stem for f in file.parent.glob("*.yaml") if f != file)
    message, hint = f"copy_of: there is no environment '{entry.value}'", nearest(str(entry.value), known)
    if isinstance(entry.value, str) and (file.parent / f"{entry.value}.py").is_file():
        message = (
            f"copy_of: '{entry.value}' is described in Python, and a copy of it cannot be described in YAML"
        )
        hint = f"write its copy in Python: from {entry.value}.py, with another name"
    problems.append(_problem(entry.mark, "unknown-original", message, hint))
    return None


def as_copy(node: Node, entry: Node, name: str, problems: list[Problem]) -> Node:
    """Return another environment's description as that of a copy.

    Args:
        node: The other one's, merged with its bases.
        entry: Where ``copy_of`` names it.
        name: The copy's name.
        problems: Receives why it may not be copied.
    """
    production = node.value.get("production")
    if production.value if production else entry.value == "prod" or str(entry.value).endswith("-prod"):
        message = f"copy_of: '{entry.value}' is production; a copy would run with what production is configured with"
        problems.append(_problem(entry.mark, "copy-of-production", message, "copy the stage environment"))
    found = {key: value for key, value in node.value.items() if key not in OWN}
    found.setdefault("short_lived", Node(True, entry.mark))
    found["images"] = _same_images(found.get("images"), entry)
    found |= {"services": _without_watching(found["services"])} if "services" in found else {}
    for group in ("services", "defaults"):
        for part in _parts(found.get(group)):
            part.value.pop("node_port", None)
    rules = found.get("ingress")
    for rule in rules.value if rules and isinstance(rules.value, list) else ():
        for host in _hosts(rule):
            if isinstance(host.value, str):
                host.value = _host(host.value, name)
    return Node(found, node.mark)


def _same_images(images: Node | None, entry: Node) -> Node:
    """Return the patterns of image names with the other environment's name in them: a copy has no images of its own."""
    given = images.value if images and images.is_map else {}
    patterns = {key: Node(field.default, entry.mark) for key, field in Images.model_fields.items()} | given
    for key, pattern in patterns.items():
        if isinstance(pattern.value, str):
            text = pattern.value.replace("{environment}", str(entry.value))
            patterns[key] = Node(text, pattern.mark, pattern.key_mark)
    return Node(patterns, images.mark if images else entry.mark)


def _without_watching(services: Node) -> Node:
    if not services.is_map:
        return services
    left = {name: part for name, part in services.value.items() if _kind(part) not in WATCHING}
    return Node(left, services.mark, services.key_mark)


def _kind(part: Node) -> Any:
    kind = part.value.get("kind") if part.is_map else part
    return kind.value if kind else None


def _hosts(rule: Node) -> Iterator[Node]:
    """Yield where a rule names a host: its own, and those of ``also``."""
    if rule.is_map:
        if host := rule.value.get("host"):
            yield host
        for further in _also(rule):
            yield from _hosts(further) if further.is_map else (further,)


def _also(rule: Node) -> list[Node]:
    also = rule.value.get("also")
    return list(also.value) if also and isinstance(also.value, list) else []


def _host(host: str, name: str) -> str:
    return f"*.{name}.{host[2:]}" if host.startswith("*.") else f"{name}.{host}"


def _parts(group: Node | None) -> list[Node]:
    return [part for part in group.value.values() if part.is_map] if group and group.is_map else []


def without_others(node: Node, spec: EnvironmentSpec, problems: list[Problem]) -> Node:
    """Return a description without the parts that neither ``only`` names nor one of those needs.

    Args:
        node: The whole description.
        spec: The same, validated.
        problems: Receives names that there are not.
    """
    chosen = node.value.get("only")
    if chosen is None:
        return node
    parts = {*spec.services, *spec.backing}
    entries = chosen.value if isinstance(chosen.value, list) else [chosen]
    for entry in entries:
        if entry.value not in parts:
            message = f"only: there is no service or backing service '{entry.value}'"
            problems.append(_problem(entry.mark, "unknown-part", message, nearest(str(entry.value), parts)))
    kept = closure(spec, [str(entry.value) for entry in entries if entry.value in parts])
    found = {key: value for key, value in node.value.items() if key != "only"}
    for group in ("services", "backing"):
        if group in found and found[group].is_map:
            entries_kept = {n: p for n, p in found[group].value.items() if n in kept}
            found[group] = Node(entries_kept, found[group].mark, found[group].key_mark)
    if "ingress" in found and isinstance(found["ingress"].value, list):
        rules = [r for rule in found["ingress"].value if (r := _rule_of(rule, kept))]
        found["ingress"] = Node(rules, found["ingress"].mark, found["ingress"].key_mark)
    return Node(found, node.mark)


def closure(spec: EnvironmentSpec, names: list[str]) -> set[str]:
    """Return these parts and all that they need, directly or not."""
    kept: set[str] = set()
    queue = list(names)
    while queue:
        name = queue.pop()
        if name not in kept:
            kept.add(name)
            queue += sorted(spec.start_after(name))
    return kept


def _rule_of(rule: Node, kept: set[str]) -> Node | None:
    """Return an Ingress rule with the paths that lead to parts that are there; ``None`` when there is no such path."""
    left = _with_paths(rule, kept)
    if not (rule.is_map and "also" in rule.value):
        return left
    also = [a for further in _also(rule) if (a := _with_paths(further, kept))]
    if left is None:  # the first host with paths of its own takes its place, and what it inherits
        also = [a for a in also if a.is_map and "paths" in a.value]
        if not also:
            return None
        # One without a certificate of its own, if there is one: what the rule has, the others still inherit.
        left = next((a for a in also if not _says(a, "tls")), also[0])
        also = [_with_type(a, rule) for a in also if a is not left]
        left = Node({**rule.value, **{k: v for k, v in left.value.items() if _says(left, k)}}, rule.mark)
    entry = rule.value["also"]
    return Node({**left.value, "also": Node(also, entry.mark, entry.key_mark)}, rule.mark)


def _with_type(further: Node, rule: Node) -> Node:
    """Return a further host that says itself how its paths are matched: what it had this from may be another now."""
    if _says(further, "path_type"):
        return further
    inherited = rule.value.get("path_type") or Node("Prefix", further.mark)
    return Node({**further.value, "path_type": inherited}, further.mark, further.key_mark)


def _says(further: Node, field: str) -> bool:
    """Whether a further host has a value of its own there; null is none."""
    return field in further.value and further.value[field].value is not None


def _with_paths(rule: Node, kept: set[str]) -> Node | None:
    paths = rule.value.get("paths") if rule.is_map else None
    if paths is None or not paths.is_map:
        return rule
    left = {path: target for path, target in paths.value.items() if _service(target) in kept}
    return Node({**rule.value, "paths": Node(left, paths.mark, paths.key_mark)}, rule.mark) if left else None


def _service(target: Node) -> str:
    named = target.value.get("service") if target.is_map else target
    return str(named.value) if named else ""


def _problem(mark: Mark, code: str, message: str, hint: str) -> Problem:
    return Problem(mark.file, mark.line, mark.column, code, message, hint)
