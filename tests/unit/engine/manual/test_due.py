"""The end of changes of several fields, and of visits to pods."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from poscloud.engine.drift import command
from poscloud.engine.environments.upkeep import keep_up
from poscloud.engine.manual.due import NotEndedError, put_back
from poscloud.engine.manual.entry import DELETE, Change, Entry
from poscloud.engine.manual.ledger import with_entry
from poscloud.errors import DeployError
from poscloud.provider.diff import get
from poscloud.provider.items import Item
from tests.unit.engine.manual.conftest import INPUTS, NAMESPACE, NOON, WEB, Shop
from tests.unit.provider.conftest import refusal

LATER, EARLIER = NOON + timedelta(hours=1), NOON - timedelta(hours=1)
CONTAINERS = ("spec", "template", "spec", "containers")
IMAGE = (*CONTAINERS, Item("[name=web]"), "image")
VARIABLE = (*CONTAINERS, Item("[name=web]"), "env", Item("[name=VERSION]"))
PUSHED = Entry(
    "push-jar", "apps/v1", "Deployment", "web",
    (Change(IMAGE, "web:1", "web:2"), Change(VARIABLE, None, {"name": "VERSION", "value": "2"})),
    "li", "try", NOON, NOON, versions=("1", "2"),
)  # fmt: skip
VISIT = Entry("shell", "v1", "Pod", "web-1", (), "li", "look", NOON, NOON, uid="u-9", container="web")


def template(image: str, *env: Any) -> dict[str, Any]:
    return {"template": {"spec": {"containers": [{"name": "web", "image": image, "env": list(env)}]}}}


async def pushed(shop: Shop, entry: Entry = PUSHED, image: str = "web:2") -> None:
    """An environment whose stack says web:1, and in which somebody pushed web:2."""
    shop.described = replace(shop.described, inputs={**INPUTS, "spec": {"replicas": 1, **template("web:1")}})
    live = {
        **shop.objects[WEB],
        "spec": {"replicas": 1, **template(image, {"name": "VERSION", "value": "2"})},
    }
    shop.objects[WEB] = live
    await shop.ledger.write(with_entry(entry))


async def end(shop: Shop, at: Any = LATER, *, after_up: bool = False) -> list[str]:
    told = await shop.ledger.read() if after_up else []
    return await put_back(shop.cluster, "shop", [shop.described], at, before_up=told)


async def test_all_fields_go_back_at_once(shop: Shop) -> None:
    await pushed(shop)
    assert await end(shop) == ["Deployment web: version 2 → 1, as the stack says; over is: try (li)"]
    live = await shop.live()
    assert (get(live, *IMAGE), get(live, *VARIABLE), await shop.ledger.read()) == ("web:1", None, [])
    patches = [r for r in shop.server.requests if r.method == "PATCH" and r.path == WEB]
    assert len(patches) == 1


async def test_before_its_end_it_stays(shop: Shop) -> None:
    await pushed(shop)
    assert (await end(shop, EARLIER, after_up=True), await shop.ledger.read()) == ([], [PUSHED])


async def test_of_several_fields_one_that_was_changed_again_is_left(shop: Shop) -> None:
    await pushed(shop, image="web:9")
    told = await end(shop, EARLIER, after_up=True)
    assert (
        len(told) == 1 and "containers[name=web].image is web:9, and no longer web:2 as li set it" in told[0]
    )
    assert await shop.ledger.read() == [replace(PUSHED, changes=PUSHED.changes[1:])]
    await end(shop)
    live = await shop.live()
    assert (get(live, *IMAGE), get(live, *VARIABLE), await shop.ledger.read()) == ("web:9", None, [])


async def test_a_stack_that_says_another_version_ends_it(shop: Shop) -> None:
    await pushed(shop, replace(PUSHED, changes=PUSHED.changes[:1]), image="web:3")
    shop.described = replace(shop.described, inputs={**INPUTS, "spec": template("web:3")})
    assert await end(shop, after_up=True) == [
        "Deployment web: the stack says another version now than 2; the record ends"
    ]


async def test_a_stack_that_says_this_version_ends_it_too(shop: Shop) -> None:
    await pushed(shop, replace(PUSHED, changes=PUSHED.changes[:1]))
    shop.described = replace(shop.described, inputs={**INPUTS, "spec": template("web:2")})
    assert await end(shop, EARLIER, after_up=True) == [
        "Deployment web: the stack itself says version 2 now, so the record ends"
    ]
    assert await shop.ledger.read() == []


async def test_a_pod_that_somebody_was_in_is_replaced_on_time(shop: Shop) -> None:
    shop.add_pod("web-1", "u-9")
    await shop.ledger.write(with_entry(VISIT))
    assert (await end(shop, EARLIER), await shop.ledger.read()) == ([], [VISIT])
    (told,) = await end(shop)
    assert told == (
        "Pod web-1: replaced, and with it is gone what was changed in container web; over is: look (li)"
    )
    assert (f"{NAMESPACE}/pods/web-1" in shop.objects, await shop.ledger.read()) == (False, [])


@pytest.mark.parametrize("uid", ["", "u-10"])
async def test_the_record_of_a_pod_that_is_gone_ends_by_itself(shop: Shop, uid: str) -> None:
    if uid:
        shop.add_pod("web-1", uid)  # another one of that name, as a StatefulSet makes it
    await shop.ledger.write(with_entry(VISIT))
    assert await end(shop, EARLIER) == ["Pod web-1 is gone, and with it what li did in it"]
    assert (f"{NAMESPACE}/pods/web-1" in shop.objects, await shop.ledger.read()) == (bool(uid), [])


async def test_without_an_end_the_next_up_replaces_the_pod(shop: Shop) -> None:
    shop.add_pod("web-1", "u-9")
    await shop.ledger.write(with_entry(replace(VISIT, until=None)))
    assert await end(shop) == []
    assert len(await end(shop, after_up=True)) == 1


async def test_who_entered_a_pod_during_the_up_stays_in_it(shop: Shop) -> None:
    shop.add_pod("web-1", "u-9")
    told = replace(VISIT, until=None)
    since = replace(told, at=LATER, name="web-2", uid="u-10")
    shop.add_pod("web-2", "u-10")
    for entry in (told, since):
        await shop.ledger.write(with_entry(entry))
    (line,) = await put_back(shop.cluster, "shop", [shop.described], LATER, before_up=[told])
    assert line.startswith("Pod web-1: replaced")
    assert (f"{NAMESPACE}/pods/web-2" in shop.objects, await shop.ledger.read()) == (True, [since])


async def test_one_that_cannot_be_ended_keeps_none_of_the_others(shop: Shop) -> None:
    """Who may deploy need not have the right to delete pods."""
    shop.add_pod("web-1", "u-9")
    shop.spares = refusal(403, "Forbidden", "pods is forbidden")
    await shop.ledger.write(with_entry(VISIT))
    await pushed(shop)
    with pytest.raises(NotEndedError) as caught:
        await end(shop)
    assert "Pod web-1, shell by li: " in caught.value.message and "pods is forbidden" in caught.value.message
    assert caught.value.done == ["Deployment web: version 2 → 1, as the stack says; over is: try (li)"]
    assert (get(await shop.live(), *IMAGE), await shop.ledger.read()) == ("web:1", [VISIT])


def test_a_sweep_tells_what_was_done_and_what_was_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def failing(*_: Any) -> list[str]:
        raise NotEndedError([(VISIT, DeployError("no right"))], ["web is back"])

    monkeypatch.setattr("poscloud.engine.manual.everywhere.put_back", failing)
    there: Any = SimpleNamespace(
        name="shop", target="t", deleting=False, queued=False, pods=1,
        lease=SimpleNamespace(active=True), rest=SimpleNamespace(asleep=False, due=lambda *_: ""),
    )  # fmt: skip
    reporter: Any = None
    found = keep_up(tmp_path, [there], NOON, reporter, yes=True)
    assert (found.by_hand, list(found.failed)) == (["shop: web is back"], ["shop"])
    assert "Pod web-1, shell by li: no right" in found.failed["shop"]


def test_drift_tells_what_was_put_back_before_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: Any) -> list[str]:
        raise NotEndedError([(VISIT, DeployError("no right"))], ["web is back"])

    monkeypatch.setattr(command, "put_back_due", failing)
    lines: list[str] = []
    place: Any = None
    with pytest.raises(NotEndedError):
        command._tell_due(place, NOON, lines.append)
    assert lines == ["web is back"]


async def test_a_deletion_is_over_with_the_up_and_not_before(shop: Shop) -> None:
    gone = Entry(DELETE, "apps/v1", "Deployment", "web", (), "li", "room", EARLIER, uid="u-1")
    await shop.ledger.write(with_entry(gone))
    assert (await end(shop), await shop.ledger.read()) == ([], [gone])
    assert await end(shop, after_up=True) == ["Deployment web: there again; over is: room (li)"]
    assert await shop.ledger.read() == []
    await shop.ledger.write(with_entry(gone))
    del shop.objects[WEB]
    assert await end(shop, after_up=True) == ["Deployment web: described no longer, and gone"]
