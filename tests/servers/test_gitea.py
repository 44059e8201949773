"""A merge request from its first push to its end, on a real Gitea."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from poscloud.errors import AuthError, PosCloudError
from poscloud.forge import Comment, Forge, MergeRequest, from_environment
from tests.servers.gitea import Gitea, Repository, running_gitea

pytestmark = pytest.mark.servers

MARKER = "<!-- poscloud:preview wbyh-stage -->"
PATH = "alice/pay-core"
SCOPES = "read:repository,write:issue,read:user"  # those that the documentation and the errors name


@dataclass(frozen=True)
class Shop:
    """A repository of alice, where a bot may read."""

    gitea: Gitea
    repository: Repository
    alice: str
    bot: str

    def forge(self, number: int | None, **changed: str) -> Forge:
        """Return the forge as it is found in a job of Gitea Actions."""
        environ = {
            "GITHUB_ACTIONS": "true",
            "GITEA_ACTIONS": "true",
            "GITHUB_SERVER_URL": self.gitea.url,
            "GITHUB_API_URL": f"{self.gitea.url}/api/v1",
            "GITHUB_REPOSITORY": PATH,
            "GITHUB_REF": f"refs/pull/{number}/head" if number else "refs/heads/main",
            "GITEA_TOKEN": self.bot,
        }
        found = from_environment(environ | changed)
        assert found is not None
        return found

    def opened(self, branch: str, title: str = "Two replicas", body: str = "") -> int:
        """Push a branch and open a pull request for it."""
        self.repository.git("checkout", "--quiet", "main")
        self.repository.push(branch, **{f"{branch}.yaml": "replicas: 2\n"})
        return self.open(branch, title, body)

    def open(self, branch: str, title: str, body: str = "") -> int:
        data = {"head": branch, "base": "main", "title": title, "body": body}
        return int(self.gitea.api(self.alice, "POST", f"/repos/{PATH}/pulls", **data)["number"])

    def says(self, number: int, body: str) -> int:
        """Let alice write a comment."""
        path = f"/repos/{PATH}/issues/{number}/comments"
        return int(self.gitea.api(self.alice, "POST", path, body=body)["id"])


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    home = tmp_path_factory.mktemp("gitea")
    with running_gitea(home) as gitea:
        alice = gitea.token("alice", "hers")
        repository = gitea.repository(alice, PATH, home / "clone")
        repository.push("main", **{"stack.yaml": "replicas: 1\n"})
        bot = gitea.token("bot", "job", SCOPES)
        gitea.api(alice, "PUT", f"/repos/{PATH}/collaborators/bot", permission="read")
        yield Shop(gitea, repository, alice, bot)


def refused(shop: Shop, error: type[PosCloudError], *words: str, number: int, **changed: str) -> None:
    with pytest.raises(error) as caught:
        shop.forge(number, **changed).put(MARKER, MARKER)
    text = f"{caught.value.message}\n{caught.value.hint}"
    assert [word for word in words if word not in text] == [], text


def test_a_merge_request_from_the_first_push_to_its_end(shop: Shop) -> None:
    number = shop.opened("replicas", body="More of it")
    forge = shop.forge(number)
    url = f"{shop.gitea.url}/{PATH}/pulls/{number}"
    head = shop.repository.git("rev-parse", "replicas").strip()
    request = MergeRequest(number, "Two replicas", "open", "More of it", "replicas", url, head)
    assert forge.request() == request
    assert request in forge.open_requests()

    quoted = shop.says(number, f"I quote {MARKER}")
    written = forge.put(MARKER, f"{MARKER}\n1 component changes")
    shop.repository.push("replicas", **{"replicas.yaml": "replicas: 3\n"})
    assert shop.forge(number).put(MARKER, f"{MARKER}\n2 components change, 数据不丢") == written
    acknowledged = shop.says(number, "/poscloud acknowledge mysql-data")
    bots = written.rpartition("-")[2]
    assert forge.comments() == [
        Comment(str(quoted), "alice", f"I quote {MARKER}", f"{url}#issuecomment-{quoted}"),
        Comment(bots, "bot", f"{MARKER}\n2 components change, 数据不丢", written),
        Comment(
            str(acknowledged),
            "alice",
            "/poscloud acknowledge mysql-data",
            f"{url}#issuecomment-{acknowledged}",
        ),
    ]

    shop.gitea.api(shop.alice, "PATCH", f"/repos/{PATH}/pulls/{number}", state="closed")
    assert forge.request().state == "closed"
    assert number not in [each.number for each in forge.open_requests()]
    # It can still be commented on: what became of its environment, for example.
    assert forge.put(MARKER, f"{MARKER}\nremoved") == written


def test_the_jobs_own_token_will_do(shop: Shop) -> None:
    token = shop.gitea.job_token(shop.alice, PATH)
    forge = shop.forge(shop.opened("own-token"), GITEA_TOKEN="", GITHUB_TOKEN=token)
    assert forge.put(MARKER, f"{MARKER} 1") == forge.put(MARKER, f"{MARKER} 2")
    assert [(each.author, each.body) for each in forge.comments()] == [("gitea-actions", f"{MARKER} 2")]
    assert forge.open_requests()


def test_a_merge_request_that_is_merged(shop: Shop) -> None:
    number = shop.opened("merged")
    path = f"/repos/{PATH}/pulls/{number}/merge"
    shop.gitea.api(shop.alice, "POST", path, Do="merge", delete_branch_after_merge=True)
    assert shop.forge(number).request().state == "merged"


def test_a_pull_request_of_another_repository(shop: Shop) -> None:
    other = shop.gitea.repository(shop.alice, "alice/gateway", shop.gitea.home / "gateway")
    other.push("main", **{"main.c": "1\n"})
    other.push("faster", **{"main.c": "2\n"})
    data = {"head": "faster", "base": "main", "title": "Faster"}
    number = int(shop.gitea.api(shop.alice, "POST", "/repos/alice/gateway/pulls", **data)["number"])
    here = shop.forge(None, GITEA_TOKEN=shop.alice)
    commits = []
    for text in ("3\n", "4\n"):
        other.push("faster", **{"main.c": text})
        commits.append(other.git("rev-parse", "faster").strip())
        found = here.of("alice/gateway", number).request()
        assert (found.state, found.branch, found.commit) == ("open", "faster", commits[-1])
    assert commits[0] != commits[1]
    # Neither the bot, which is no member there, nor the job's own token may see it.
    own = shop.gitea.job_token(shop.alice, PATH)
    for forge in (shop.forge(None), shop.forge(None, GITEA_TOKEN="", GITHUB_TOKEN=own)):
        with pytest.raises(
            PosCloudError, match=r"found nothing for GET /api/v1/repos/alice/gateway/"
        ) as caught:
            forge.of("alice/gateway", number).request()
        assert "may not see alice/gateway: check the name alice/gateway and the number" in caught.value.hint


def test_more_than_a_page_of_comments_and_of_merge_requests(shop: Shop) -> None:
    branches = [f"many-{n}" for n in range(7)]  # the server gives five to a page
    shop.repository.git("checkout", "--quiet", "main")
    for branch in branches:
        shop.repository.git("checkout", "--quiet", "--orphan", branch, "main")
        shop.repository.git("commit", "--quiet", "--allow-empty", "--message", branch)
    shop.repository.publish(*branches)
    numbers = {shop.open(branch, branch) for branch in branches}
    assert numbers <= {each.number for each in shop.forge(None).open_requests()}
    number = min(numbers)
    bodies = [f"word {n}" for n in range(55)]
    for body in bodies:
        shop.says(number, body)
    forge = shop.forge(number)
    forge.put(MARKER, f"{MARKER} 1")
    forge.put(MARKER, f"{MARKER} 2")
    assert [each.body for each in forge.comments()] == [*bodies, f"{MARKER} 2"]


def test_the_longest_comment_goes_through(shop: Shop) -> None:
    forge = shop.forge(shop.opened("long"))
    body = MARKER + "改" * (forge.limit - len(MARKER))
    forge.put(MARKER, body)
    # Not by ==, whose explanation would take minutes.
    (stored,) = forge.comments()
    assert (len(stored.body), stored.body.count("改")) == (len(body), body.count("改"))


def test_what_is_wrong_is_told(shop: Shop) -> None:
    number = shop.opened("wrong")
    refused(shop, AuthError, "does not accept the token in GITEA_TOKEN", number=number, GITEA_TOKEN="f" * 40)
    missing = (
        "found nothing for GET /api/v1/repos/alice/nothing/",
        "may not see alice/nothing",
        "GITHUB_REPOSITORY",
    )
    refused(shop, PosCloudError, *missing, number=number, GITHUB_REPOSITORY="alice/nothing")
    refused(shop, PosCloudError, "found nothing for", number=9999)
    stranger = shop.gitea.token("mallory", "job", SCOPES)
    refused(shop, PosCloudError, f"may not see {PATH}", number=number, GITEA_TOKEN=stranger)
    for lacks in ("read:user", "write:issue", "read:repository"):
        scopes = ",".join(scope for scope in SCOPES.split(",") if scope != lacks) + ",read:misc"
        token = shop.gitea.token("bot", f"without {lacks}", scopes.replace("write:issue", "read:issue"))
        forge = shop.forge(number, GITEA_TOKEN=token)
        with pytest.raises(AuthError, match="refused") as caught:
            forge.request()
            forge.put(MARKER, MARKER)
        assert lacks in caught.value.hint
    assert shop.forge(number).comments() == []
