"""Access by hand after runs that were killed half way; a fake API server keeps the objects."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from poscloud.cluster.target import Target
from poscloud.engine.access import command, told
from poscloud.engine.access.byhand import give
from poscloud.engine.access.command import Asked, _create, _delete
from poscloud.engine.manual.place import Place
from poscloud.errors import PosCloudError
from poscloud.provider.cluster import Cluster
from poscloud.provider.rest import ApiError
from poscloud.render.names import ACCESS_LABEL, GIVEN_BY_ANNOTATION
from poscloud.render.teams import may_of
from poscloud.spec.teams import Right
from tests.unit.conftest import Project

Object = dict[str, Any]
PLURALS = {"ServiceAccount": "serviceaccounts", "Role": "roles", "RoleBinding": "rolebindings"}


class Fake:
    """A cluster with the objects of one namespace, by plural and name; stops after so many writes."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], Object] = {}
        self.left = 1000
        self.client = self
        self.access = SimpleNamespace(cluster={}, context="c", data=lambda _: b"")

    def as_cluster(self) -> Cluster:
        return cast(Cluster, self)

    def write(self) -> None:
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1

    async def path(self, obj: Object) -> str:
        return f"/x/{PLURALS[obj['kind']]}/{obj['metadata']['name']}"

    async def get(self, obj: Object) -> Object | None:
        return self.objects.get((PLURALS[obj["kind"]], obj["metadata"]["name"]))

    async def create(self, obj: Object, _: str) -> None:
        await self.request("POST", f"/x/{PLURALS[obj['kind']]}", body=obj)

    async def request(self, method: str, path: str, query: Any = None, body: Any = None, **_: Any) -> Object:
        parts = path.split("/")
        if method == "GET":
            found = [obj for key, obj in self.objects.items() if key[0] == parts[-1]]
            label = "app.kubernetes.io/component" if "component" in str(query) else ACCESS_LABEL
            found = [obj for obj in found if label in obj["metadata"]["labels"]]
            return {"items": found}
        self.write()
        if parts[-1] == "token":
            return {"status": {"token": "t0ken", "expirationTimestamp": "2099-01-01T00:00:00Z"}}
        if method == "POST":
            made: Object = json.loads(json.dumps(body))
            made["metadata"] |= {"creationTimestamp": "2026-01-01T00:00:00Z", "uid": "u"}
            name = made["metadata"].setdefault("name", "team-qa-x1")
            if (parts[-1], name) in self.objects:
                raise ApiError(409, b"there")
            return self.objects.setdefault((parts[-1], name), made)
        key = (parts[-2], parts[-1])
        if key not in self.objects:
            raise ApiError(404, b"gone")
        if method == "DELETE":
            return self.objects.pop(key)
        live = self.objects[key]
        live["metadata"].setdefault("annotations", {}).update(body.pop("metadata", {}).get("annotations", {}))
        live.update(body)
        return live

    def give(self, *may: Right) -> None:
        asyncio.run(give(self.as_cluster(), "shop", "qa", may, "li"))

    def may(self) -> tuple[Right, ...]:
        return may_of(self.objects["roles", "team-qa"])

    def place(self, folder: Path) -> Place:
        pulumi = SimpleNamespace(paths=SimpleNamespace(owned=folder))
        return cast(
            Place,
            SimpleNamespace(
                root=folder, stack="shop", mark="p/shop", cluster=self.as_cluster, pulumi=pulumi, target="c"
            ),
        )


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    async def nothing(*_: object) -> None:
        pass

    monkeypatch.setattr(command, "refuse_others", nothing)
    monkeypatch.setattr(command, "known_stacks", lambda _: [])
    return Fake()


def test_after_a_killed_run_a_team_gets_what_is_asked_for_now(fake: Fake) -> None:
    fake.left = 2  # Role and RoleBinding, no account
    with pytest.raises(KeyboardInterrupt):
        fake.give("shell", "change")
    fake.left = 1000
    fake.give()
    assert (len(fake.objects), fake.may()) == (3, ())


