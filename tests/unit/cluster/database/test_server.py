"""A MySQL in its container: what goes wrong on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from poscloud.cluster.database import server as module
from poscloud.cluster.database.scripts import NOTHING_DONE, UNDER_WAY
from poscloud.cluster.database.server import Server, UnderWayError, UntouchedError
from poscloud.errors import ArchiveError, DeployError


async def test_a_dump_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    never_asked: Any = None
    with pytest.raises(ArchiveError, match=r"could not be dumped to .*; nothing was changed"):
        await Server(never_asked, "dev", "mysql-0", "mysql").dump(["shop"], tmp_path / "gone" / "all.sql.gz")


@pytest.mark.parametrize(
    ("code", "kind"), [(NOTHING_DONE, UntouchedError), (UNDER_WAY, UnderWayError), (1, DeployError)]
)
async def test_what_changed_nothing_is_told_apart(
    code: int, kind: type[DeployError], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ended(*_: object) -> int:
        return code

    monkeypatch.setattr(module, "run", ended)
    nowhere: Any = None
    with pytest.raises(DeployError) as caught:
        await Server(nowhere, "dev", "mysql-0", "mysql").apply([], print)
    assert type(caught.value) is kind
