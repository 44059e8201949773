"""An environment that sleeps: its numbers of pods are nobody's until it wakes, also where a workload had none."""

from __future__ import annotations

from datetime import timedelta

import pytest

from poscloud.engine.manual.due import put_back
from poscloud.engine.manual.ledger import with_entry
from poscloud.engine.manual.workload import live_workload
from poscloud.errors import DeployError
from tests.unit.engine.manual.conftest import ENTRY, NOON, WEB, Shop

LATER = NOON + timedelta(hours=1)


async def scaled(shop: Shop) -> None:
    shop.write(WEB, {"spec": {"replicas": 3}}, "poscloud-manual")
    await shop.ledger.write(with_entry(ENTRY))


async def test_awake_it_is_put_back_when_its_time_is_over(shop: Shop) -> None:
    await scaled(shop)
    (line,) = await put_back(shop.cluster, "shop", [shop.described], LATER)
    assert "spec.replicas 3 → 1, as the stack says" in line
    assert (shop.replicas, await shop.ledger.read()) == (1, [])


@pytest.mark.parametrize("after_up", [False, True])
async def test_asleep_nothing_is_put_back_and_the_record_stays(shop: Shop, after_up: bool) -> None:
    await scaled(shop)
    shop.put_to_sleep()
    told = [ENTRY] if after_up else []
    assert await put_back(shop.cluster, "shop", [shop.described], LATER, before_up=told) == []
    assert (shop.replicas, await shop.ledger.read()) == (3, [ENTRY])


async def test_asleep_no_workload_is_changed_by_hand(shop: Shop) -> None:
    shop.put_to_sleep()
    with pytest.raises(DeployError, match="Deployment web sleeps") as caught:
        await live_workload(shop.cluster, shop.described, "shop")
    assert caught.value.hint == "poscloud env wake shop"


async def test_awake_it_is(shop: Shop) -> None:
    assert await live_workload(shop.cluster, shop.described, "shop") == await shop.live()
