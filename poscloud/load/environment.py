"""Find an environment by its stack's name and load it, from YAML or Python."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from poscloud.errors import InputError, PosCloudError, Problem, StackNotFoundError
from poscloud.load.copy import without_others
from poscloud.load.included import include_files
from poscloud.load.merge import apply_defaults, read_with_bases
from poscloud.load.problems import from_findings, from_validation
from poscloud.load.stacks import STACK_NAME, STACKS, known_stacks
from poscloud.load.timezones import check_time_zone
from poscloud.load.yamltree import Mark, Node
from poscloud.spec import EnvironmentSpec
from poscloud.spec.cronjob import CronJobSpec
from poscloud.spec.references import Finding, nearest


def load_environment(root: Path, stack: str) -> EnvironmentSpec:
    """Load the environment of one stack.

    Args:
        root: The project's folder, which holds ``stacks/``.
        stack: For example ``wbyh-stage``; read from ``stacks/wbyh-stage.yaml`` or ``.py``.

    Raises:
        StackNotFoundError: There is no such file; names the known stacks.
        InputError: Everything that is wrong with it, sorted by place.
    """
    return load_located(root, stack)[0]


def load_located(root: Path, stack: str) -> tuple[EnvironmentSpec, Node]:
    """Load the environment of one stack, with the tree that knows the place of each value.

    A Python stack's tree has what its file says, and the place of each constructor and argument.
    """
    if not STACK_NAME.fullmatch(stack):
        raise StackNotFoundError(
            f"'{stack}' cannot be a stack's name", hint=f"give NAME of {STACKS}/NAME.yaml, without the folder"
        )
    files = [f for f in (root / STACKS / f"{stack}.yaml", root / STACKS / f"{stack}.py") if f.is_file()]
    if not files:
        known = known_stacks(root)
        guess = nearest(stack, known)
        listing = f"known stacks: {', '.join(known)}" if known else f"{STACKS}/ holds none"
        raise StackNotFoundError(
            f"there is no stack '{stack}' ({listing})",
            hint=guess if guess.startswith("did you mean") else f"create {STACKS}/{stack}.yaml",
        )
    if len(files) > 1:
        raise PosCloudError(
            f"stack '{stack}' is described twice: {files[0].name} and {files[1].name}",
            hint=f"remove one of them from {STACKS}/",
        )
    return _load(files[0], root, stack)


def load_file(file: Path, root: Path, name: str | None = None) -> EnvironmentSpec:
    """Load one environment file.

    Args:
        file: A ``.yaml`` or ``.py`` file.
        root: Messages name files relative to this folder.
        name: The environment's name; by default the file's, without its ending.

    Raises:
        InputError: Everything that is wrong with it, sorted by place.
    """
    return _load(file, root, name)[0]


def _load(file: Path, root: Path, name: str | None) -> tuple[EnvironmentSpec, Node]:
    if file.suffix == ".py":
        from poscloud.load.python import load_python

        return load_python(file, root, name)
    problems: list[Problem] = []
    node = read_with_bases(file, root, problems, name or file.stem)
    if node is None:
        raise InputError(problems)
    node = apply_defaults(node, problems)
    _set_name(node, name or file.stem, problems)
    _reject_empty_parts(node, problems)
    include_files(node, root, problems)
    known = {(p.file, p.line, p.column) for p in problems}
    found: list[Problem] = []
    spec, node = _validate_chosen(node, found)
    problems += [p for p in found if (p.file, p.line, p.column) not in known]
    if problems or spec is None:
        raise InputError(_unique(problems))
    return spec, node


def _set_name(node: Node, name: str, problems: list[Problem]) -> None:
    given = node.value.get("name")
    if given is not None and given.value != name:
        problems.append(_wrong_name(given.mark, given.plain(), name, "leave `name` out"))
    node.value["name"] = Node(name, given.mark if given else node.mark)


def _wrong_name(mark: Mark, given: Any, name: str, hint: str) -> Problem:
    message = f"name: '{given}' differs from the stack's name '{name}'"
    return Problem(mark.file, mark.line, mark.column, "wrong-name", message, hint)


def _reject_empty_parts(node: Node, problems: list[Problem]) -> None:
    """Report ``redis:`` with nothing behind it, which YAML reads as null."""
    for group, example in (("services", "java"), ("backing", "{}")):
        parts = node.value.get(group)
        if parts is None or not parts.is_map:
            continue
        for name, part in list(parts.value.items()):
            if part.value is None:
                mark = part.key_mark or part.mark
                problems.append(
                    Problem(
                        mark.file,
                        mark.line,
                        mark.column,
                        "empty",
                        f"{group}.{name} is empty",
                        f"write `{name}: {example}`",
                    )
                )
                del parts.value[name]


def _validate_chosen(node: Node, problems: list[Problem]) -> tuple[EnvironmentSpec | None, Node]:
    """Validate the whole, and once more with what ``only`` leaves of it."""
    chosen = node.value.pop("only", None)
    spec = _validate(node, problems)
    if chosen is None or spec is None:
        return spec, node
    left = without_others(Node({**node.value, "only": chosen}, node.mark), spec, problems)
    return _validate(left, problems), left


def _validate(node: Node, problems: list[Problem]) -> EnvironmentSpec | None:
    """Validate the whole; where parts are wrong, still check how everything fits together."""
    data = node.plain()
    findings: list[Finding] = []
    try:
        spec = EnvironmentSpec.model_validate(data, context={"findings": findings})
        findings += check_time_zone(spec.time_zone, ("time_zone",))
        for name, part in spec.services.items():
            if isinstance(part, CronJobSpec):
                findings += check_time_zone(part.time_zone, ("services", name, "time_zone"))
        return spec
    except ValidationError as error:
        problems += from_validation(error, node, EnvironmentSpec)
        wrong = {d["loc"] for d in error.errors(include_url=False, include_context=False)}
        findings[:] = _check_rest(data, wrong)
        return None
    finally:
        problems += from_findings(findings, node)


_REFERRING = frozenset(
    "kind runenv eureka uses env filebeat zookeeper image version node_selector pool priority mounts port node_port "
    "django gunicorn celery beat run_cmd containers locations".split()
)
"""The fields of a part that are looked at even if others are wrong: most refer to other parts."""


_NAMED = frozenset({"node_pools", "volumes", "storage_classes", "priority_classes"})
"""The environment's maps whose keys parts refer to: of these the right entries are looked at."""


