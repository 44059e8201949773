"""What all backing services (stateful dependencies) share."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from poscloud.spec.part import PartSpec
from poscloud.spec.references import Finding, Path
from poscloud.spec.values import Resources, Storage


def _not_a_bool(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("expected 1 or 3, found " + str(value).lower())
    return value


Members = Annotated[Literal[1, 3], BeforeValidator(_not_a_bool)]
"""One, or three that keep a quorum when one is lost."""


_SECRET = re.compile(
    r"password|passwd|passphrase|secret|[-_.]pass$|(^|[-_.])psk$|jaas\.config$|keystore\.key$|private[-_.]?key$",
    re.IGNORECASE,
)
"""Names of settings whose value is a password or a key, or holds one."""
_NO_SECRET = re.compile(
    r"(path|file|lifetime|history|reuse.interval|require.current)$"  # where it is, and rules for it
    r"|^(loose.)?validate.password|^old.passwords$|^disconnect.on.expired.password$|^password\.encoder\.(it|key|cip)",
    re.IGNORECASE,
)
_READABLE = (
    "a password or key in a ConfigMap is readable by everybody in the namespace; not supported in config"
)


class StatefulSpec(PartSpec):
    """The fields every backing service has."""

    managed: ClassVar[dict[str, str]] = {}
    """Setting in lower case, as a pattern → why ``config`` may not have it."""

    version: str = Field(description="Version, the tag in the image pattern.")
    resources: Resources = Field(Resources(), description="CPU and memory of each member.")
    storage: Storage = Field(Storage(), description="Volume of each member.")

    def check(self) -> Iterator[Finding]:
        """Yield the settings in ``config`` that poscloud sets itself, that hold a password, or that are none."""
        yield from super().check()
        yield from self._check_settings(getattr(self, "config", {}), ())

    def _check_settings(self, settings: Mapping[str, Any], where: Path) -> Iterator[Finding]:
        for key, value in settings.items():
            path = (*where, key)
            message = self._refused(path, value)
            if message:
                yield Finding(("config", *path), "wrong-value", message)
            elif isinstance(value, Mapping):
                yield from self._check_settings(value, path)
            elif isinstance(value, list):
                for number, item in enumerate(value):
                    if isinstance(item, Mapping):
                        yield from self._check_settings(item, (*path, number))

    def _refused(self, path: Path, value: object) -> str | None:
        """Return why a setting may not be in ``config``; ``None`` if it may."""
        key = str(path[-1])
        if not key.strip() or re.search(r"[\r\n]", f"{key}{value}"):
            return f"{key!r}: {value!r} is not one setting: a name, and a value on the same line"
        # A name that is not quoted would end at the first of these, and the rest be its value.
        words = [re.split(r"[\s=:]", str(key).strip())[0] for key in path if not isinstance(key, int)]
        name = ".".join(words)
        for pattern, instead in self.managed.items():
            if fnmatchcase(name.lower(), pattern):
                return f"'{name}' may not be set here: {instead}"
            if pattern.startswith(f"{name.lower()}.") and not isinstance(value, Mapping):
                return f"'{name}' would replace '{pattern}', which may not be set here: {instead}"
        if _SECRET.search(name) and not _NO_SECRET.search(name):
            return f"'{name}' may not be set here: {_READABLE}"
        return None
