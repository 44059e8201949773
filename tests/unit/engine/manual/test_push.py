"""Pushing the version that the stack says."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from poscloud.engine.manual import push
from poscloud.engine.manual.entry import Change
from poscloud.engine.manual.ledger import with_entry
from poscloud.errors import PosCloudError
from poscloud.provider.diff import get
from poscloud.provider.items import Item
from tests.unit.engine.manual.conftest import ENTRY, INPUTS, WEB, Shop

IMAGE = ("spec", "template", "spec", "containers", Item("[name=web]"), "image")
PUSHED = replace(ENTRY, action="push-jar", changes=(Change(IMAGE, "web:1", "web:2"),), versions=("1", "2"))


def spec(version: str) -> dict[str, Any]:
    return {"template": {"spec": {"containers": [{"name": "web", "image": f"web:{version}"}]}}}


async def again(shop: Shop, live: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Push the stack's own version, 1, while another one may be live."""

    async def ready(*_: Any) -> None:
        return None

    monkeypatch.setattr(push, "wait", ready)
    shop.objects[WEB]["spec"] = spec(live)
    step = push.Step("web", "1", replace(shop.described, inputs={**INPUTS, "spec": spec("1")}))
    unused: Any = None
    place: Any = SimpleNamespace(stack="shop")
    return await push._one(shop.cluster, place, unused, step, replace(PUSHED, changes=()), unused)


async def test_the_stacks_own_version_is_there(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await again(shop, "1", monkeypatch) == "Deployment web has version 1, as the stack says"


async def test_what_was_pushed_before_goes_back(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    await shop.ledger.write(with_entry(PUSHED))
    assert await again(shop, "2", monkeypatch) == "Deployment web has version 1, as the stack says"
    assert (get(await shop.live(), *IMAGE), await shop.ledger.read()) == ("web:1", [])


async def test_a_version_that_others_gave_is_told(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PosCloudError, match="web has version 9, which poscloud does not know of") as caught:
        await again(shop, "9", monkeypatch)
    assert caught.value.hint.endswith("poscloud drift -s shop --revert")
