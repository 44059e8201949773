"""What a merge request of a service's repository stands for in a copy: which services run which build of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from poscloud.spec.base import Model, Name
from poscloud.spec.placeholders import placeholders
from poscloud.spec.references import Finding, Path, nearest

if TYPE_CHECKING:
    from poscloud.spec.environment import EnvironmentSpec
    from poscloud.spec.service import ServiceSpec

OF_THE_REQUEST = ("number", "branch", "commit", "short")
"""What a merge request puts in: its number, its branch as a tag may be called, its newest commit, whole and short."""

PLACEHOLDERS = (*OF_THE_REQUEST, "service", "registry", "environment")

SHORT = 8
"""Characters of a short commit: GitLab's CI_COMMIT_SHORT_SHA."""

_LONGEST_SLUG = 63

Repository = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9_.][A-Za-z0-9_.-]*(/[A-Za-z0-9_.-]+)+$", max_length=255)
]
"""Path of a repository on its forge, ``pay/core``."""

RequestId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.][A-Za-z0-9._/-]*![0-9]+$")]
"""``PROJECT!NUMBER``."""

FieldPath = Annotated[str, StringConstraints(pattern=r"^[^.\s]+(\.[^.\s]+)*$")]


def _pattern(text: str) -> str:
    placeholders(text, PLACEHOLDERS)
    return text


Pattern = Annotated[str, AfterValidator(_pattern)]


def slug(branch: str) -> str:
    """Return a branch as the tag of an image may be called, in the way of GitLab's CI_COMMIT_REF_SLUG.

    It is empty for a branch without a single ASCII letter or digit.
    """
    return re.sub(r"[^a-z0-9]", "-", branch.lower())[:_LONGEST_SLUG].strip("-")


class Builds(Model):
    """Which services a repository builds, and what a merge request's build of them is called."""

    services: tuple[Name, ...] = Field(
        min_length=1, description="Services that run the merge request's build.", examples=[["dac-task"]]
    )
    version: Pattern | None = Field(
        None,
        description="Their `version`, with {number}, {branch}, {commit} (whole) and {short} (8 characters) of the "
        "merge request; {service}, {registry} and {environment} are the copied environment's.",
        examples=["mr-{number}-{short}"],
    )
    fields: dict[FieldPath, Pattern] = Field(
        {},
        description="Other fields of theirs, with the same placeholders.",
        examples=[{"git.revision": "{commit}"}, {"image": "{registry}/{service}:mr-{number}-{short}"}],
    )

    @model_validator(mode="after")
    def _says_which_build(self) -> Builds:
        if not any(
            placeholders(pattern, PLACEHOLDERS) & set(OF_THE_REQUEST) for pattern in self.patterns().values()
        ):
            message = (
                "every merge request would run the same: `version` or one of `fields` needs "
                + ", ".join(f"{{{name}}}" for name in OF_THE_REQUEST[:-1])
                + f" or {{{OF_THE_REQUEST[-1]}}}"
            )
            raise PydanticCustomError("between_fields", "{text}", {"text": message, "field": "version"})
        return self

    def patterns(self) -> dict[str, str]:
        """Return field → pattern."""
        return ({"version": self.version} if self.version is not None else {}) | self.fields

    def values(self, part: ServiceSpec, words: dict[str, str]) -> dict[tuple[str, ...], Any]:
        """Return place in a service → value.

        Args:
            part: One of the services, as it is described.
            words: Placeholder → what it stands for.
        """
        found: dict[tuple[str, ...], Any] = {
            tuple(field.split(".")): pattern.format(**words) for field, pattern in self.patterns().items()
        }
        jar = getattr(part, "jar", None)
        # The digest in the description is that of another version's jar; null: the one beside the jar.
        if jar is not None and jar.sha256 and ("version",) in found:
            found.setdefault(("jar", "sha256"), None)
        return found


def check_builds(spec: EnvironmentSpec) -> Iterator[Finding]:
    """Yield services that there are not, and fields that would change nothing or are none."""
    for repository, builds in spec.copies.repositories.items():
        path: Path = ("copies", "repositories", repository)
        for number, name in enumerate(builds.services):
            if name not in spec.services:
                message = f"'{name}' names no service"
                yield Finding(
                    (*path, "services", number), "unknown-reference", message, nearest(name, spec.services)
                )
            else:
                yield from _check_fields(name, spec.services[name], builds, path)


def _check_fields(name: str, part: ServiceSpec, builds: Builds, path: Path) -> Iterator[Finding]:
    fields = {field: field.split(".")[0] for field in builds.fields}
    known = set(type(part).model_fields)
    for field, first in fields.items():
        if first not in known:
            message = f"service '{name}' has no field '{first}'"
            yield Finding((*path, "fields", field), "unknown-field", message, nearest(first, known))
    if builds.version is None:
        return
    if part.image is not None and "image" not in fields.values():
        message = f"the `image` of service '{name}' is given, so that another version changes nothing"
        hint = "give fields: {image: …} instead"
        yield Finding((*path, "version"), "useless-version", message, hint)
    if getattr(part, "git", None) and "git" not in fields.values():
        message = f"the program of service '{name}' comes from git.revision: another version is another base image only"
        yield Finding(
            (*path, "version"), "useless-version", message, "give fields: {git.revision: …} instead"
        )
