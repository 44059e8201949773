"""Looking at a cluster while an environment is removed, where the cluster does not answer or answers oddly."""

from __future__ import annotations

import io
import json
import socket
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from poscloud.cluster.target import Target
from poscloud.engine.progress import removal as module
from poscloud.engine.progress.follow import Progress
from poscloud.engine.progress.going import Going
from poscloud.engine.progress.show import Lines


def target(folder: Path, port: int) -> Target:
    server = f"http://127.0.0.1:{port}"
    config = {
        "current-context": "x",
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
        "clusters": [{"name": "x", "cluster": {"server": server}}],
        "users": [{"name": "x", "user": {}}],
    }
    (folder / "kubeconfig").write_text(json.dumps(config))
    return Target(folder / "kubeconfig", "x", server, "", local=True)


def test_a_cluster_that_does_not_answer_delays_no_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def before(_: object) -> Going:
        return Going("shop", [])

    monkeypatch.setattr(module, "_before", before)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        show = module.removal(target(tmp_path, silent.getsockname()[1]), "shop", "poscloud/shop")
        assert show is not None
        said: list[str] = []
        with Progress(Lines(io.StringIO()), instead=False, say=said.append).following(*show):
            connection, _ = silent.accept()
            assert connection.recv(1), "it has been asked"
            ended = time.monotonic()
        assert time.monotonic() - ended < 5 and said == []
        connection.close()


def test_what_goes_wrong_beside_a_run_is_told_in_a_line() -> None:
    def beside(over: threading.Event, changed: Callable[[Iterable[str]], None], began: float) -> None:
        raise KeyError("metadata")

    said: list[str] = []
    with Progress(Lines(io.StringIO()), instead=False, say=said.append).following(Going("shop", []), beside):
        pass
    assert said == ["how the cluster follows cannot be shown: 'metadata'"]
