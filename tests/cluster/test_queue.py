"""Many that want room at the same time, on a real API server: order, limits, and who is gone."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from poscloud.engine.environments import queue, turn
from poscloud.engine.environments.listing import namespaces
from poscloud.engine.environments.queue import Copy, Limit, copy_in
from poscloud.engine.environments.turn import Turn
from poscloud.errors import DeployError, PosCloudError
from poscloud.local.progress import SilentReporter
from poscloud.provider.cluster import Cluster, Settings
from poscloud.provider.config import load
from poscloud.provider.crud import Objects
from poscloud.provider.fence import Fence
from poscloud.provider.rest import MERGE, ApiError, Client, Clock
from poscloud.render import Manifest, names
from poscloud.render.environment import render_base
from poscloud.spec import EnvironmentSpec
from tests.workspace import Workspace

pytestmark = pytest.mark.cluster

ONE = (Limit("copy-of", "shop", 1, ""),)
LONG = 300.0


class Yard:
    """The copies of a project of this test alone; each that asks for room is a run of its own."""

    def __init__(self, kubeconfig: Path) -> None:
        self.access = load({"kubeconfig": str(kubeconfig)})
        self.project = f"queue-{uuid.uuid4().hex[:6]}"
        self.client = Client(self.access)
        self.runs: dict[str, asyncio.Task[None]] = {}

    def name(self, short: str) -> str:
        return f"{self.project}-{short}"

    def manifest(self, short: str, team: str = "") -> Manifest:
        lifetime = {"ttl": "8h", "owner": "li", **({"team": team} if team else {})}
        values = {"name": self.name(short), "copy_of": "shop", "lifetime": lifetime}
        return render_base(EnvironmentSpec.model_validate(values), self.project).manifests[0]

    def turn(self, short: str, limits: tuple[Limit, ...] = ONE, team: str = "") -> Turn:
        return Turn(Client(self.access), self.project, self.manifest(short, team), limits, SilentReporter())

    def ask(self, *short: str, wait: float = LONG, limits: tuple[Limit, ...] = ONE) -> None:
        for one in short:
            self.runs[one] = asyncio.create_task(self.turn(one, limits).take(wait))

    async def copies(self) -> dict[str, Copy]:
        found = [copy_in(item) for item in await namespaces(self.client, self.project)]
        return {copy.name.removeprefix(f"{self.project}-"): copy for copy in found}

    async def until(self, seen: Callable[[dict[str, Copy]], bool]) -> dict[str, Copy]:
        async with asyncio.timeout(60):
            while not seen(copies := await self.copies()):
                await asyncio.sleep(0.05)
        return copies

    async def waiting(self, number: int) -> list[str]:
        """Wait until so many wait, and return them in the order of their tickets."""
        copies = await self.until(lambda all: sum(copy.sign is not None for copy in all.values()) == number)
        tickets = sorted((copy.made, short) for short, copy in copies.items() if copy.sign)
        return [short for _, short in tickets]

    async def next_in(self) -> str:
        """Wait for a run to end well, and return whose it was."""
        done, _ = await asyncio.wait(self.runs.values(), timeout=60, return_when=asyncio.FIRST_COMPLETED)
        (short,) = [short for short, run in self.runs.items() if run in done]
        await self.runs.pop(short)
        return short

    async def live(self, short: str) -> dict[str, Any]:
        return await self.client.request("GET", f"/api/v1/namespaces/{self.name(short)}")

    async def forget(self, short: str) -> None:
        """Make a copy one of another project's, so that its room is free at once."""
        stamp = {names.STACK_ANNOTATION: f"gone/{self.name(short)}"}
        await self.client.request(
            "PATCH",
            f"/api/v1/namespaces/{self.name(short)}",
            None,
            {"metadata": {"annotations": stamp}},
            MERGE,
        )

    async def close(self) -> None:
        for run in self.runs.values():
            run.cancel()
        await asyncio.gather(*self.runs.values(), return_exceptions=True)
        everything = await self.client.request("GET", "/api/v1/namespaces")
        for item in everything["items"]:
            if item["metadata"]["name"].startswith(self.project):
                await self.client.request("DELETE", f"/api/v1/namespaces/{item['metadata']['name']}")


