"""A stack's description as a whole: loaded, and rendered, before anything is touched."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from poscloud.errors import InputError
from poscloud.load.environment import load_located
from poscloud.load.problems import from_findings
from poscloud.render import RenderedPart, names, render_environment
from poscloud.render.check import check_rendering
from poscloud.spec import EnvironmentSpec


def load_checked(root: Path, stack: str) -> EnvironmentSpec:
    """Load the environment of one stack, and make sure that it can be rendered.

    Args:
        root: The project's folder, which holds ``stacks/``.
        stack: For example ``wbyh-stage``.

    Raises:
        StackNotFoundError: There is no such stack.
        InputError: Everything that is wrong with it, sorted by place.
    """
    spec, node = load_located(root, stack)
    findings = check_rendering(spec)
    if findings:
        raise InputError(from_findings(findings, node))
    return spec


def check_versions(root: Path, stack: str, note: Callable[[str], None]) -> None:
    """Ask the stores whether the jars of one stack are there; does nothing where none is fetched.

    Args:
        root: The project's folder.
        stack: A stack that ``load_checked`` has found right.
        note: Gets what could not be asked.

    Raises:
        InputError: Every version that does not exist, at its place.
    """
    spec, node = load_located(root, stack)
    if not any(getattr(service, "jar", None) for service in spec.services.values()):
        return
    from poscloud.engine.jars import check_jars

    findings, notes = check_jars(spec)
    for text in notes:
        note(text)
    if findings:
        raise InputError(from_findings(findings, node))


def load_and_render(
    root: Path, stack: str, project: str = names.PROJECT
) -> tuple[EnvironmentSpec, list[RenderedPart]]:
    """Load the environment of one stack and render it; arguments and errors as in ``load_checked``.

    ``project`` is the Pulumi project, part of the ownership annotation.
    """
    spec = load_checked(root, stack)
    return spec, render_environment(spec, project)
