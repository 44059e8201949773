"""Everything that is wrong with an environment, at its place: the description, what it meets elsewhere, the cluster."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from poscloud.engine.description import Description, describe
from poscloud.engine.nodeimages import image_findings as node_images
from poscloud.engine.preflight.others import other_claims
from poscloud.engine.stackconfig import read_stack_config
from poscloud.errors import Problem, UsageError
from poscloud.load.problems import from_findings
from poscloud.local.versions import pinned
from poscloud.render.preflight.claims import check_others, check_pods, check_within, claims_of
from poscloud.render.preflight.cleartext import check_cleartext
from poscloud.render.preflight.jvm import check_jvm
from poscloud.render.preflight.starting import check_starting
from poscloud.render.preflight.versions import Version, check_versions, parse_version
from poscloud.spec.references import Finding


@dataclass(frozen=True)
class Report:
    """What a check found.

    Attributes:
        problems: What is wrong, sorted by place.
        components: Services and backing services.
        objects: Kubernetes objects that they are.
        notes: What could not be looked at, and why.
    """

    problems: list[Problem]
    components: int
    objects: int
    notes: list[str] = field(default_factory=list)


def check(
    root: Path, stack: str, kubernetes: str = "", *, cluster: bool = False, images: bool = False
) -> Report:
    """Check the environment of a stack; no cluster is asked unless that is wanted, and nothing is written.

    Args:
        root: The project's folder.
        stack: For example ``wbyh-stage``.
        kubernetes: Version of the cluster, such as 1.29; empty: what the cluster says, or that of the local one.
        cluster: Look into the cluster that the stack goes to as well.
        images: Ask the registries for the images, with the cluster for the processors of its nodes.

    Raises:
        StackNotFoundError: There is no such stack.
        InputError: What is wrong with the description, as ``validate`` says it.
        UsageError: ``kubernetes`` is no version.
        DeployError: The cluster cannot be found, or does not answer.
        AuthError: The cluster does not know this user.
    """
    if kubernetes and parse_version(kubernetes) is None:
        raise UsageError(f"'{kubernetes}' is no version of Kubernetes", hint="give it as --kubernetes 1.29")
    description = describe(root, stack)
    found: list[Finding] = []
    notes: list[str] = []
    if cluster or images:
        from poscloud.engine.preflight.cluster import cluster_findings, image_findings, live_of

        live = live_of(root, stack, description) if cluster else None
        if live:
            kubernetes = kubernetes or live.version
            found, notes = cluster_findings(description, live)
        if images:
            missing, unasked = image_findings(description, live)
            found, notes = [*found, *missing], [*notes, *unasked]
    target = parse_version(kubernetes) or parse_version(pinned("kubernetes")) or (1, 0)
    findings, unread = offline_findings(root, stack, description, target)
    return report(description, [*findings, *found], [*unread, *notes])


def report(description: Description, findings: list[Finding], notes: list[str]) -> Report:
    """Return findings as a report: each at its place, from top to bottom, and once where several checks have it."""
    once = {(f.path, f.code): f for f in reversed(findings)}
    problems = dict.fromkeys(from_findings(list(once.values()), description.node))
    ordered = sorted(problems, key=lambda p: (str(p.file or ""), p.line, p.column, p.code))
    objects = sum(len(part.manifests) for part in description.parts)
    return Report(ordered, len(description.parts) - 1, objects, notes)


def offline_findings(
    root: Path, stack: str, description: Description, target: Version
) -> tuple[list[Finding], list[str]]:
    """Return what is wrong as far as it can be told without a cluster, and what could not be looked at.

    Args:
        root: The project's folder.
        stack: The stack's name.
        description: Its description.
        target: The cluster's version.
    """
    spec, parts = description.spec, description.parts
    written = description.node.plain()
    claims = claims_of(spec, parts)
    findings = [
        *check_within(claims),
        *check_pods(spec, parts),
        *check_jvm(spec),
        *check_starting(spec, parts),
        *check_cleartext(written, stack),
        *check_versions(spec, parts, written, target),
    ]
    if not read_stack_config(root, stack).context:
        findings += node_images(root, description)
    notes: list[str] = []
    if claims:
        others, notes = other_claims(root, stack)
        for other, theirs in others.items():
            findings += check_others(claims, theirs, f"environment '{other}'")
    return findings, notes