def _check_rest(data: dict[str, Any], wrong: set[tuple[Any, ...]]) -> list[Finding]:
    """Return what does not fit together in a description that is wrong elsewhere too.

    Of a wrong part only the right ones of its referring fields are looked at. A reference to a part that is
    too wrong even for that is no finding: it is there, only described wrongly.
    """
    rest: dict[str, Any] = {"name": data["name"]}
    by_part, by_field = defaultdict(list), defaultdict(list)
    for loc in wrong:
        by_part[loc[:2]].append(loc[2:])
        by_field[loc[:1]].append(loc)
    left_out: set[str] = set()
    for group in ("backing", "services"):
        parts = data.get(group)
        rest[group] = {}
        for name, part in parts.items() if isinstance(parts, dict) else ():
            errors = by_part.get((group, name))
            if not errors:
                rest[group][name] = part
            elif isinstance(part, dict) and not any("kind" in loc or loc == ("[key]",) for loc in errors):
                rest[group][name] = _right_fields(part, errors)
            else:
                left_out.add(name)
    for field in data.keys() - {"name", "backing", "services"}:
        if not (errors := by_field.get((field,))):
            rest[field] = data[field]
        elif field in _NAMED and isinstance(data[field], dict) and all(len(loc) > 1 for loc in errors):
            names = {str(loc[1]) for loc in errors}
            rest[field] = {k: v for k, v in data[field].items() if k not in names}
            left_out |= names
    findings = _findings_of(rest, left_out)
    return [
        f for f in findings if not any(f"'{n}'" in f.message or f"${{{n}." in f.message for n in left_out)
    ]


def _findings_of(rest: dict[str, Any], left_out: set[str]) -> list[Finding]:
    """Return what does not fit together in ``rest``, without the parts of which too little is right.

    Those are removed from ``rest`` and added to ``left_out``; their problems have been reported.
    """
    findings: list[Finding] = []
    try:
        EnvironmentSpec.model_validate(rest, context={"findings": findings})
    except ValidationError as error:
        wrong = {detail["loc"][:2] for detail in error.errors(include_url=False)}
        if all(len(loc) == 2 and loc[0] in ("backing", "services") for loc in wrong):
            for group, name in wrong:
                del rest[str(group)][name]
                left_out.add(str(name))
            return _findings_of(rest, left_out)
    return findings


def _right_fields(part: dict[str, Any], errors: list[tuple[Any, ...]]) -> dict[str, Any]:
    """Return the referring fields of a part without what is wrong: of a map, its right entries."""
    steps = {str(step) for loc in errors for step in loc}
    right: dict[str, Any] = {}
    for field in part.keys() & _REFERRING:
        value = part[field]
        if field not in steps:
            right[field] = value
        elif field == "filebeat":
            right[field] = False  # without its target it would have another one
        elif isinstance(value, dict) and not any(loc[-1] == field for loc in errors):
            right[field] = {k: v for k, v in value.items() if k not in steps}
    return right


def _unique(problems: list[Problem]) -> list[Problem]:
    """Return each problem once; one in ``defaults`` is found in every service."""
    unique: dict[Problem, Problem] = {}
    for problem in problems:
        key = replace(problem, message=re.sub(r"^services\.[^.:]+\.", "", problem.message))
        unique.setdefault(key, problem)
    return list(unique.values())
