"""Whatever validates, the API server takes; whatever it would refuse, is refused before, at its place in the file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given

from poscloud.engine.description import describe
from poscloud.errors import InputError
from poscloud.local.api import LocalApi
from poscloud.local.certificates import Pki
from poscloud.local.record import ClusterRecord
from poscloud.render.check_pods import pod_specs
from poscloud.spec import EnvironmentSpec
from tests.fuzz.coverage import Covered
from tests.fuzz.dryrun import DryRun
from tests.fuzz.mutations import mutated_trees
from tests.fuzz.profile import LEFT_OUT, LONG, inputs, tried
from tests.fuzz.strategies import EXAMPLES, KINDS, LONG_NAME, NAME, environments
from tests.workspace import Workspace


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    (root / "stacks").mkdir()
    return root


@pytest.fixture(scope="module")
def dry_run(workspace: Workspace) -> Iterator[DryRun]:
    cluster = workspace.paths.cluster
    api = LocalApi(ClusterRecord.load(cluster / "cluster.json").port, Pki(cluster / "pki"), timeout=60)
    yield DryRun(api)
    api.close()


def rendered(root: Path, document: Any, name: str) -> tuple[EnvironmentSpec, list[dict[str, Any]]] | None:
    """Return what a description gives; ``None`` if it is refused, each problem at its place."""
    (root / "stacks" / f"{name}.yaml").write_text(
        yaml.safe_dump(document, allow_unicode=True, sort_keys=False)
    )
    try:
        found = describe(root, name)
        spec, parts = found.spec, found.parts
    except InputError as error:
        assert error.problems and all(p.line and p.column for p in error.problems), error
        return None
    return spec, [item for part in parts for item in part.manifests]


def test_every_kind_is_tried() -> None:
    assert set(EXAMPLES) == set(KINDS)
    assert not [kind for kind, examples in EXAMPLES.items() if not examples]


@pytest.mark.cluster
@inputs(few=40, many=6000)
@given(document=environments())
def test_what_validates_is_accepted(folder: Path, dry_run: DryRun, document: dict[str, Any]) -> None:
    found = rendered(folder, document, NAME)
    tried("environments, " + ("valid" if found else "refused at a place"))
    if found:
        COVERED.add(found[0])
        refused = dry_run.refusals(found[1])
        assert not refused, "\n".join(refused)


@pytest.mark.cluster
@inputs(few=25, many=1500)
@given(tree=mutated_trees())
def test_what_still_validates_with_a_wrong_value_is_accepted(
    folder: Path, dry_run: DryRun, tree: Any
) -> None:
    if "overrides" in str(tree):
        return  # only the API server can judge what a patch says
    found = rendered(folder, tree, LONG_NAME)
    tried("environments with wrong values, " + ("valid" if found else "refused at a place"))
    if found:
        refused = dry_run.refusals(found[1])
        assert not refused, "\n".join(refused)


@inputs(few=40, many=6000)
@given(document=environments())
def test_objects_fit_together(folder: Path, document: dict[str, Any]) -> None:
    found = rendered(folder, document, NAME)
    if found is None:
        return
    tried("environments whose objects were compared")
    spec, manifests = found
    COVERED.add(spec)
    assert not duplicates(manifests)
    assert not dangling(spec, manifests)
    assert not wrong_selectors(manifests)
    assert not too_long(manifests)


def duplicates(manifests: list[dict[str, Any]]) -> list[object]:
    """Return every object, and every node port, that is there twice."""
    objects = [(m["kind"], m["metadata"].get("namespace"), m["metadata"]["name"]) for m in manifests]
    ports = [
        (p["nodePort"], p.get("protocol", "TCP"))
        for m in manifests
        if m["kind"] == "Service"
        for p in m["spec"].get("ports", [])
        if "nodePort" in p
    ]
    return [one for several in (objects, ports) for one, count in Counter(several).items() if count > 1]


def dangling(spec: EnvironmentSpec, manifests: list[dict[str, Any]]) -> list[str]:
    """Return every ConfigMap, claim and ServiceAccount that a pod names and nobody makes.

    A Secret, and the claim of a `log_store`, may be there without poscloud: the description names it.
    """
    made = {(m["kind"], m["metadata"]["name"]) for m in manifests}
    named = str(spec.model_dump())
    missing = []
    for item, pod in pod_specs(manifests):
        wanted = {("ConfigMap", v["configMap"]["name"]) for v in pod.get("volumes", []) if "configMap" in v}
        claims = {c["claimName"] for v in pod.get("volumes", []) if (c := v.get("persistentVolumeClaim"))}
        secrets = {v["secret"]["secretName"] for v in pod.get("volumes", []) if "secret" in v}
        for container in (*pod.get("initContainers", []), *pod["containers"]):
            for source in [e.get("valueFrom", {}) for e in container.get("env", [])] + container.get(
                "envFrom", []
            ):
                for key in ("configMapKeyRef", "configMapRef"):
                    wanted |= {("ConfigMap", source[key]["name"])} if key in source else set()
                for key in ("secretKeyRef", "secretRef"):
                    secrets |= {source[key]["name"]} if key in source else set()
        wanted |= {("Secret", s) for s in secrets if f"'{s}'" not in named}
        wanted |= {("PersistentVolumeClaim", c) for c in claims if f"'{c}'" not in named}
        if (account := pod.get("serviceAccountName", "default")) != "default":
            wanted.add(("ServiceAccount", account))
        missing += [f"{item['kind']} {item['metadata']['name']}: {w}" for w in sorted(wanted - made)]
    return missing


def wrong_selectors(manifests: list[dict[str, Any]]) -> list[str]:
    """Return every Service and budget that selects no pod, or the pods of two parts."""
    wrong = []
    pods = [
        (item["metadata"]["labels"]["app"], item["spec"]["template"]["metadata"]["labels"])
        for item, _ in pod_specs(manifests)
        if item["kind"] in ("Deployment", "StatefulSet")
    ]
    for item in manifests:
        selector = (
            item.get("spec", {}).get("selector")
            if item["kind"] in ("Service", "PodDisruptionBudget")
            else None
        )
        selector = (selector or {}).get("matchLabels", selector)
        if selector:
            hit = {app for app, labels in pods if selector.items() <= labels.items()}
            if len(hit) != 1:
                wrong.append(f"{item['kind']} {item['metadata']['name']} selects {hit or 'nothing'}")
    return wrong


def too_long(manifests: list[dict[str, Any]]) -> list[str]:
    """Return every name that is too long for a DNS label once controllers have put something behind it."""
    behind = {"StatefulSet": 11, "CronJob": 11, "Service": 0, "Namespace": 0, "Job": 0}
    return [
        f"{m['kind']} {m['metadata']['name']}"
        for m in manifests
        if m["kind"] in behind and len(m["metadata"]["name"]) + behind[m["kind"]] > 63
    ]


COVERED = Covered()


def test_fields_that_were_tried() -> None:
    """A few inputs cannot reach every field; what many did not reach is printed by ``make fuzz``."""
    assert COVERED.reached()
    if LONG:
        LEFT_OUT[:] = COVERED.missing()
