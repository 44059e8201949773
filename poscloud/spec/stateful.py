"""What all backing services (stateful dependencies) share."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, field_validator

from poscloud.spec.part import PartSpec
from poscloud.spec.values import Resources, Storage


def _not_a_bool(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("expected 1 or 3, found " + str(value).lower())
    return value


Members = Annotated[Literal[1, 3], BeforeValidator(_not_a_bool)]
"""One, or three that keep a quorum when one is lost."""


def _settings(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each setting and its value; one inside another by both names with a dot between."""
    for key, value in config.items():
        yield f"{prefix}{key}", value
        if isinstance(value, Mapping):
            yield from _settings(value, f"{prefix}{key}.")


class StatefulSpec(PartSpec):
    """The fields every backing service has."""

    managed: ClassVar[dict[str, str]] = {}
    """Setting in lower case, as a pattern → why ``config`` may not have it."""

    version: str = Field(description="Version, the tag in the image pattern.")
    resources: Resources = Field(Resources(), description="CPU and memory of each member.")
    storage: Storage = Field(Storage(), description="Volume of each member.")

    @field_validator("config", check_fields=False)
    @classmethod
    def _config_is_free(cls, config: dict[str, Any]) -> dict[str, Any]:
        for key, value in _settings(config):
            if not key.strip() or re.search(r"[\r\n]", f"{key}{value}"):
                raise ValueError(
                    f"{key!r}: {value!r} is not one setting: a name, and a value on the same line"
                )
            name = re.split(r"[\s=:]", key.strip())[0]
            for pattern, instead in cls.managed.items():
                if fnmatchcase(name.lower(), pattern):
                    raise ValueError(f"'{name}' may not be set here: {instead}")
        return config
