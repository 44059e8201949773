"""GitLab's API as far as merge requests and their notes go, by its documentation."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

from tests.unit.forge.server import TOKEN, Answer, ApiServer, Request

LIMIT = 1_000_000
PROJECT = "34"


class GitLabServer(ApiServer):
    """One project with merge requests, where the notes are those of number 12; and others, by path."""

    def __init__(self) -> None:
        super().__init__()
        self.users = {TOKEN: "project_34_bot", "reads-only": "project_34_reader"}
        self.notes: list[dict[str, Any]] = []
        self.merge_requests = {12: self.merge_request(12)}
        self.others: dict[str, dict[int, dict[str, Any]]] = {}

    def merge_request(self, iid: int, state: str = "opened") -> dict[str, Any]:
        """Return a merge request as the API shows it."""
        return {
            "id": 9000 + iid,
            "iid": iid,
            "title": f"Change {iid}",
            "state": state,
            "description": None,
            "source_branch": f"change-{iid}",
            "sha": f"{iid:040x}",
            "web_url": f"https://gitlab.example.com/pay/core/-/merge_requests/{iid}",
        }

    def note(self, body: str, author: str = "alice", system: bool = False) -> dict[str, Any]:
        """Add a note and return it as the API shows it."""
        user = {"id": sum(author.encode()), "username": author, "name": author.title()}
        # GitLab's ids are those of all notes of a server.
        added = {"id": 301 + 7 * len(self.notes), "body": body, "author": user, "system": system}
        self.notes.append(added)
        return added

    def answer(self, request: Request) -> Answer:
        user = self.users.get(request.headers.get("PRIVATE-TOKEN", ""))
        path = request.path.removeprefix("/api/v4")
        if user is None:
            return Answer(401, {"message": "401 Unauthorized"})
        if request.method != "GET" and user.endswith("_reader"):
            said = "The request requires higher privileges than provided by the access token."
            return Answer(403, {"error": "insufficient_scope", "error_description": said, "scope": "api"})
        if path == "/user":
            return Answer(200, {"id": sum(user.encode()), "username": user})
        asked = re.fullmatch(r"/projects/([^/]+)/merge_requests(?:/(\d+))?(?:/(.+))?", path)
        projects = {PROJECT: self.merge_requests, **self.others}
        if not asked or (requests := projects.get(unquote(asked[1]))) is None:
            return Answer(404, {"message": "404 Project Not Found"})
        if not asked[2]:
            wanted = request.query.get("state", "all")
            found = [each for each in requests.values() if wanted in ("all", each["state"])]
            return self.page(found, request)
        if int(asked[2]) not in requests:
            return Answer(404, {"message": "404 Not found"})
        return self.of_notes(asked[3], request, user) if asked[3] else Answer(200, requests[int(asked[2])])

    def of_notes(self, path: str, request: Request, user: str) -> Answer:
        if request.method == "GET":
            newest = request.query.get("sort", "desc") == "desc"
            return self.page(self.notes[::-1] if newest else self.notes, request)
        body = request.data["body"]
        if len(body) > LIMIT:
            said = f'Note {{:note=>["is too long (maximum is {LIMIT} characters)"]}}'
            return Answer(400, {"message": f"400 Bad request - {said}"})
        if request.method == "POST":
            return Answer(201, self.note(body, user))
        found = re.fullmatch(r"notes/(\d+)", path)
        note = next((each for each in self.notes if found and each["id"] == int(found[1])), None)
        if note is None:
            return Answer(404, {"message": "404 Note Not Found"})
        if note["author"]["username"] != user:
            return Answer(403, {"message": "403 Forbidden"})
        note["body"] = body
        return Answer(200, note)

    def page(self, items: list[Any], request: Request) -> Answer:
        found, following = self.paged(items, request, "per_page", 100)
        page = request.query.get("page", "1")
        headers = {"X-Page": page, "X-Next-Page": str(following or ""), "X-Total": str(len(items))}
        if following:
            # By the name that the server was given, which is not always the one it is reached by.
            query = "&".join(f"{k}={v}" for k, v in {**request.query, "page": following}.items())
            headers["Link"] = f'<https://gitlab.example.com{request.path}?{query}>; rel="next"'
        return Answer(200, found, headers)
