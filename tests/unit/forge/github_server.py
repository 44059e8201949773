"""GitHub's API as far as pull requests and their comments go, by its documentation."""

from __future__ import annotations

from typing import Any

from tests.unit.forge.server import TOKEN, Answer, ApiServer, Request

REPOSITORY = "pay/core"
BOT = "github-actions[bot]"


class GitHubServer(ApiServer):
    """One repository with pull requests, where the comments are those of number 3; and others, by name."""

    def __init__(self) -> None:
        super().__init__()
        self.comments: list[dict[str, Any]] = []
        self.pulls = {3: self.pull(3)}
        self.others: dict[str, dict[int, dict[str, Any]]] = {}

    def pull(self, number: int, **changed: Any) -> dict[str, Any]:
        """Return a pull request as the API shows it."""
        return {
            "number": number,
            "title": f"Change {number}",
            "state": "open",
            "merged_at": None,
            "body": None,
            "head": {"ref": f"change-{number}", "sha": f"{number:040x}"},
            "html_url": f"https://github.example.com/{REPOSITORY}/pull/{number}",
        } | changed

    def comment(self, body: str, author: str | None = "alice") -> dict[str, Any]:
        """Add a comment and return it as the API shows it."""
        number = 71 + len(self.comments)
        url = f"https://github.example.com/{REPOSITORY}/pull/3#issuecomment-{number}"
        added = {"id": number, "body": body, "user": author and {"login": author}, "html_url": url}
        self.comments.append(added)
        return added

    def answer(self, request: Request) -> Answer:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return Answer(401, {"message": "Bad credentials", "status": "401"})
        if request.path == "/graphql":
            return Answer(200, {"data": {"viewer": {"login": BOT}}})
        if request.path == "/user":  # a workflow's token stands for no user
            return Answer(403, {"message": "Resource not accessible by integration", "status": "403"})
        for name, pulls in self.others.items():
            for number, pull in pulls.items():
                if request.path == f"/repos/{name}/pulls/{number}":
                    return Answer(200, pull)
        path = request.path.removeprefix(f"/repos/{REPOSITORY}")
        if path == "/pulls":
            return self.page([each for each in self.pulls.values() if each["state"] == "open"], request)
        mine = next((each for number, each in self.pulls.items() if path == f"/pulls/{number}"), None)
        return Answer(200, mine) if mine else self.of_comments(path, request)

    def of_comments(self, path: str, request: Request) -> Answer:
        if path == "/issues/3/comments":
            if request.method == "GET":
                return self.page(self.comments, request)
            return Answer(201, self.comment(request.data["body"], BOT))
        for comment in self.comments:
            if path == f"/issues/comments/{comment['id']}" and comment["user"]["login"] == BOT:
                comment["body"] = request.data["body"]
                return Answer(200, comment)
        return Answer(404, {"message": "Not Found", "status": "404"})

    def page(self, items: list[Any], request: Request) -> Answer:
        found, following = self.paged(items, request, "per_page", 100)
        query = "&".join(f"{k}={v}" for k, v in {**request.query, "page": following}.items())
        link = f'<{self.url}{request.path}?{query}>; rel="next", <{self.url}/last>; rel="last"'
        return Answer(200, found, {"Link": link} if following else {})
