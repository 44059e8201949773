"""The plugin process: listens, says where, and ends with its engine."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import grpc.aio
from pulumi.runtime.proto import provider_pb2_grpc

from poscloud.provider.blackbox import BlackBox
from poscloud.provider.rest import Clock, StoppedError
from poscloud.provider.servicer import Provider

MESSAGE_LIMIT = 400 * 1024 * 1024
PARENT_EVERY = 1.0
ENGINE_EVERY = 15.0
ENGINE_ANSWERS = 5.0
LAST_WORDS = 4.0


class Engine:
    """Whether the engine that started this process still lives.

    Args:
        address: Its gRPC address; empty when there is none.
    """

    def __init__(self, address: str) -> None:
        self.address, self._parent = address, os.getppid()
        home = os.environ.get("PULUMI_HOME", "")
        self.black_box = BlackBox(Path(home) if home and address else None)
        self.black_box.note(f"started by process {self._parent}, engine at {address}")

    def may_write(self, what: str) -> None:
        """Note a change that is about to be made; refuse it once the engine is gone.

        Raises:
            StoppedError: It is gone.
        """
        if self.has_lost_parent:
            raise StoppedError("the Pulumi engine is gone")
        self.black_box.note(what)

    @property
    def has_lost_parent(self) -> bool:
        """Whether the process that started this one has ended."""
        return os.getppid() != self._parent

    async def answers(self) -> bool:
        """Whether anyone listens at the engine's address."""
        host, _, port = self.address.rpartition(":")
        try:
            async with asyncio.timeout(ENGINE_ANSWERS):
                _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
        except TimeoutError:
            return True  # a dead process refuses at once; only a machine that is too busy takes long
        except (OSError, ValueError):
            return False
        writer.close()
        return True

    async def gone(self) -> None:
        """Return when the engine is gone."""
        loop = asyncio.get_running_loop()
        asked = loop.time()
        while not self.has_lost_parent:
            await asyncio.sleep(PARENT_EVERY)
            if self.address and loop.time() - asked >= ENGINE_EVERY:
                asked = loop.time()
                if not await self.answers():
                    return


async def serve(address: str) -> None:
    """Serve until the engine is gone or interrupts us.

    Args:
        address: The engine's gRPC address; empty when there is none.
    """
    engine, clock = Engine(address), Clock()
    limits = [
        ("grpc.max_receive_message_length", MESSAGE_LIMIT),
        ("grpc.max_send_message_length", MESSAGE_LIMIT),
    ]
    server = grpc.aio.server(options=limits)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(
        Provider(address, clock, engine.may_write), server
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    # The engine reads the port, and nothing else, from the first line.
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    interrupted = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, interrupted.set)
    ends = {asyncio.create_task(engine.gone()), asyncio.create_task(interrupted.wait())}
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    if interrupted.is_set():
        # The calls under way still say what exists; the engine kills us after five seconds.
        clock.stopped.set()
        await server.stop(LAST_WORDS)
    # Not a tidy end: with the engine gone, whatever is still under way must not go on.
    engine.black_box.ended()
    os._exit(0)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the plugin: ``[--flags] ENGINE_ADDRESS``; unknown flags are ignored."""
    given = [a for a in (sys.argv[1:] if arguments is None else arguments) if not a.startswith("-")]
    asyncio.run(serve(given[-1] if given else ""))
