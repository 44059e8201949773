"""A MySQL in its container: what goes wrong on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from poscloud.cluster.database.server import Server
from poscloud.errors import ArchiveError


async def test_a_dump_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    never_asked: Any = None
    with pytest.raises(ArchiveError, match=r"could not be dumped to .*; nothing was changed"):
        await Server(never_asked, "dev", "mysql-0", "mysql").dump(["shop"], tmp_path / "gone" / "all.sql.gz")
