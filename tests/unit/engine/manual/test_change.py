"""A change by hand and its record: one is never without the other, whatever becomes of the answer."""

from __future__ import annotations

import asyncio

import pytest

from poscloud.engine.manual.fields import NotSetError, set_fields
from poscloud.engine.manual.write import recorded
from poscloud.errors import PosCloudError
from poscloud.provider import byhand
from poscloud.provider.rest import ApiError, UnreachableError
from tests.unit.engine.manual.conftest import ENTRY, REPLICAS, WEB, Shop
from tests.unit.provider.conftest import Answer, Request, refusal


async def change(shop: Shop) -> None:
    await recorded(shop.cluster, shop.ledger, await shop.live(), ENTRY, None)


async def test_a_change_whose_answer_was_lost_is_done_andrecorded(shop: Shop) -> None:
    shop.lost = 1
    await change(shop)
    assert (shop.replicas, await shop.ledger.read()) == (3, [ENTRY])


async def test_the_same_value_of_somebody_else_is_not_taken_for_the_own(shop: Shop) -> None:
    before = await shop.live()
    shop.write(WEB, {"spec": {"replicas": 3}}, "kubectl")
    with pytest.raises(NotSetError, match="somebody else just set") as caught:
        await set_fields(shop.cluster, before, {REPLICAS: 3}, byhand.MANAGER)
    words = "-n shop get deployment web -o yaml --show-managed-fields"
    assert caught.value.hint.endswith(f"{shop.cluster.access.kubectl} {words}")


async def test_a_change_that_is_refused_is_notrecorded(shop: Shop) -> None:
    shop.refuses = refusal(403, "Forbidden", "no")
    with pytest.raises(ApiError):
        await change(shop)
    assert (shop.replicas, await shop.ledger.read()) == (1, [])


async def test_a_change_that_somebody_was_faster_with_is_notrecorded(shop: Shop) -> None:
    before = await shop.live()
    shop.write(WEB, {"spec": {"replicas": 5}}, "kubectl")
    with pytest.raises(NotSetError):
        await recorded(shop.cluster, shop.ledger, before, ENTRY, None)
    assert (shop.replicas, await shop.ledger.read()) == (5, [])


async def test_a_change_that_was_never_answered_staysrecorded(shop: Shop) -> None:
    live = await shop.live()
    answer = shop.server.answer

    def silent(request: Request) -> Answer:
        done = answer(request)
        return done if request.path != WEB else Answer(None)

    shop.server.answer = silent
    with pytest.raises(UnreachableError) as caught:
        await recorded(shop.cluster, shop.ledger, live, ENTRY, None)
    shop.server.answer, shop.cluster.client.given_up = answer, None
    assert (shop.replicas, await shop.ledger.read()) == (3, [ENTRY])
    assert "whether it was done is not known, so it is recorded" in caught.value.hint


async def test_a_change_that_the_server_fails_at_staysrecorded(shop: Shop) -> None:
    shop.refuses = refusal(500, "InternalError", "oops")
    with pytest.raises(PosCloudError):
        await change(shop)
    assert await shop.ledger.read() == [ENTRY]


async def test_a_change_that_was_interrupted_staysrecorded(shop: Shop) -> None:
    live = await shop.live()
    answer = shop.server.answer

    def interrupting(request: Request) -> Answer:
        if request.path == WEB and request.method == "PATCH":
            running.cancel()
        return answer(request)

    shop.server.answer = interrupting
    running = asyncio.ensure_future(recorded(shop.cluster, shop.ledger, live, ENTRY, None))
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (shop.replicas, await shop.ledger.read()) == (3, [ENTRY])