@pytest.mark.parametrize("plural", PLURALS.values())
def test_what_somebody_else_made_is_not_taken_over(fake: Fake, plural: str) -> None:
    fake.give("shell")
    kept = fake.objects[plural, "team-qa"]
    del kept["metadata"]["annotations"][GIVEN_BY_ANNOTATION]
    fake.objects = {(plural, "team-qa"): kept}
    with pytest.raises(PosCloudError, match="was not made by poscloud access"):
        fake.give()
    assert list(fake.objects) == [(plural, "team-qa")]


@pytest.mark.parametrize(
    "change",
    [
        {"subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "shop"}]},
        {"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"}},
    ],
)
def test_a_binding_of_others_is_not_taken_over(fake: Fake, change: Object) -> None:
    fake.give()
    fake.objects["rolebindings", "team-qa"].update(change)
    with pytest.raises(PosCloudError, match="binds another role, or binds it to others"):
        fake.give()


@pytest.mark.parametrize("writes", range(4))
def test_a_killed_delete_leaves_a_team_that_create_makes_whole_and_delete_takes_away(
    fake: Fake, tmp_path: Path, writes: int
) -> None:
    place = fake.place(tmp_path)
    asyncio.run(_create(place, Asked("qa", "8h", may=("shell",)), 28800))
    fake.left = writes
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(_delete(place, "qa"))
    assert (("secrets", "team-qa-x1") in fake.objects) is (writes == 0)
    fake.left = 1000
    if writes:
        made = asyncio.run(_create(place, Asked("qa", "8h"), 28800))
        assert made.team.name == "qa"
        assert {key[0] for key in fake.objects} == {*PLURALS.values(), "secrets"}
    asyncio.run(_delete(place, "qa"))
    assert not fake.objects


def test_a_team_with_rights_gets_no_kubeconfig_beside_an_account_of_the_whole_cluster(
    fake: Fake, tmp_path: Path
) -> None:
    fake.give("shell")
    fake.objects["serviceaccounts", "guard"] = {
        "metadata": {"name": "guard", "labels": {"app.kubernetes.io/component": "node-guard"}}
    }
    with pytest.raises(PosCloudError, match="gets the rights that the pods of 'guard' have"):
        asyncio.run(_create(fake.place(tmp_path), Asked("qa", "8h"), 28800))
    assert not [key for key in fake.objects if key[0] == "secrets"]


@pytest.mark.parametrize(("may", "refused"), [(("shell",), True), ((), False)])
def test_up_makes_no_account_of_the_whole_cluster_beside_a_team_with_rights(
    fake: Fake, project: Project, monkeypatch: pytest.MonkeyPatch, may: tuple[Right, ...], refused: bool
) -> None:
    monkeypatch.setattr(told, "cluster_of", lambda _: fake)
    fake.give(*may)
    spec = project.load('services: {guard: {kind: node-guard, image: "ci/poscloud:1"}}')
    if refused:
        with pytest.raises(PosCloudError, match=r"team qa \(li\) may shell in"):
            told.refuse_rights(cast(Target, "c"), spec, "p/shop")
    else:
        told.refuse_rights(cast(Target, "c"), spec, "p/shop")
    told.refuse_rights(cast(Target, None), project.load("services: {a: java}"), "p/shop")


@pytest.mark.parametrize(("file", "message"), [("~nobody-here/x", "home directory"), (".", "is a folder")])
def test_a_file_that_cannot_be_is_told_before_anything_is_made(
    fake: Fake, tmp_path: Path, file: str, message: str
) -> None:
    with pytest.raises(PosCloudError, match=message):
        asyncio.run(_create(fake.place(tmp_path), Asked("qa", "8h", file), 28800))
    assert not fake.objects


@pytest.mark.parametrize("error", [PosCloudError("full"), RuntimeError("broken"), KeyboardInterrupt()])
def test_a_kubeconfig_that_reached_nobody_is_taken_away(
    fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(command, "write", fail)
    with pytest.raises(type(error)):
        asyncio.run(_create(fake.place(tmp_path), Asked("qa", "8h"), 28800))
    assert {key[0] for key in fake.objects} == set(PLURALS.values())
