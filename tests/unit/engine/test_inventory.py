"""What there is of a stack in a cluster, and which of its claims nothing uses."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from poscloud.engine.claims import look
from poscloud.engine.inventory import take
from poscloud.engine.kubectl import ForbiddenError, Kubectl
from poscloud.render.names import STACK_ANNOTATION

OURS = "shop/dev"
Object = dict[str, Any]


def thing(kind: str, name: str, owner: str = "", **more: Any) -> Object:
    meta = {
        "name": name,
        "namespace": "dev",
        "uid": f"u-{name}",
        "annotations": {},
        **more.pop("metadata", {}),
    }
    meta["annotations"] = {STACK_ANNOTATION: owner} if owner else {}
    return {"kind": kind, "metadata": meta, **more}


def claim(name: str, owner: str = "", *, app: str = "", **metadata: Any) -> Object:
    labels = {"app": app} if app else {}
    return thing("PersistentVolumeClaim", name, owner, metadata={"labels": labels, **metadata})


def pods(name: str) -> Object:
    return {"spec": {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": name}}]}}


class Cluster:
    """Stands where kubectl stands; some kinds may not be listed."""

    def __init__(self, *objects: Object, refused: str = "") -> None:
        self.objects, self.refused = objects, refused.split()

    def get(self, kinds: str, *where: str) -> Object:
        if kinds == "namespace":
            found = [o for o in self.objects if o["kind"] == "Namespace"]
            return found[0] if found else {}
        wanted = [kind.partition(".")[0] for kind in kinds.split(",")]
        if set(wanted) & set(self.refused):
            raise ForbiddenError("forbidden")
        return {"items": [o for o in self.objects if _plural(o["kind"]) in wanted]}


def _plural(kind: str) -> str:
    return f"{kind.lower()}s"


def unused(*objects: Object, refused: str = "") -> list[str]:
    found = look(cast(Kubectl, Cluster(*objects, refused=refused)), "dev", OURS)
    return [item.name for item in found.unused]


def test_what_may_not_be_listed_is_left_out_and_what_controllers_make(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: shop\n")
    made = thing("Job", "made", OURS, metadata={"ownerReferences": [{"kind": "CronJob"}]})
    space = {
        "kind": "Namespace",
        "metadata": {"name": "dev", "uid": "u", "annotations": {STACK_ANNOTATION: OURS}},
    }
    objects = [thing("Service", "a", OURS), thing("Service", "b", "shop/other"), thing("Secret", "c", OURS)]
    cluster = Cluster(space, made, *objects, refused="secrets endpointslices storageclasses")
    found = take(cast(Kubectl, cluster), tmp_path, "dev")
    assert set(found.ours) == {("Namespace", "dev"), ("Service", "dev/a")}
    assert [str(item) for item in found.foreign] == ["Service dev/b"]


def test_unused_claims_are_those_of_a_stateful_set_or_with_the_mark() -> None:
    assert unused(
        claim("data-mongo-0", app="mongo"),
        claim("marked", OURS),
        claim("nobodys"),
        claim("data-mongo-1"),
        claim("data-mongo-x", app="mongo"),
        claim("data-kafka-0", "shop/other", app="kafka"),
        claim("data-redis-0", app="redis", ownerReferences=[{"kind": "Pod"}]),
    ) == ["data-mongo-0", "marked"]


@pytest.mark.parametrize(
    "user",
    [
        thing("Pod", "p", **pods("x")),
        thing("Deployment", "d", spec={"template": pods("x")}),
        thing("DaemonSet", "d", spec={"template": pods("x")}),
        thing("Job", "j", spec={"template": pods("x")}),
        thing("StatefulSet", "s", spec={"template": pods("x")}),
        thing("CronJob", "c", spec={"jobTemplate": {"spec": {"template": pods("x")}}}),
    ],
    ids=lambda user: user["kind"],
)
def test_a_claim_that_a_workload_names_is_used(user: Object) -> None:
    assert unused(claim("x", OURS), claim("y", OURS), user) == ["y"]


def test_a_claim_of_a_stateful_set_is_used_also_while_it_is_scaled_down() -> None:
    made = {"template": {"spec": {}}, "volumeClaimTemplates": [{"metadata": {"name": "data"}}]}
    mongo = thing("StatefulSet", "mongo", spec=made)
    assert unused(claim("data-mongo-7", app="mongo"), claim("data-redis-0", app="redis"), mongo) == [
        "data-redis-0"
    ]


@pytest.mark.parametrize("kind", ["Pod", "StatefulSet", "Deployment", "Job", "PersistentVolumeClaim"])
def test_no_claim_is_unused_where_its_users_may_not_be_seen(kind: str) -> None:
    cluster = Cluster(claim("x", OURS), refused=_plural(kind))
    found = look(cast(Kubectl, cluster), "dev", OURS)
    assert found.unused == []
    assert found.unchecked.startswith(kind)


def test_kinds_that_no_environment_has_are_looked_at_where_that_is_allowed() -> None:
    assert unused(claim("x", OURS), refused="daemonsets cronjobs") == ["x"]
