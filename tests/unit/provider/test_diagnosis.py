"""A container's last words, when a kubelet has none to tell."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from poscloud.provider.diagnosis import last_words

GONE = "unable to retrieve container logs for containerd://2499d79e5dc0"


@pytest.mark.parametrize(
    ("previous", "current", "said"),
    [("x failed", "", "x failed"), (GONE, "starting", "starting"), (GONE, GONE, "")],
)
async def test_that_a_log_is_gone_is_not_what_the_container_said(
    previous: str, current: str, said: str
) -> None:
    async def text(path: str, query: dict[str, str]) -> str:
        return previous if query["previous"] == "true" else current

    cluster: Any = SimpleNamespace(client=SimpleNamespace(text=text))
    words = await last_words(cluster, "shop", ("a-1", "a"))
    assert words.splitlines()[2:] == ([f"    {said}"] if said else [])
