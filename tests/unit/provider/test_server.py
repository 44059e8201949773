"""When the plugin takes its engine for gone."""

from __future__ import annotations

import asyncio
import socket

import pytest

from poscloud.provider import server


async def test_an_engine_that_refuses_is_gone_and_one_that_is_slow_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    engine = server.Engine(address)
    assert not await engine.answers()

    async def slow(*_: object) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(server, "ENGINE_ANSWERS", 0.01)
    monkeypatch.setattr(asyncio, "open_connection", slow)
    assert await engine.answers()
