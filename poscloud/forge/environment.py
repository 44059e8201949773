"""Which forge, repository and merge request a CI job runs for, from what CI sets."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from poscloud.errors import PosCloudError
from poscloud.forge.interface import Forge
from poscloud.forge.refusals import Whereabouts

_GITEA_TOKENS = ("GITEA_TOKEN", "FORGEJO_TOKEN", "GITHUB_TOKEN")
_GITEA_SCOPES = "the scopes read:repository, write:issue and read:user"
_GITHUB_SCOPES = "the permission pull-requests: write"
_GITLAB_SCOPES = "the scope api and at least the role Reporter"

_HOST = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?|[0-9a-f:.]+:[0-9a-f:.]*")


def from_environment(environ: Mapping[str, str]) -> Forge | None:
    """Return the forge whose CI runs this job, or None outside of CI.

    GitLab CI, Gitea or Forgejo Actions and GitHub Actions are told by ``GITLAB_CI``, ``GITEA_ACTIONS`` or
    ``FORGEJO_ACTIONS``, and ``GITHUB_ACTIONS``. A job that runs for no merge request gets a forge too.

    Args:
        environ: The environment variables.

    Raises:
        PosCloudError: A variable that CI sets or that holds the token is missing or wrong, or the packages for
            forges are not installed.
    """
    try:
        if environ.get("GITLAB_CI"):
            return _gitlab(environ)
        # Gitea calls itself GitHub as well, so that actions work on both.
        if environ.get("GITEA_ACTIONS") or environ.get("FORGEJO_ACTIONS"):
            return _gitea(environ)
        if environ.get("GITHUB_ACTIONS"):
            return _github(environ)
    except ModuleNotFoundError as error:
        raise PosCloudError(
            f"to talk to a forge, poscloud[forge] has to be installed: there is no {error.name}",
            hint=f"run: {sys.executable} -m pip install 'poscloud[forge]'",
        ) from None
    return None


def project_of(environ: Mapping[str, str]) -> str:
    """Return the path of the project that a CI job runs for, ``pay/core``; empty outside of CI."""
    if environ.get("GITLAB_CI"):
        return environ.get("CI_MERGE_REQUEST_PROJECT_PATH") or environ.get("CI_PROJECT_PATH", "")
    return environ.get("GITHUB_REPOSITORY", "")


def merge_request_id(environ: Mapping[str, str]) -> str:
    """Return the merge request that a CI job runs for, ``pay/core!12``; empty when it runs for none."""
    project = project_of(environ)
    if environ.get("GITLAB_CI"):
        number: object = environ.get("CI_MERGE_REQUEST_IID", "")
    else:
        number = _pull_request(environ) if project else ""
    return f"{project}!{number}" if project and number else ""


def _gitlab(environ: Mapping[str, str]) -> Forge:
    # In the pipeline of a fork CI_PROJECT_ID is the fork; the merge request is where it is to be merged.
    project = environ.get("CI_MERGE_REQUEST_PROJECT_ID") or _given(environ, "CI_PROJECT_ID", "GitLab CI")
    number = environ.get("CI_MERGE_REQUEST_IID", "")
    where = Whereabouts(
        forge="GitLab",
        url=_address(environ, "CI_SERVER_URL", "GitLab CI"),
        variable="GITLAB_TOKEN",
        scopes=_GITLAB_SCOPES,
        repository=f"project {project}",
        check="CI_SERVER_URL, CI_PROJECT_ID and CI_MERGE_REQUEST_IID",
        token=_token(
            environ,
            ("GITLAB_TOKEN",),
            f"make a project access token with {_GITLAB_SCOPES}, and put it into the CI/CD variable GITLAB_TOKEN, "
            "masked and not protected (CI_JOB_TOKEN cannot write comments)",
        ),
    )
    from poscloud.forge.gitlab import GitLab

    # The runner writes a file for an authority of the company's own.
    authority = environ.get("CI_SERVER_TLS_CA_FILE") or None
    return GitLab(where, project, _number(number, "CI_MERGE_REQUEST_IID") if number else None, authority)


def _gitea(environ: Mapping[str, str]) -> Forge:
    hint = (
        "give it to the step: env: {GITEA_TOKEN: ${{ secrets.GITEA_TOKEN }}}, a user's token with "
        f"{_GITEA_SCOPES}; or ${{{{ github.token }}}}, the job's own"
    )
    variable = next((name for name in _GITEA_TOKENS if environ.get(name)), _GITEA_TOKENS[0])
    server = _address(environ, "GITHUB_SERVER_URL", "Gitea Actions")
    where = Whereabouts(
        forge="Gitea",
        url=_address(environ, "GITHUB_API_URL", "Gitea Actions", f"{server}/api/v1"),
        variable=variable,
        scopes=_GITEA_SCOPES,
        repository=_repository(environ, "Gitea Actions"),
        check="GITHUB_API_URL, GITHUB_REPOSITORY and GITHUB_REF",
        token=_token(environ, _GITEA_TOKENS, hint),
    )
    from poscloud.forge.github import GITEA, GitHub

    return GitHub(where, GITEA, _pull_request(environ))


def _github(environ: Mapping[str, str]) -> Forge:
    hint = (
        "give it to the step: env: {GITHUB_TOKEN: ${{ github.token }}}, and to the job: "
        "permissions: {contents: read, pull-requests: write}"
    )
    server = _address(environ, "GITHUB_SERVER_URL", "GitHub Actions", "https://github.com")
    alone = server == "https://github.com"
    api = "https://api.github.com" if alone else f"{server}/api/v3"
    where = Whereabouts(
        forge="GitHub",
        url=_address(environ, "GITHUB_API_URL", "GitHub Actions", api),
        variable="GITHUB_TOKEN",
        scopes=_GITHUB_SCOPES,
        repository=_repository(environ, "GitHub Actions"),
        check="GITHUB_API_URL, GITHUB_REPOSITORY and GITHUB_REF",
        token=_token(environ, ("GITHUB_TOKEN",), hint),
    )
    viewer = f"{where.url}/graphql" if alone else f"{where.url.removesuffix('/v3')}/graphql"
    from poscloud.forge.github import GitHub, github

    return GitHub(where, github(viewer), _pull_request(environ))


def _given(environ: Mapping[str, str], name: str, ci: str) -> str:
    value = environ.get(name, "").strip()
    if not value:
        raise PosCloudError(
            f"this job runs in {ci}, and {name} is not set",
            hint=f"{ci} sets it; in a container of its own, pass it on: docker run -e {name} …",
        )
    return value


def _address(environ: Mapping[str, str], name: str, ci: str, otherwise: str = "") -> str:
    """Return a URL without its last slash."""
    value = (environ.get(name, "").strip() or otherwise or _given(environ, name, ci)).rstrip("/")
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and not parts.query and parts.port != 0
        usable = usable and _HOST.fullmatch(parts.hostname or "") is not None
    except ValueError:
        usable = False
    # It is part of messages, so it must not hold a password.
    if not usable or "@" in value or not value.isprintable() or " " in value:
        raise PosCloudError(
            f"{name} is no address such as https://forge.example.com, without user and password"
        )
    return value


def _token(environ: Mapping[str, str], names: tuple[str, ...], hint: str) -> str:
    found = next((name for name in names if environ.get(name)), None)
    if found is None:
        raise PosCloudError(f"there is no token for the forge: {' or '.join(names)} is not set", hint=hint)
    token = environ[found].strip()
    # What a header cannot hold would otherwise be shown by the error about it.
    if not re.fullmatch(r"[!-~]+", token):
        raise PosCloudError(f"{found} is no token: it is empty or has blanks or other than ASCII", hint=hint)
    return token


def _repository(environ: Mapping[str, str], ci: str) -> str:
    value = _given(environ, "GITHUB_REPOSITORY", ci)
    if not re.fullmatch(r"[\w-][\w.-]*/(?!\.{1,2}$)[\w.-]+", value):
        raise PosCloudError(f"GITHUB_REPOSITORY is {value!r}, and not OWNER/NAME")
    return value


def _pull_request(environ: Mapping[str, str]) -> int | None:
    """Return the number from the ref or, where that is a branch, from the event."""
    ref = re.match(r"refs/pull/(\d+)/", environ.get("GITHUB_REF", ""))
    if ref:
        return int(ref[1])
    file = environ.get("GITHUB_EVENT_PATH")
    if not file:
        return None
    try:
        event = json.loads(Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PosCloudError(f"the event in GITHUB_EVENT_PATH, {file}, cannot be read: {error}") from None
    event = event if isinstance(event, dict) else {}
    issue = event.get("issue") or {}
    # A comment on a pull request comes as one on an issue.
    found = (event.get("pull_request") or (issue if "pull_request" in issue else {})).get("number")
    return None if found is None else _number(str(found), "the number in GITHUB_EVENT_PATH")


def _number(text: str, name: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise PosCloudError(f"{name} is {text!r}, and not a number")
    return int(text)
