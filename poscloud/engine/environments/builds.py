"""``--with``: a merge request of a service's repository, and what its build changes in a copy."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from poscloud.errors import PosCloudError
from poscloud.forge import Forge, MergeRequest, from_environment
from poscloud.load.copy import closure
from poscloud.spec import EnvironmentSpec
from poscloud.spec.builds import PLACEHOLDERS, SHORT, slug
from poscloud.spec.placeholders import placeholders
from poscloud.spec.references import nearest

_FORM = re.compile(r"(?P<repository>[^=!\s]+)=!?(?P<number>[0-9]{1,9})")

NO_FORGE = """\
a CI job knows its forge; elsewhere say which:
  GitLab: export GITLAB_CI=true CI_SERVER_URL=https://… CI_PROJECT_ID=NUMBER GITLAB_TOKEN=…
  Gitea: export GITEA_ACTIONS=true GITHUB_SERVER_URL=https://… GITHUB_REPOSITORY=OWNER/NAME GITEA_TOKEN=…
  GitHub: export GITHUB_ACTIONS=true GITHUB_REPOSITORY=OWNER/NAME GITHUB_TOKEN=…"""


@dataclass(frozen=True)
class Wanted:
    """A merge request as it was asked for.

    Attributes:
        text: ``--with``'s.
        repository: Path on the forge.
        number: The merge request's.
        services: Those that its build runs in.
    """

    text: str
    repository: str
    number: int
    services: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.repository}!{self.number}"


@dataclass(frozen=True)
class Build:
    """What the build of a merge request changes in a copy.

    Attributes:
        request: ``PROJECT!NUMBER``.
        said: The commit and the services, for a person.
        fields: Place in the description → value.
    """

    request: str
    said: str
    fields: Mapping[tuple[str, ...], Any]


def read_requests(spec: EnvironmentSpec, asked: Sequence[str], only: Sequence[str]) -> list[Wanted]:
    """Return the merge requests that are asked for; no forge is asked.

    Args:
        spec: The environment that is copied, which says what a repository stands for.
        asked: ``REPOSITORY=!NUMBER`` of each.
        only: Services that the copy runs, with what they need; empty for all.

    Raises:
        PosCloudError: One is of another form, or nothing is said of its repository; or a service would run two builds.
    """
    found = [_wanted(spec, text) for text in asked]
    whose: dict[str, Wanted] = {}
    for each in found:
        for service in each.services:
            if (other := whose.setdefault(service, each)) is not each:
                raise PosCloudError(
                    f"service {service} would run two builds: --with {other.text} and --with {each.text}",
                    hint="leave one of them out",
                )
    kept = closure(spec, [name for name in only if name in spec.services or name in spec.backing])
    for each in found:
        if only and not kept & set(each.services):
            raise PosCloudError(
                f"--with {each.text} changes nothing: --only {','.join(only)} leaves {', '.join(each.services)} out",
                hint=f"--only {','.join([*only, each.services[0]])}",
            )
    return found


def builds(spec: EnvironmentSpec, asked: Sequence[Wanted], environ: Mapping[str, str]) -> list[Build]:
    """Ask the forge for the newest commit of each merge request, and return what its build changes.

    Args:
        spec: The environment that is copied.
        asked: The merge requests.
        environ: Where CI says which forge it is.

    Raises:
        AuthError: The forge does not know the token, or its scopes do not do.
        PosCloudError: There is no forge, or it does not answer; or a merge request is not open, or is not there.
    """
    if not asked:
        return []
    forge = from_environment(environ)
    if forge is None:
        raise PosCloudError(
            f"--with {asked[0].text} asks the forge for its newest commit, and no forge is known here",
            hint=NO_FORGE,
        )
    return [_build(spec, each, forge) for each in asked]


def _wanted(spec: EnvironmentSpec, text: str) -> Wanted:
    form = _FORM.fullmatch(text)
    if form is None:
        raise PosCloudError(
            f"--with {text}: expected REPOSITORY=!NUMBER, the repository's path on the forge",
            hint="for example --with 'pay/core=!123' (in quotes for the shell's sake), or --with pay/core=123",
        )
    repository, known = form["repository"], spec.copies.repositories
    if repository not in known:
        hint = nearest(repository, known)
        if not known:
            example = f"{{{repository}: {{services: [NAME], version: 'mr-{{number}}-{{short}}'}}}}"
            hint = f"write in stacks/{spec.name}.yaml: copies: {{repositories: {example}}} (docs/environments.md)"
        raise PosCloudError(
            f"--with {text}: {spec.name} does not say which services {repository} builds (`copies`: `repositories`)",
            hint=hint,
        )
    return Wanted(text, repository, int(form["number"]), known[repository].services)


def _build(spec: EnvironmentSpec, asked: Wanted, forge: Forge) -> Build:
    request = forge.of(asked.repository, asked.number).request()
    if request.state != "open":
        raise PosCloudError(
            f"{asked} is {request.state} ({request.url}), and has no build of its own any more; nothing was made",
            hint=f"leave --with {asked.text} out: {', '.join(asked.services)} then run what {spec.name} runs",
        )
    if not request.commit:
        raise PosCloudError(
            f"{asked} has no commit yet ({request.url}); nothing was made",
            hint="push one, and run this again",
        )
    said = f"{asked} at {request.commit[:SHORT]}: {', '.join(asked.services)}"
    return Build(str(asked), said, dict(_fields(spec, asked, request)))


def _fields(
    spec: EnvironmentSpec, asked: Wanted, request: MergeRequest
) -> Iterator[tuple[tuple[str, ...], Any]]:
    mapped = spec.copies.repositories[asked.repository]
    words = {
        "number": str(request.number),
        "branch": slug(request.branch),
        "commit": request.commit,
        "short": request.commit[:SHORT],
        "registry": spec.registry,
        "environment": spec.name,
    }
    if not words["branch"] and any(
        "branch" in placeholders(each, PLACEHOLDERS) for each in mapped.patterns().values()
    ):
        raise PosCloudError(
            f"the branch of {asked}, '{request.branch}', has no letter from a to z and no digit to make {{branch}} of",
            hint=f"name its builds by {{number}} or {{commit}} in `copies` of {spec.name}",
        )
    for service in asked.services:
        values = mapped.values(spec.services[service], {**words, "service": service})
        for path, value in values.items():
            yield ("services", service, *path), value
