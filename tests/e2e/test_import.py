"""A live namespace that is nobody's: imported, taken in, and nothing in it has another meaning afterwards."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from poscloud.engine.registryauth import carry_over
from poscloud.imports.difference import by_identity, differences
from poscloud.load import load_environment
from poscloud.render import Manifest, render_environment
from poscloud.render.environment import render_base
from poscloud.render.manifest import is_cluster_wide
from poscloud.render.secrets import sources
from poscloud.spec import EnvironmentSpec
from tests.unit.imports.test_round_trip import unlabelled
from tests.workspace import ROOT, Workspace

pytestmark = [pytest.mark.e2e, pytest.mark.long]

STACK = "bought"
DESCRIPTION = """\
registry: harbor.example.com/shop
backing:
  redis: {resources: {limits: {memory: 256Mi}}, password: true}
  ledger: {kind: mysql, external: {host: 10.31.222.100}, databases: [ledger]}
isolation: {from_namespaces: [monitoring]}
ingress: [{host: shop.example.com, paths: {/: shop}, also: [www.shop.example.com]}]
monitoring: true
access: {payments: {may: [shell]}, testers: {}}
secrets: {database: [password]}
services:
  shop:
    kind: java
    replicas: 2
    anti_affinity: none
    probes: {initial_delay: 0}
    uses: [ledger, redis]
    env: {DB_PASSWORD: {secret: database, key: password}}
  web:
    kind: java
    replicas: 2
    anti_affinity: none
    probes: {initial_delay: 0}
    release: {strategy: canary, weight: 50, next: {version: v2, env: {MODE: new}}}
"""
MANIFESTS = "manifests.yaml"
KEY = "myregistrykey"
AUTH = base64.b64encode(b"robot:hunter3-very-secret").decode()
CREDENTIALS = {".dockerconfigjson": json.dumps({"auths": {"r.example.com": {"auth": AUTH}}})}
PASSWORD = "hunter2-very-secret"
OURS = r'\["(?:poscloud\.io|pulumi\.com|app\.kubernetes\.io)/[a-zA-Z-]+"\]'
MARK = re.compile(rf"(spec\.template\.)?metadata\.(labels|annotations)({OURS})?")
ORDER = re.compile(r"spec\.template\.spec\.(initC|c)ontainers\[\d+\]\.env\[\d+\]")
"""An import does not keep the order of variables, which has no meaning."""
KINDS = "deployments,statefulsets,services,configmaps,secrets,limitranges,poddisruptionbudgets,ingresses,"
KINDS += "networkpolicies,endpointslices,serviceaccounts,roles,rolebindings"
OTHERS = {("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")}


def live(workspace: Workspace) -> list[Manifest]:
    items = workspace.get(KINDS, "-n", STACK)["items"]
    roots = [item for item in items if not item["metadata"].get("ownerReferences")]
    return [item for item in roots if (item["kind"], item["metadata"]["name"]) not in OTHERS]


def without_our_marks(item: Manifest) -> Any:
    """Return what of an object has a meaning and the values of a Secret, which ``differences`` does not look at."""
    return {name: item.get(name) for name in ("data", "type")} if item["kind"] == "Secret" else None


def versions(workspace: Workspace) -> dict[str, str]:
    """Return the version of every object: none is the same after a write."""
    kinds = f"{KINDS},replicasets,pods"
    items = [*workspace.get(kinds, "-n", STACK)["items"], workspace.get("namespace", STACK)]
    return {f"{i['kind']}/{i['metadata']['name']}": i["metadata"]["resourceVersion"] for i in items}


def planned(workspace: Workspace) -> set[str]:
    """Return what a preview would change, which has to be nothing but marks of ours that are added."""
    preview = json.loads(workspace.ok("pulumi", "preview", "--json", "-s", STACK))
    assert preview["changeSummary"].keys() <= {"same", "update", "create"}, preview["changeSummary"]
    created = [s["urn"] for s in preview["steps"] if s["op"] == "create"]
    assert [urn for urn in created if "batch/v1:Job::" not in urn] == []
    changes = {s["urn"]: s["detailedDiff"] or {} for s in preview["steps"] if s["op"] == "update"}
    found = {path: how["kind"] for paths in changes.values() for path, how in paths.items()}
    others = {path: kind for path, kind in found.items() if not ORDER.match(path)}
    assert [path for path in others if not MARK.fullmatch(path)] == []
    assert set(others.values()) == {"add"}
    return set(changes)


def shown(text: str) -> list[str]:
    """Return which secrets a text holds, in any way that Kubernetes or kubectl writes them."""
    plain = [PASSWORD, AUTH, *CREDENTIALS.values()]
    encoded = [base64.b64encode(secret.encode()).decode() for secret in plain]
    return [secret for secret in [*plain, *encoded] if secret in text]


def make(workspace: Workspace, spec: EnvironmentSpec, *how: str) -> None:
    """Apply what a description renders as somebody else would have it, with its Secrets' values."""
    manifests = []
    for item in (m for part in render_environment(spec) for m in part.manifests):
        secrets = dict.fromkeys(sources(item), PASSWORD)
        if item["kind"] == "Job":
            continue  # which looks whether Kafka can be used; nobody else has such a thing
        item = unlabelled(item)
        item["metadata"].pop("annotations", None)
        template = item.get("spec", {}).get("template", {}).get("metadata", {})
        if not template.get("annotations"):
            template.pop("annotations", None)
        if item["kind"] == "Secret":
            item["stringData"] = secrets if item["type"] == "Opaque" else CREDENTIALS
        manifests.append(item)
    text = yaml.safe_dump_all(manifests)
    (workspace.root / MANIFESTS).write_text(text)
    done = workspace.run("kubectl", "apply", *how, "-f", "-", given=text)
    assert done.returncode == 0, done.stderr


