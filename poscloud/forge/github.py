"""GitHub, and Gitea and Forgejo, whose API follows it in what is needed here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

from poscloud.errors import PosCloudError
from poscloud.forge.interface import Comment, MergeRequest
from poscloud.forge.posting import place
from poscloud.forge.refusals import UnansweredError, Whereabouts
from poscloud.forge.transport import ForgeSession, TokenHeader


@dataclass(frozen=True)
class Dialect:
    """What differs between the forges.

    Attributes:
        limit: How many characters a comment may have.
        page: The parameter for the length of a page, and the longest there is.
        scheme: How the token is announced.
        viewer: Where the token's user is asked for by GraphQL; empty where ``/user`` says it.
    """

    limit: int
    page: tuple[str, int]
    scheme: str
    viewer: str = ""


GITEA = Dialect(limit=170_000, page=("limit", 50), scheme="token")
"""Gitea has no limit of its own (the column is a LONGTEXT), but nginx, as it comes, takes no request above 1 MiB:
that is 174 762 times the six bytes of an escaped Chinese character."""


def github(viewer: str) -> Dialect:
    """Return GitHub's dialect; its limit is in the message with which it refuses longer ones.

    Args:
        viewer: The address for GraphQL: ``/user`` does not answer to the token of a workflow or an app.
    """
    return Dialect(limit=65_536, page=("per_page", 100), scheme="Bearer", viewer=viewer)


class GitHub:
    """A repository on GitHub, Gitea or Forgejo and, for most questions, one of its pull requests.

    Args:
        where: The API, and the token's variable.
        dialect: Whose API it is.
        number: The pull request's; ``None`` when the job runs for none.
    """

    def __init__(self, where: Whereabouts, dialect: Dialect, number: int | None) -> None:
        self.limit = dialect.limit
        self._where = where
        self._dialect = dialect
        self._number = number
        self._session = ForgeSession(where)
        self._session.auth = TokenHeader(dialect.scheme, where.token)
        self._session.headers["Accept"] = "application/json"

    def of(self, repository: str, number: int) -> GitHub:
        """Return the same server for a pull request of any of its repositories."""
        return GitHub(self._where.of(repository), self._dialect, number)

    def request(self) -> MergeRequest:
        """Return the pull request, whatever its state."""
        data = self._ask("GET", self._of("pulls"))
        with self._where.understood("for the pull request"):
            return _request(data)

    def open_requests(self) -> list[MergeRequest]:
        """Return all open pull requests of the repository."""
        found = self._list(f"/repos/{self._where.repository}/pulls", state="open")
        with self._where.understood("for the open pull requests"):
            return [_request(each) for each in found]

    def comments(self) -> list[Comment]:
        """Return all comments on the pull request as a whole, the oldest first."""
        try:
            found = self._list(f"{self._of('issues')}/comments")
        except UnansweredError:
            # Gitea answers 500 where there is no such pull request.
            self.request()
            raise
        with self._where.understood("for the comments"):
            return [_comment(each) for each in found]

    def put(self, marker: str, body: str) -> str:
        """Write a comment, or edit the one that was written before, and return its url."""
        return place(self, marker, body)

    def user(self) -> str:
        """Return the name of the token's user."""
        viewer = self._dialect.viewer
        data = self._ask("POST", viewer, query="{viewer{login}}") if viewer else self._ask("GET", "/user")
        with self._where.understood("for the token's user"):
            return str(data["data"]["viewer"]["login"] if viewer else data["login"])

    def create(self, body: str) -> str:
        """Write a comment and return its url."""
        data = self._ask("POST", f"{self._of('issues')}/comments", body=body)
        with self._where.understood("for the new comment"):
            return _comment(data).url

    def edit(self, comment: Comment, body: str) -> str:
        """Replace a comment's text and return its url."""
        path = f"/repos/{self._where.repository}/issues/comments/{comment.id}"
        data = self._ask("PATCH", path, body=body)
        with self._where.understood("for the changed comment"):
            return _comment(data).url

    def _of(self, kind: Literal["issues", "pulls"]) -> str:
        if self._number is None:
            raise PosCloudError(
                f"this job runs for no pull request of {self._where.repository}",
                hint="run it in a workflow with on: pull_request (GITHUB_REF is refs/pull/NUMBER/… there)",
            )
        return f"/repos/{self._where.repository}/{kind}/{self._number}"

    def _ask(self, method: str, path: str, **content: str) -> Any:
        # json= escapes for ASCII. Of plain UTF-8 Gitea 1.25 breaks a character here and there.
        return self._session.request(method, self._address(path), json=content or None).json()

    def _list(self, path: str, **query: str) -> list[Any]:
        """Return what is on all pages.

        Not by counting: Gitea gives all comments of an issue on each page. The next page is the one that Link names,
        at the address that is known already, whatever the server takes itself to be called.
        """
        name, length = self._dialect.page
        found: list[Any] = []
        asked: set[str] = set()
        parameters = {**query, name: str(length)}
        while str(parameters) not in asked:
            asked.add(str(parameters))
            response = self._session.get(self._address(path), params=parameters)
            page = response.json()
            if not isinstance(page, list):
                raise self._where.strange(f"GET {path}", "JSON that is no list")
            found += page
            following = response.links.get("next", {}).get("url", "")
            parameters = dict(parse_qsl(urlsplit(following).query)) or parameters
        return found

    def _address(self, path: str) -> str:
        return path if path.startswith("http") else f"{self._where.url}{path}"


def _request(data: Mapping[str, Any]) -> MergeRequest:
    state: Literal["open", "merged", "closed"] = "open" if data["state"] == "open" else "closed"
    return MergeRequest(
        number=int(data["number"]),
        title=data["title"],
        state="merged" if data["merged_at"] else state,
        description=data["body"] or "",
        branch=data["head"]["ref"],
        url=data["html_url"],
        commit=data["head"]["sha"],
    )


def _comment(data: Mapping[str, Any]) -> Comment:
    # A user who is gone is null on GitHub.
    author = data["user"]["login"] if data["user"] else ""
    return Comment(str(data["id"]), author, data["body"] or "", data["html_url"])
