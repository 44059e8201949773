"""The words that go to a container, run on this machine: in the place of ``poscloud.cluster.remote.command.run``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any

from poscloud.cluster.remote.channels import Channel
from poscloud.cluster.remote.command import Command, Write


class LocalExec:
    """Runs commands here.

    Attributes:
        environment: What they find in their environment; ``None``: this process's.
        begun: The commands, in order.
        processes: Their processes.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self.environment = environment
        self.begun: list[Command] = []
        self.processes: list[asyncio.subprocess.Process] = []

    def words(self, command: Command) -> list[str]:
        """Return what is run for a command."""
        return list(command.words)

    async def run(
        self, _: Any, command: Command, write: Write, data: AsyncIterator[bytes] | None = None
    ) -> int:
        """As the real one; its end is the end of the process."""
        self.begun.append(command)
        process = await asyncio.create_subprocess_exec(
            *self.words(command), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE, env=self.environment,
        )  # fmt: skip
        self.processes.append(process)
        feeding = asyncio.create_task(_feed(process, data))
        try:
            await asyncio.gather(
                _hear(process.stdout, Channel.STDOUT, write), _hear(process.stderr, Channel.STDERR, write)
            )
            return await process.wait()
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
            with suppress(ProcessLookupError):
                process.kill()
            process._transport.close()  # type: ignore[attr-defined]  # its children may hold its output


async def _feed(process: asyncio.subprocess.Process, data: AsyncIterator[bytes] | None) -> None:
    assert process.stdin
    with suppress(ConnectionError):
        if data is not None:
            async for part in data:
                process.stdin.write(part)
                await process.stdin.drain()
        process.stdin.close()


async def _hear(stream: asyncio.StreamReader | None, channel: Channel, write: Write) -> None:
    assert stream
    while part := await stream.read(32 * 1024):
        await write(channel, part)
