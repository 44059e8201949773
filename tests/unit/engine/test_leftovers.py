"""What is left of a stack, told from what its state knows and what its description has."""

from __future__ import annotations

import pytest
import yaml

from poscloud.engine.inventory import WIDE, WITHIN, Inventory, Item
from poscloud.engine.leftovers import sort
from poscloud.engine.recovery import Unfinished, fate
from tests.write_golden import GOLDEN

OURS = "poscloud/dev"


def item(kind: str, id: str, owner: str = OURS, *, deleting: bool = False) -> Item:
    return Item(kind, id, owner, deleting, f"/{kind}/{id}", f"uid of {id}")


def inventory(*items: Item, claims: tuple[Item, ...] = ()) -> Inventory:
    return Inventory({i.key: i for i in items}, OURS, list(claims))


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
    left = sort(found, known, {("Namespace", "dev"), ("Service", "dev/described")})
    assert [i.id for i in left.objects] == ["dev.high", "dev/left"]
    assert [i.id for i in left.awaited] == ["dev/described"]


def test_with_a_namespace_goes_what_is_in_it() -> None:
    claim = item("PersistentVolumeClaim", "dev/data-mongo-0", "")
    found = inventory(
        item("Namespace", "dev"), item("Service", "dev/a"), item("StorageClass", "dev.fast"), claims=(claim,)
    )
    left = sort(found, set(), set())
    assert [i.id for i in left.objects] == ["dev", "dev.fast"]
    assert not left.claims


def test_claims_are_named_separately() -> None:
    claim = item("PersistentVolumeClaim", "dev/data-mongo-0", "")
    left = sort(inventory(item("Namespace", "dev"), claims=(claim,)), {("Namespace", "dev")}, set())
    assert (left.objects, left.claims) == ([], [claim])


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
