"""What is left of a stack, told from what its state knows and what its description has."""

from __future__ import annotations

from typing import Any, cast

import pytest
import yaml

from poscloud.engine.claims import Claims
from poscloud.engine.inventory import WIDE, WITHIN, Inventory, Item, Key, item_of
from poscloud.engine.kubectl import Kubectl
from poscloud.engine.leftovers import remove, sort
from poscloud.engine.recovery import Unfinished, fate
from poscloud.engine.sweep import chosen
from poscloud.errors import DeployError
from poscloud.render.names import STACK_ANNOTATION
from tests.write_golden import GOLDEN

OURS = "poscloud/dev"


def item(kind: str, id: str, owner: str = OURS, *, deleting: bool = False) -> Item:
    return Item(kind, id, owner, deleting, f"/{kind}/{id}", f"uid of {id}")


def inventory(*items: Item) -> Inventory:
    return Inventory({i.key: i for i in items}, OURS)


def claims(*unused: Item) -> Claims:
    return Claims([*unused, MOUNTED], list(unused))


CLAIM = item("PersistentVolumeClaim", "dev/data-mongo-0", "")
MOUNTED = item("PersistentVolumeClaim", "dev/data-redis-0", "")


def test_every_kind_that_an_environment_may_make_is_looked_for() -> None:
    files = GOLDEN.glob("**/*.yaml")
    made = {manifest["kind"] for file in files for manifest in yaml.safe_load_all(file.read_text())}
    assert made <= {*WITHIN, *WIDE}


def test_leftovers_are_ours_in_no_state_and_not_described() -> None:
    found = inventory(
        item("Namespace", "dev"),
        item("Service", "dev/recorded"),
        item("Service", "dev/described"),
        item("Service", "dev/left"),
        item("Service", "dev/going", deleting=True),
        item("Service", "dev/another", "poscloud/other"),
        item("Service", "dev/nobody", ""),
        item("PriorityClass", "dev.high"),
    )
    known = {("Namespace", "dev"), ("Service", "dev/recorded")}
    left = sort(found, known, {("Namespace", "dev"), ("Service", "dev/described")}, Claims())
    assert [i.id for i in left.objects] == ["dev.high", "dev/left"]
    assert [i.id for i in left.awaited] == ["dev/described"]


def test_a_namespace_is_no_ordinary_leftover_and_names_what_goes_with_it() -> None:
    known, foreign = item("Service", "dev/known"), item("Secret", "dev/foreign", "")
    given = item("ConfigMap", "dev/kube-root-ca.crt", "")
    ours = (item("Namespace", "dev"), item("Service", "dev/a"), item("StorageClass", "dev.fast"))
    left = sort(inventory(*ours, known, foreign, given), {known.key}, set(), claims(CLAIM))
    assert [i.id for i in left.objects] == ["dev/a", "dev.fast"]
    assert (left.space, left.along) == (ours[0], [CLAIM, MOUNTED, foreign, known])
    assert chosen(left, data=False) == left.objects
    assert chosen(left, data=True) == [*left.objects, CLAIM, ours[0]]


@pytest.mark.parametrize(
    ("known", "named"),
    [
        (("StatefulSet", "dev/other"), [CLAIM]),
        (("StatefulSet", "prod/mongo"), [CLAIM]),
        (("Deployment", "dev/mongo"), [CLAIM]),
        (CLAIM.key, []),
        (("StatefulSet", "dev/mongo"), []),  # it is not there just now, and comes back
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
@pytest.mark.parametrize("described", [True, False], ids=["described", "recorded"])
def test_claims_are_named_separately(known: Key, described: bool, named: list[Item]) -> None:
    known_ones = (
        ({("Namespace", "dev")}, {known}) if described else ({("Namespace", "dev"), known}, set[Key]())
    )
    left = sort(inventory(item("Namespace", "dev")), *known_ones, claims(CLAIM))
    assert left.claims == named


class Cluster:
    """Stands where kubectl stands: one object, which is written to between the questions."""

    def __init__(self, *versions: dict[str, Any]) -> None:
        self.versions, self.deleted = list(versions), list[str]()

    def raw(self, _: str) -> dict[str, Any]:
        return {} if self.deleted else self.versions[0]

    def delete(self, path: str, *, uid: str, version: str) -> bool:
        if len(self.versions) > 1 and version == self.versions.pop(0)["metadata"]["resourceVersion"]:
            return False  # it was written to in this moment
        self.deleted.append(f"{path} {uid} {version}")
        return True


def live(version: str, *, ready: int = 0, owner: str = OURS, manager: str = "a") -> dict[str, Any]:
    fields = [{"manager": manager}, {"manager": "controller", "subresource": "status", "time": version}]
    meta = {
        "name": "web",
        "namespace": "dev",
        "uid": "u",
        "resourceVersion": version,
        "annotations": {STACK_ANNOTATION: owner},
        "managedFields": fields,
    }
    return {"kind": "Deployment", "metadata": meta, "spec": {"replicas": 1}, "status": {"ready": ready}}


def test_what_only_a_controller_wrote_to_is_removed_as_it_is_now() -> None:
    cluster = Cluster(live("1"), live("2", ready=1))
    remove(cast(Kubectl, cluster), [item_of(live("1"))])
    assert cluster.deleted == ["/apis/apps/v1/namespaces/dev/deployments/web u 2"]


@pytest.mark.parametrize(
    "now", [live("2", owner="poscloud/other"), live("2", manager="b")], ids=["taken", "adopted"]
)
@pytest.mark.parametrize("at_once", [True, False])
def test_what_somebody_wrote_to_since_it_was_listed_is_left(now: dict[str, Any], at_once: bool) -> None:
    cluster = Cluster(*([] if at_once else [live("1")]), now)
    with pytest.raises(DeployError, match="Deployment dev/web was changed since it was listed"):
        remove(cast(Kubectl, cluster), [item_of(live("1"))])
    assert cluster.deleted == []


@pytest.mark.parametrize(
    ("verb", "there", "says"),
    [
        ("creating", None, "absent → will be created"),
        ("creating", OURS, "exists → adopted"),
        ("creating", "poscloud/other", "exists, of poscloud/other → left"),
        ("updating", OURS, "exists → updated again"),
        ("deleting", None, "gone"),
        ("deleting", OURS, "exists → deleted if no longer described"),
    ],
)
def test_an_unfinished_operation_is_told_with_what_is_there(verb: str, there: str | None, says: str) -> None:
    urn = "urn:pulumi:dev::poscloud::poscloud:index:Environment$kubernetes:apps/v1:Deployment::a"
    inputs = {"metadata": {"namespace": "dev", "name": "a"}}
    resource = {"type": "kubernetes:apps/v1:Deployment", "urn": urn, "inputs": inputs}
    operation = Unfinished({"type": verb, "resource": resource})
    found = inventory(*([item("Deployment", "dev/a", there)] if there is not None else []))
    assert (operation.label, fate(operation, found)) == ("Deployment dev/a", says)