@pytest.fixture
async def yard(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Yard]:
    monkeypatch.setattr(turn, "LOOK_SECONDS", 0.2)
    monkeypatch.setattr(turn, "SIGN_SECONDS", 0.5)
    monkeypatch.setattr(queue, "ALIVE", timedelta(seconds=4))
    found = Yard(workspace.paths.kubeconfig)
    yield found
    await found.close()


async def test_one_at_a_time_is_let_in_in_the_order_of_the_tickets(yard: Yard) -> None:
    yard.ask("first")
    assert await yard.next_in() == "first"
    yard.ask("a", "b", "c")
    order, inside = await yard.waiting(3), "first"
    for expected in order:
        assert {short for short, copy in (await yard.copies()).items() if not copy.sign} == {inside}
        await yard.forget(inside)
        inside = await yard.next_in()
        assert inside == expected


async def test_of_many_at_the_same_time_no_more_come_in_than_there_is_room_for(yard: Yard) -> None:
    everybody = [f"n{number}" for number in range(8)]
    yard.ask(*everybody, wait=0, limits=(Limit("copy-of", "shop", 3, ""),))
    done = await asyncio.gather(*yard.runs.values(), return_exceptions=True)
    assert [type(error) for error in done if error] == [PosCloudError] * 5
    inside = {short for short, error in zip(everybody, done, strict=True) if not error}
    assert len(inside) == 3
    left = await yard.until(lambda all: not any(copy.sign for copy in all.values()))
    assert set(left) == inside


async def test_who_died_is_not_waited_for_and_comes_back_at_the_end(yard: Yard) -> None:
    dead = yard.turn("dead")
    await dead._join(waiting=False)  # and never says a word again
    yard.ask("next")
    assert await yard.next_in() == "next"
    yard.ask("third")
    await yard.until(lambda all: "third" in all)
    yard.ask("dead")
    await yard.until(lambda all: "dead" in all and all["third"].is_before(all["dead"]))
    await yard.forget("next")
    assert await yard.next_in() == "third"


async def test_who_is_started_again_while_it_counts_keeps_its_place(yard: Yard) -> None:
    yard.ask("inside")
    await yard.next_in()
    await yard.turn("killed")._join(waiting=False)
    yard.ask("later")
    await yard.waiting(2)
    yard.ask("killed")
    await yard.until(lambda all: all["killed"].sign != all["later"].made)
    await yard.forget("inside")
    assert await yard.next_in() == "killed"


async def test_who_gives_up_leaves_nothing(yard: Yard) -> None:
    yard.ask("inside")
    await yard.next_in()
    yard.ask("mine")
    await yard.waiting(1)
    yard.runs["mine"].cancel()
    with pytest.raises(asyncio.CancelledError):
        await yard.runs.pop("mine")
    assert set(await yard.until(lambda all: "mine" not in all)) == {"inside"}


async def test_a_wait_that_is_over_leaves_nothing(yard: Yard) -> None:
    yard.ask("inside")
    await yard.next_in()
    with pytest.raises(PosCloudError, match="there is 1 copy of shop, and there may be 1 at a time") as told:
        await yard.turn("mine").take(0.5)
    assert "with a greater --wait" in str(told.value.hint)
    assert set(await yard.until(lambda all: "mine" not in all)) == {"inside"}


async def test_without_room_and_without_waiting_nothing_is_made(yard: Yard) -> None:
    yard.ask("inside")
    await yard.next_in()
    with pytest.raises(PosCloudError, match="there is 1 copy of shop"):
        await yard.turn("mine").take(0)
    with pytest.raises(ApiError, match="not found"):
        await yard.live("mine")


async def test_a_copy_that_is_there_needs_no_room(yard: Yard) -> None:
    yard.ask("inside")
    await yard.next_in()
    before = (await yard.live("inside"))["metadata"]["resourceVersion"]
    await yard.turn("inside", limits=(Limit("copy-of", "shop", 0, ""),)).take(0)
    assert (await yard.live("inside"))["metadata"]["resourceVersion"] == before


async def test_whose_place_is_removed_is_told(yard: Yard) -> None:
    yard.ask("inside")
    await yard.next_in()
    yard.ask("mine")
    await yard.waiting(1)
    await yard.client.request("DELETE", f"/api/v1/namespaces/{yard.name('mine')}")
    with pytest.raises(DeployError, match="was removed by somebody"):
        await yard.runs.pop("mine")


