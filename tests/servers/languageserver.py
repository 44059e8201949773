"""A client of a language server, as an editor is one: JSON-RPC over the server's standard input and output."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

ANSWER_SECONDS = 60
"""How long an answer may take; the first one reads the schema."""

SETTINGS = {
    "yaml": {
        "validate": True,
        "hover": True,
        "completion": True,
        "schemaStore": {"enable": False},
        "keyOrdering": False,
    }
}


class LanguageServer:
    """A running server.

    Args:
        command: The server, to talk over its standard input and output.
        folder: The folder that is open in the editor.
    """

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        self._process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._read: queue.Queue[dict[str, Any] | None] = queue.Queue()
        threading.Thread(target=self._receive, daemon=True).start()
        self._number = 0
        self._folder = folder

    def __enter__(self) -> LanguageServer:
        snippets = {"completion": {"completionItem": {"snippetSupport": True}}}
        self.ask(
            "initialize",
            {
                "processId": None,
                "rootUri": self._folder.as_uri(),
                "capabilities": {"textDocument": {**snippets, "hover": {"contentFormat": ["markdown"]}}},
            },
        )
        self._tell("initialized", {})
        self._tell("workspace/didChangeConfiguration", {"settings": SETTINGS})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()

    def open(self, file: Path, text: str) -> None:
        """Open a file with this text, which need not be on the disk."""
        document = {"uri": file.as_uri(), "languageId": "yaml", "version": 1, "text": text}
        self._tell("textDocument/didOpen", {"textDocument": document})

    def problems(self, file: Path) -> list[dict[str, Any]]:
        """Return what the server finds wrong with a file that was just opened."""
        while True:
            message = self._next()
            if message.get("method") == "textDocument/publishDiagnostics":
                found = message["params"]
                if found["uri"] == file.as_uri():
                    problems: list[dict[str, Any]] = found["diagnostics"]
                    return problems

    def complete(self, file: Path, line: int, column: int) -> dict[str, dict[str, Any]]:
        """Return what may stand at a place, by label; lines and columns begin with 0."""
        answer = self.ask("textDocument/completion", self._place(file, line, column))
        return {item["label"]: item for item in answer["items"]}

    def hover(self, file: Path, line: int, column: int) -> str:
        """Return what is shown about a place."""
        answer = self.ask("textDocument/hover", self._place(file, line, column))
        return str(answer["contents"]["value"]) if answer else ""

    def ask(self, method: str, parameters: dict[str, Any]) -> Any:
        """Send a request and return its answer."""
        self._number += 1
        number = self._number
        self._send({"id": number, "method": method, "params": parameters})
        while True:
            message = self._next()
            if message.get("id") == number and "method" not in message:
                assert "error" not in message, message["error"]
                return message.get("result")

    @staticmethod
    def _place(file: Path, line: int, column: int) -> dict[str, Any]:
        position = {"line": line, "character": column}
        return {"textDocument": {"uri": file.as_uri()}, "position": position}

    def _tell(self, method: str, parameters: dict[str, Any]) -> None:
        self._send({"method": method, "params": parameters})

    def _send(self, message: dict[str, Any]) -> None:
        content = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(content), content))
        self._process.stdin.flush()

    def _next(self) -> dict[str, Any]:
        message = self._read.get(timeout=ANSWER_SECONDS)
        assert message is not None, f"the server ended with {self._process.wait()}"
        if "id" in message and "method" in message:  # what it asks an editor for: nothing is known here
            items = message["params"].get("items", []) if message.get("params") else []
            known = [SETTINGS.get(item.get("section", ""), {}) for item in items]
            self._send({"id": message["id"], "result": known or None})
        return message

    def _receive(self) -> None:
        output = self._process.stdout
        assert output is not None
        while line := output.readline():
            length = int(line.split(b":")[1])
            while output.readline().strip():
                pass
            self._read.put(json.loads(output.read(length)))
        self._read.put(None)
