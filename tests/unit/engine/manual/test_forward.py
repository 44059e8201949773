"""forward: which errors of the API server end it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from poscloud.cluster.target import Target
from poscloud.engine.manual.forward import Forward, Wanted
from poscloud.provider.rest import ApiError


@pytest.mark.parametrize(
    ("status", "ends"), [(403, True), (404, True), (429, False), (500, False), (503, False)]
)
async def test_an_api_server_that_is_not_well_is_waited_for(
    status: int, ends: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    nowhere: Any = Target(Path("none"), "", "", "", local=False)
    forward = Forward(nowhere, nowhere, told.append, Wanted("api"))

    async def fail() -> None:
        raise ApiError(status, b'{"message": "etcd has no leader"}')

    monkeypatch.setattr(forward, "_choose", fail)
    if ends:
        with pytest.raises(ApiError):
            await forward._look()
    else:
        await forward._look()
        assert len(told) == 1 and told[0].endswith("; waiting")
