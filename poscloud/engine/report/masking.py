"""Taking secrets out of what a report shows, which is passed on to others.

Three nets, one behind the other: fields that hold a secret by their name or kind; what looks like one in any text;
and every value that one of these two has found, wherever else it stands and however it is written there.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Any

from poscloud.errors import Problem
from poscloud.provider.hiding import HIDDEN, Secrets, telling
from poscloud.render.manifest import Manifest
from poscloud.render.names import SECRET_RANDOM_ANNOTATION, SECRET_SOURCE_ANNOTATION
from poscloud.render.preflight.cleartext import check_cleartext
from poscloud.spec.cleartext import dense_in, is_clear, is_named
from poscloud.spec.redaction import in_list, in_rule, is_password, redacted

SHORTEST = 6
"""Characters of a value that is looked for elsewhere too; shorter ones are parts of other words."""

_FREE = frozenset({"data", "stringData", "binaryData", "annotations", "env", "fields", "headers", "config"})
"""Maps whose keys the writer chooses."""

_OURS = frozenset({SECRET_SOURCE_ANNOTATION, SECRET_RANDOM_ANNOTATION})
"""Annotations that say the names of secrets, which read like passwords: ``password=mysql.password``."""

_ENV = "env"
_KEY = re.compile(r"[ -]*[A-Za-z]{1,30}:")
"""A line of YAML without a value: a Secret with a file has such lines as well, and they tell nothing."""

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class Masker:
    """Hides secrets.

    Args:
        public: Names that are shown in any case: a password that is the name of a component hides nothing more.
    """

    def __init__(self, public: Collection[str]) -> None:
        self._secrets = Secrets()
        self._public = frozenset(public)
        self._known: dict[str, str] = {}
        self._lines: dict[str, str] = {}

    def learn(self, value: Any) -> None:
        """Hide a value from now on, wherever it stands."""
        if isinstance(value, dict):
            for below in value.values():
                self.learn(below)
        elif isinstance(value, str):
            for text in {value, value.strip()}:  # a file's last line feed is no part of the password in it
                if len(text) >= SHORTEST and text not in self._public:
                    self._secrets.learn(text)
                    self._known.clear()
                    self._lines.clear()

    def learn_from(self, description: Any, stack: str) -> None:
        """Hide from now on what stands in clear text in a description, or in manifests."""
        for finding in check_cleartext(description, stack):
            found = description
            for step in finding.path:
                found = found[step]
            if isinstance(found, str) and redacted(found, HIDDEN) == found:
                self.learn(found)

    def text(self, text: str) -> str:
        """Return a text without secrets."""
        if text not in self._known:
            self._known[text] = self._secrets.hide(redacted(text, HIDDEN))
        return self._known[text]

    def again(self, text: str) -> str:
        """Return a text that was masked before without what was learnt since then."""
        return "\n".join(map(self._line, text.split("\n")))

    def _line(self, line: str) -> str:
        if line not in self._lines:
            self._lines[line] = line if _KEY.fullmatch(line) else self._secrets.hide(line)
        return self._lines[line]

    def problem(self, problem: Problem) -> Problem:
        """Return a problem without secrets; a check's own words name fields, and never repeat what looks like one."""
        told = self._secrets.hide(problem.message), self._secrets.hide(problem.hint)
        return Problem(problem.file, problem.line, problem.column, problem.code, *told)

    def manifests(self, items: Iterable[Manifest]) -> list[Manifest]:
        """Return manifests without secrets."""
        return [self._object(item) for item in items]

    def value(self, value: Any, path: tuple[Any, ...] = ()) -> Any:
        """Return any value without secrets.

        Args:
            value: Maps, lists, texts and numbers.
            path: Where it stands.
        """
        if isinstance(value, dict):
            return self._map(value, path)
        if isinstance(value, list | tuple):
            return [self.value(item, (*path, n)) for n, item in enumerate(in_list(list(value), HIDDEN))]
        if is_password(path, value):
            return HIDDEN
        if not isinstance(value, str):
            return value
        text = in_rule(value, HIDDEN) if "config" in path and path[-1] == "user" else value
        return self.text(text)

    def _object(self, item: Manifest) -> Manifest:
        masked: Manifest = self.value(item)
        if item.get("kind") == "Secret":
            for field in ("data", "stringData"):
                if field in masked:
                    masked[field] = dict.fromkeys(masked[field], HIDDEN)
        return masked

    def _map(self, value: dict[Any, Any], path: tuple[Any, ...]) -> dict[Any, Any]:
        above = path[-1] if path else ""
        variable = len(path) > 1 and path[-2] == _ENV and telling(str(value.get("name", "")))
        found = {}
        for key, item in value.items():
            text = isinstance(item, str) and is_clear(item)
            named = above in _FREE and (is_named(str(key)) or (above == _ENV and telling(str(key))))
            if text and (named or (variable and key == "value")):
                self.learn(item)
                found[key] = HIDDEN
            elif key == _LAST_APPLIED:
                continue
            elif key in _OURS:
                found[key] = item
            elif text and (above == _ENV or key == "value") and any(True for _ in dense_in(item)):
                found[key] = HIDDEN
            else:
                found[key] = self.value(item, (*path, key))
        return found
