"""GitLab, through python-gitlab."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import gitlab
from gitlab.exceptions import GitlabError
from gitlab.v4.objects import ProjectMergeRequest

from poscloud.errors import PosCloudError
from poscloud.forge.interface import Comment, MergeRequest
from poscloud.forge.posting import place
from poscloud.forge.refusals import Whereabouts
from poscloud.forge.transport import ForgeSession

_STATES: Mapping[str, Literal["open", "merged", "closed"]] = {
    "opened": "open",
    "locked": "open",
    "merged": "merged",
    "closed": "closed",
}


class GitLab:
    """A project on GitLab and, for most questions, one of its merge requests.

    Args:
        where: The server, and the token's variable.
        project: The project's number or path.
        number: The merge request's ``iid``; ``None`` when the job runs for none.
        authority: File with the certificates to trust instead of the usual ones.
    """

    limit = 1_000_000
    """GitLab's application limits, "Size of comments and descriptions"."""

    def __init__(
        self, where: Whereabouts, project: str, number: int | None, authority: str | None = None
    ) -> None:
        self._where = where
        self._number = number
        self._authority = authority
        self._api = gitlab.Gitlab(
            where.url,
            private_token=where.token,
            ssl_verify=authority or True,
            session=ForgeSession(where),
            keep_base_url=True,
            per_page=100,
        )
        self._project = self._api.projects.get(project, lazy=True)

    def of(self, repository: str, number: int) -> GitLab:
        """Return the same server for a merge request of any of its projects."""
        return GitLab(self._where.of(f"project {repository}"), repository, number, self._authority)

    def request(self) -> MergeRequest:
        """Return the merge request, whatever its state."""
        with self._where.understood("for the merge request", GitlabError):
            return _request(self._project.mergerequests.get(self._iid).attributes)

    def open_requests(self) -> list[MergeRequest]:
        """Return all open merge requests of the project."""
        with self._where.understood("for the open merge requests", GitlabError):
            found = self._project.mergerequests.list(iterator=True, state="opened")
            return [_request(each.attributes) for each in found]

    def comments(self) -> list[Comment]:
        """Return all notes of users, the oldest first."""
        with self._where.understood("for the notes", GitlabError):
            found = self._lazy.notes.list(iterator=True, order_by="created_at", sort="asc")
            return [_comment(each.attributes) for each in found if not each.attributes.get("system")]

    def put(self, marker: str, body: str) -> str:
        """Write a note, or edit the one that was written before, and return its url."""
        anchor = place(self, marker, body)
        return f"{self.request().url}{anchor}"

    def user(self) -> str:
        """Return the name of the token's user; of a project's token, that of its bot."""
        with self._where.understood("for the token's user", GitlabError):
            user = self._api.http_get("/user")
            return str(user["username"]) if isinstance(user, dict) else str(user.json()["username"])

    def create(self, body: str) -> str:
        """Write a note and return its place on the page."""
        with self._where.understood("for the new note", GitlabError):
            return _comment(self._lazy.notes.create({"body": body}).attributes).url

    def edit(self, comment: Comment, body: str) -> str:
        """Replace a note's text and return its place on the page."""
        with self._where.understood("for the changed note", GitlabError):
            self._lazy.notes.update(comment.id, {"body": body})
            return comment.url

    @property
    def _lazy(self) -> ProjectMergeRequest:
        return self._project.mergerequests.get(self._iid, lazy=True)

    @property
    def _iid(self) -> int:
        if self._number is None:
            raise PosCloudError(
                f"this job runs for no merge request of {self._where.repository}",
                hint="run it in a merge request pipeline: rules with "
                '$CI_PIPELINE_SOURCE == "merge_request_event" (CI_MERGE_REQUEST_IID is set there)',
            )
        return self._number


def _request(data: Mapping[str, Any]) -> MergeRequest:
    return MergeRequest(
        number=int(data["iid"]),
        title=data["title"],
        state=_STATES[data["state"]],
        description=data["description"] or "",
        branch=data["source_branch"],
        url=data["web_url"],
        commit=data["sha"] or "",
    )


def _comment(data: Mapping[str, Any]) -> Comment:
    # GitLab gives a note no url; its page has this anchor for it.
    return Comment(str(data["id"]), data["author"]["username"], data["body"], f"#note_{data['id']}")