def remove(workspace: Workspace, *classes: str) -> None:
    """Remove what ``make`` has made, and the stack that took it in."""
    workspace.run("kubectl", "delete", "--ignore-not-found", "namespace", STACK)
    for name in classes:
        workspace.run("kubectl", "delete", "--ignore-not-found", *name.split("/"))
    workspace.run("pulumi", "stack", "rm", "--yes", "--force", STACK)
    for file in (f"Pulumi.{STACK}.yaml", f"stacks/{STACK}.yaml", MANIFESTS):
        (workspace.root / file).unlink(missing_ok=True)


@pytest.fixture(params=["client", "server"])
def bought(workspace: Workspace, request: pytest.FixtureRequest) -> Iterator[Workspace]:
    """A namespace that somebody made with kubectl apply, on either side, without anything of poscloud in it."""
    file = workspace.root / "stacks" / f"{STACK}.yaml"
    file.write_text(DESCRIPTION)
    spec = load_environment(workspace.root, STACK)
    file.unlink()
    make(workspace, spec, *(["--server-side"] if request.param == "server" else []))
    for workload in ("statefulset/redis", "deployment/shop", "deployment/web", "deployment/web-canary"):
        workspace.ok("kubectl", "rollout", "status", workload, "-n", STACK, "--timeout=60s")
    yield workspace
    workspace.run("poscloud", "destroy", "--yes", "--discard-logs", "-s", STACK)
    remove(workspace)


