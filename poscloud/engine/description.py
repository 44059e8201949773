"""A stack's description as a whole: loaded, and rendered, before anything is touched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from poscloud.errors import InputError, PosCloudError
from poscloud.load.environment import load_located
from poscloud.load.problems import from_findings
from poscloud.load.yamltree import Node
from poscloud.render import RenderedPart, names
from poscloud.render.check import render_checked
from poscloud.spec import EnvironmentSpec
from poscloud.spec.placeholder import check_placeholders


@dataclass(frozen=True)
class Description:
    """A stack's description that can be rendered.

    Attributes:
        spec: The environment.
        node: The tree that knows the place of each value.
        parts: Every part, rendered, the namespace first.
    """

    spec: EnvironmentSpec
    node: Node
    parts: list[RenderedPart]


def describe(root: Path, stack: str, project: str = names.PROJECT) -> Description:
    """Load the environment of one stack, and make sure that it can be rendered.

    Args:
        root: The project's folder, which holds ``stacks/``.
        stack: For example ``wbyh-stage``.
        project: The Pulumi project, part of the ownership annotation.

    Raises:
        StackNotFoundError: There is no such stack.
        InputError: Everything that is wrong with it, sorted by place.
    """
    spec, node = load_located(root, stack)
    parts, findings = render_checked(spec, project)
    if found := [*findings, *check_placeholders(node.plain(), stack)]:
        raise InputError(list(dict.fromkeys(from_findings(found, node))))
    return Description(spec, node, parts)


def load_checked(root: Path, stack: str) -> EnvironmentSpec:
    """Return the environment alone; arguments and errors as in ``describe``."""
    return describe(root, stack).spec


def may_be_production(root: Path, stack: str) -> bool:
    """Whether an environment is production; one whose description cannot be read may be."""
    try:
        return load_located(root, stack)[0].is_production()
    except PosCloudError:
        return True


def check_versions(description: Description, note: Callable[[str], None]) -> None:
    """Ask the stores whether the jars of one stack are there; does nothing where none is fetched.

    Args:
        description: The stack's.
        note: Gets what could not be asked.

    Raises:
        InputError: Every version that does not exist, at its place.
    """
    spec = description.spec
    if not any(getattr(service, "jar", None) for service in spec.services.values()):
        return
    from poscloud.engine.jars import check_jars

    findings, notes = check_jars(spec)
    for text in notes:
        note(text)
    if findings:
        raise InputError(from_findings(findings, description.node))
