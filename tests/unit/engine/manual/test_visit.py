"""What is left in the ledger of a command that was not run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from poscloud.cluster.remote.connection import NotBegunError
from poscloud.engine.manual import visit
from poscloud.engine.manual.container import Container
from poscloud.errors import AuthError, PosCloudError
from poscloud.provider.rest import UnreachableError
from tests.unit.engine.manual.conftest import Shop


@pytest.mark.parametrize(
    ("error", "recorded"),
    [
        (NotBegunError("no connection"), 0),
        (AuthError("who are you"), 0),
        (UnreachableError("no answer in time"), 1),
    ],
)
async def test_only_what_may_have_been_run_stays_recorded(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Any, error: PosCloudError, recorded: int
) -> None:
    async def none(*_: Any) -> None:
        return None

    async def found(*_: Any) -> Container:
        return Container("web-1", "u-9", "web", True)

    async def failing(*_: Any) -> int:
        assert len(await shop.ledger.read()) == 1, "it is recorded first"
        raise error

    for name, instead in (("refuse_others", none), ("container_of", found), ("_joined", failing)):
        monkeypatch.setattr(visit, name, instead)
    place: Any = SimpleNamespace(stack="shop", root=tmp_path, cluster=lambda: shop.cluster)
    wanted = visit.Wanted("shell", ("sh",), recorded=True)
    with pytest.raises(type(error)):
        await visit._visit(place, "web", lambda _: None, wanted, None)
    assert len(await shop.ledger.read()) == recorded