def test_taking_over_what_runs_changes_nothing_but_our_own_marks(bought: Workspace) -> None:
    before = by_identity(live(bought))
    done = bought.run("poscloud", "import", "--namespace", STACK, "--json")
    found = json.loads(done.stdout)
    assert [found[said] for said in ("fields", "without_component", "new", "notes")] == [[], [], [], []]
    assert done.returncode == 0
    text = (bought.root / "stacks" / f"{STACK}.yaml").read_text()
    assert "adopt: true" in text
    assert not shown(text + done.stdout + done.stderr)

    was = versions(bought)
    refused = bought.run("poscloud", "up", "--yes", "-s", STACK)
    assert refused.returncode != 0
    assert "up would replace them by none" in refused.stdout + refused.stderr
    assert versions(bought) == was
    bought.ok("bash", "-c", carry_over(STACK, KEY))
    bought.ok("poscloud", "up", "--yes", "-s", STACK)
    after = by_identity(live(bought))
    assert before.keys() == after.keys()
    assert [d for i in before for d in differences(before[i], after[i])] == []
    assert {i: without_our_marks(before[i]) for i in before} == {
        i: without_our_marks(after[i]) for i in after
    }
    assert all(before[i]["metadata"]["uid"] == after[i]["metadata"]["uid"] for i in before)
    preview = bought.ok("pulumi", "preview", "--expect-no-changes", "-s", STACK)
    assert "unchanged" in preview
    again = bought.run("poscloud", "import", "--namespace", STACK)
    assert again.returncode == 1
    assert f"belongs to stack poscloud/{STACK} already" in again.stderr


def test_an_import_file_brings_it_into_the_state_and_writes_nothing(
    bought: Workspace, request: pytest.FixtureRequest
) -> None:
    was = versions(bought)
    by_files = [MANIFESTS] if "server" in request.node.name else []  # of what runs, or of what it was made of
    found = json.loads(bought.ok("poscloud", "import", *by_files, "--namespace", STACK, "--json"))
    file = bought.root / found["import_file"]
    assert not shown(file.read_text())
    select, taking, *_ = found["next"]
    bought.ok(*select.split())

    mark = bought.audit_mark()
    bought.ok(*taking.split())
    assert bought.writes_since(mark) == []
    assert versions(bought) == was
    state = bought.ok("pulumi", "stack", "export", "-s", STACK)
    assert not shown(state)
    resources = {r["urn"]: r for r in json.loads(state)["deployment"]["resources"]}
    assert not any(r.get("protect") for r in resources.values())

    refused = bought.run("pulumi", "preview", "-s", STACK)
    assert refused.returncode != 0
    assert "up would replace them by none" in refused.stdout + refused.stderr
    bought.ok("bash", "-c", carry_over(STACK, KEY))

    assert planned(bought) <= resources.keys()
    assert versions(bought) == was

    before = by_identity(live(bought))
    bought.ok(*found["next"][-1].split(), "--yes")
    after = by_identity(live(bought))
    assert before.keys() == after.keys()
    assert [d for i in before for d in differences(before[i], after[i])] == []
    assert all(before[i]["metadata"]["uid"] == after[i]["metadata"]["uid"] for i in before)
    assert {i: without_our_marks(before[i]) for i in before} == {
        i: without_our_marks(after[i]) for i in after
    }
    assert "unchanged" in bought.ok("pulumi", "preview", "--expect-no-changes", "-s", STACK)
    bought.ok("pulumi", "preview", "--refresh", "--expect-no-changes", "-s", STACK)


@pytest.mark.parametrize("of", ["stacks/wbyh-stage", "stacks/prod", "examples/environment"])
def test_of_a_whole_stack_nothing_is_made_anew(workspace: Workspace, of: str) -> None:
    copy = workspace.root / "stacks" / f"{STACK}.yaml"
    copy.write_text((ROOT / f"{of}.yaml").read_text())
    spec = load_environment(workspace.root, STACK)
    copy.unlink()
    wide = [(m["kind"], m["metadata"]["name"]) for m in render_base(spec).manifests if is_cluster_wide(m)]
    try:
        make(workspace, spec)
        found = json.loads(workspace.run("poscloud", "import", "--namespace", STACK, "--json").stdout)
        assert [found[said] for said in ("fields", "without_component", "notes")] == [[], [], []]
        assert {item["kind"] for item in found["new"]} <= {"Job"}
        for command in found["next"][:2]:
            workspace.ok(*command.split())
        workspace.ok("bash", "-c", carry_over(STACK, str(spec.pull_secret)))
        assert len(planned(workspace)) == found["objects"]
    finally:
        remove(workspace, *(f"{kind}/{name}" for kind, name in wide if kind != "Namespace"))