async def test_a_team_has_no_more_than_it_may_of_whatever_environment(yard: Yard) -> None:
    limits = (Limit("team", "pay", 1, ""),)
    await yard.turn("one", limits, "pay").take(0)
    with pytest.raises(PosCloudError, match="team pay has 1 copy, and may have 1 at a time"):
        await yard.turn("two", limits, "pay").take(0)
    await yard.turn("other", (Limit("team", "core", 1, ""),), "core").take(0)


async def test_the_engine_takes_the_ticket_as_if_it_had_made_it(yard: Yard) -> None:
    await yard.turn("mine").take(0)
    let_in = (await yard.live("mine"))["metadata"]
    assert names.LET_IN_ANNOTATION in let_in["annotations"]
    wanted = yard.manifest("mine")
    cluster = Cluster(yard.access, Settings(), Clock())
    await Objects(cluster, Fence(cluster)).create(wanted, 60)
    made = (await yard.live("mine"))["metadata"]
    assert made["uid"] == let_in["uid"]
    kept = {names.ACTIVE_ANNOTATION: let_in["annotations"][names.ACTIVE_ANNOTATION]}
    assert made["annotations"] == wanted["metadata"]["annotations"] | kept


async def test_of_two_that_take_the_same_room_the_second_look_sees_the_other(yard: Yard) -> None:
    one, other = yard.turn("one"), yard.turn("other")
    for each in (one, other):
        await each._join(waiting=False)
    await other._write({names.LET_IN_ANNOTATION: "2026-11-22T08:00:00Z"})
    assert not await one._enter(copy_in(one._live))
    copies = await yard.copies()
    assert copies["one"].sign and not copies["one"].let_in


async def test_where_no_ticket_can_be_taken_in_it_is_looked_for_room_without_one(yard: Yard) -> None:
    yard.ask("inside")
    await yard.next_in()
    with pytest.raises(PosCloudError, match="there is 1 copy of shop"):
        await yard.turn("mine").look_only(0)
    run = asyncio.create_task(yard.turn("mine").look_only(LONG))
    await yard.forget("inside")
    await asyncio.wait_for(run, 60)
    assert await yard.copies() == {}


async def test_room_that_could_not_be_taken_is_given_back_before_it_is_tried_again(yard: Yard) -> None:
    yard.ask("inside")
    await yard.next_in()
    mine = yard.turn("mine")
    await mine._join(waiting=False)
    await mine._write({names.LET_IN_ANNOTATION: "2026-11-22T08:00:00Z"})
    yard.runs["mine"] = asyncio.create_task(mine._stand(LONG + asyncio.get_running_loop().time()))
    await yard.until(lambda all: bool(all["mine"].sign) and not all["mine"].let_in)


async def test_of_those_that_were_all_silent_for_too_long_no_more_come_in_than_there_is_room_for(
    yard: Yard,
) -> None:
    turns = [yard.turn(short) for short in ("a", "b", "c")]
    for each in turns:
        await each._join(waiting=False)
    await yard.until(lambda found: all(copy.is_gone(datetime.now(UTC)) for copy in found.values()))
    done = await asyncio.gather(
        *(each._stand(time.monotonic() + 3) for each in turns), return_exceptions=True
    )
    assert sorted(map(str, map(type, done))) == sorted(
        map(str, (type(None), PosCloudError, PosCloudError))
    ), done
    assert sum(not copy.sign for copy in (await yard.copies()).values()) == 1


async def test_the_earlier_of_two_runs_of_the_same_leaves_the_place_to_the_later_one(yard: Yard) -> None:
    yard.ask("inside")
    await yard.next_in()
    earlier, later = yard.turn("mine"), yard.turn("mine")
    await earlier._join(waiting=False)
    await later._join(waiting=True)  # in the same second, too
    with pytest.raises(DeployError, match="is now that of another run of the same command"):
        await earlier._stand(time.monotonic() + LONG)
    await earlier._leave()
    assert (await yard.copies())["mine"].sign
    await later._leave()
    assert set(await yard.until(lambda all: "mine" not in all)) == {"inside"}


async def test_who_stops_before_the_answer_that_it_is_in_leaves_nothing(yard: Yard) -> None:
    mine = yard.turn("mine")
    await mine._join(waiting=False)
    assert await mine._enter(copy_in(mine._live))
    await yard.turn("mine")._leave()  # another run, which did not let it in
    assert set(await yard.copies()) == {"mine"}
    await mine._leave()
    await yard.until(lambda all: not all)
