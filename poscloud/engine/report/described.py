"""What a report tells of a description: no cluster is asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from poscloud.cluster.preflight.wanted import wanted_pods
from poscloud.engine.description import Description
from poscloud.engine.report.masking import Masker
from poscloud.engine.report.model import Amounts, Component, Object, Report, as_amounts, total
from poscloud.errors import Problem
from poscloud.load.problems import from_findings
from poscloud.render.kinds import outputs_of
from poscloud.render.manifest import Manifest, config_yaml, to_yaml
from poscloud.spec import EnvironmentSpec
from poscloud.spec.references import Finding
from poscloud.spec.values import parse_quantity


def report_of(description: Description, masker: Masker, now: datetime) -> Report:
    """Return what can be told of an environment without a cluster, but for what a check finds.

    Args:
        description: The environment's.
        masker: Hides its secrets; learns them first.
        now: The time.
    """
    spec = description.spec
    masker.learn_from(description.node.plain(), spec.name)
    for part in description.parts:
        masker.learn_from(part.manifests, spec.name)
    outputs, asked = outputs_of(spec), _asked(description)
    components = [
        Component(
            name=part.name,
            kind=part.kind,
            after=tuple(sorted(part.after)),
            place=_place(description, part.name),
            spec=_described(spec, part.name, masker),
            objects=objects_of(part.manifests, masker),
            outputs={key: masker.text(value) for key, value in outputs[part.name].items() if value},
            pods=int(asked[part.name]["pods"]),
            requests=asked[part.name],
        )
        for part in description.parts[1:]
    ]
    return Report(
        spec.name, now, components, objects_of(description.parts[0].manifests, masker), _quota(spec)
    )


def mask_again(report: Report, masker: Masker) -> None:
    """Hide in what the description has told what was learnt since: by later parts of it, and by the cluster."""

    def masked(objects: list[Object]) -> list[Object]:
        return [Object(each.kind, each.name, masker.again(each.text)) for each in objects]

    for component in report.components:
        component.spec, component.objects = masker.again(component.spec), masked(component.objects)
        component.outputs = {key: masker.again(value) for key, value in component.outputs.items()}
    report.environment = masked(report.environment)


def objects_of(manifests: Iterable[Manifest], masker: Masker) -> list[Object]:
    """Return manifests as a report shows them."""
    return [
        Object(item["kind"], item["metadata"]["name"], to_yaml([item]).removeprefix("---\n"))
        for item in masker.manifests(manifests)
    ]


def add_findings(report: Report, findings: list[Finding], description: Description, masker: Masker) -> None:
    """Enter what a check found, each at its component, and once where several checks have it."""
    once = {(f.path, f.code): f for f in reversed(findings)}
    by_name = {component.name: component for component in report.components}
    for finding in reversed(once.values()):
        (problem,) = from_findings([finding], description.node)
        owner = by_name.get(str(finding.path[1])) if _is_of_a_part(finding) else None
        (owner.problems if owner else report.problems).append(masker.problem(problem))
    for problems in (report.problems, *(component.problems for component in report.components)):
        problems.sort(key=_order)


def _order(problem: Problem) -> tuple[str, int, int, str]:
    return str(problem.file or ""), problem.line, problem.column, problem.code


def _is_of_a_part(finding: Finding) -> bool:
    return len(finding.path) > 1 and finding.path[0] in ("services", "backing")


def _asked(description: Description) -> dict[str, Amounts]:
    """Return what each part requests: all its pods together."""
    found: dict[str, list[Amounts]] = defaultdict(list)
    for wanted in wanted_pods(description.spec, description.parts):
        found[wanted.part].append(as_amounts({k: v * wanted.count for k, v in wanted.needs.items()}))
    return defaultdict(lambda: as_amounts({}), {part: total(amounts) for part, amounts in found.items()})


def _place(description: Description, name: str) -> str:
    group = "backing" if name in description.spec.backing else "services"
    mark = description.node.locate((group, name), key=True)
    return f"{mark.file}:{mark.line}" if mark.line else str(mark.file)


def _described(spec: EnvironmentSpec, name: str, masker: Masker) -> str:
    part = spec.part(name)
    group = "backing" if name in spec.backing else "services"
    data: dict[str, Any] = {"kind": spec.kind(name), **part.model_dump(mode="json", exclude_defaults=True)}
    return config_yaml({group: {name: masker.value(data, (group, name))}}, width=110)


def _quota(spec: EnvironmentSpec) -> Amounts:
    """Return what the namespace may request: of CPU, memory and pods, as far as its quota has them."""
    found: dict[str, Decimal] = {}
    for written, shown in (("requests.cpu", "cpu"), ("cpu", "cpu"), ("requests.memory", "memory"),
                           ("memory", "memory"), ("pods", "pods"), ("count/pods", "pods")):  # fmt: skip
        if written in (spec.quota or {}) and shown not in found:
            found[shown] = parse_quantity(str((spec.quota or {})[written]))
    return found
