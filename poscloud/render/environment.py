"""A whole environment: all its parts, each with its manifests, in start order."""

from __future__ import annotations

from dataclasses import dataclass

from poscloud.errors import PosCloudError
from poscloud.render.context import Context, Outputs
from poscloud.render.kinds import outputs_of, render_kind
from poscloud.render.manifest import Manifest, annotated, stamp
from poscloud.render.names import PROJECT, START_AFTER_ANNOTATION
from poscloud.render.namespace import render_namespace
from poscloud.spec import EnvironmentSpec
from poscloud.spec.references import in_order

SCALED = frozenset({"Deployment", "StatefulSet"})
"""Kinds whose number of pods can be zero for a while."""


@dataclass(frozen=True)
class RenderedPart:
    """One component of an environment.

    Attributes:
        name: The service's or backing service's name; the environment's own for its namespace.
        kind: Kind in the language, ``environment`` for the namespace and its quota, limits and secret.
        manifests: Its objects, in the order they are made.
        after: Names of the parts that must be ready first.
    """

    name: str
    kind: str
    manifests: list[Manifest]
    after: frozenset[str]


def stack_mark(spec: EnvironmentSpec, project: str = PROJECT) -> str:
    """Return the value of the annotation that every object of ``spec`` carries."""
    return f"{project}/{spec.name}"


def render_base(spec: EnvironmentSpec, project: str = PROJECT) -> RenderedPart:
    """Return the namespace with its quota, limits and pull secret."""
    manifests = render_namespace(Context(spec, outputs_of(spec)))
    return RenderedPart(spec.name, "environment", stamp(manifests, stack_mark(spec, project)), frozenset())


def render_part(
    spec: EnvironmentSpec, name: str, project: str = PROJECT, outputs: Outputs | None = None
) -> RenderedPart:
    """Return one service or backing service of ``spec``; ``outputs`` are those of all its parts, if known."""
    context = Context(spec, outputs_of(spec) if outputs is None else outputs)
    return as_part(spec, name, render_kind(context, name, spec.part(name)), project)


def as_part(spec: EnvironmentSpec, name: str, manifests: list[Manifest], project: str) -> RenderedPart:
    """Return the manifests of a part as one that belongs to a stack, and says what it starts after."""
    after = spec.start_after(name)
    said = {START_AFTER_ANNOTATION: ",".join(sorted(after))}  # who wakes it up has no description
    ordered = [annotated(m, said) if after and m["kind"] in SCALED else m for m in manifests]
    return RenderedPart(name, spec.kind(name), stamp(ordered, stack_mark(spec, project)), after)


def start_order(spec: EnvironmentSpec) -> list[str]:
    """Return all names so that each comes after what it starts after; equal ones by name."""
    return in_order({name: spec.start_after(name) for name in (*spec.backing, *spec.services)})


def render_environment(spec: EnvironmentSpec, project: str = PROJECT) -> list[RenderedPart]:
    """Return every part of ``spec`` in start order, the namespace first.

    Args:
        spec: What to render.
        project: Pulumi project, part of the ownership annotation.

    Raises:
        PosCloudError: Two parts render an object of the same kind and name.
    """
    outputs = outputs_of(spec)
    rendered = (render_part(spec, name, project, outputs) for name in start_order(spec))
    parts = [render_base(spec, project), *rendered]
    owners: dict[tuple[str, str], str] = {}
    for part in parts:
        for item in part.manifests:
            key = (item["kind"], item["metadata"]["name"])
            if key in owners:
                raise PosCloudError(
                    f"both '{owners[key]}' and '{part.name}' render {key[0]} '{key[1]}'; rename one"
                )
            owners[key] = part.name
    return parts
