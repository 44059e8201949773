"""What poscloud asks of a forge; the words are GitLab's, for pull requests too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True)
class MergeRequest:
    """A merge request; Gitea and GitHub call it pull request.

    Attributes:
        number: Its number in the repository (GitLab: ``iid``).
        title: One line.
        state: A request that GitLab is merging just now (``locked``) is still open.
        description: Markdown; empty when there is none.
        branch: The branch that is to be merged.
        url: Its page.
        commit: The newest commit of that branch, 40 hexadecimal digits; empty when there is none.
    """

    number: int
    title: str
    state: Literal["open", "merged", "closed"]
    description: str
    branch: str
    url: str
    commit: str = ""


@dataclass(frozen=True)
class Comment:
    """A comment that somebody wrote below a merge request.

    Attributes:
        id: The forge's own.
        author: The user's name, as one logs in.
        body: Markdown.
        url: Its place on the page of the merge request.
    """

    id: str
    author: str
    body: str
    url: str = ""


class Forge(Protocol):
    """A repository on a forge, and the merge request that a job runs for.

    All methods raise:
        AuthError: The forge does not know the token, or its scopes do not do.
        PosCloudError: The forge cannot be reached, has no such repository or merge request, answers with an error
            after several tries, or with something that is not its API. A job that runs for no merge request can
            ask for :meth:`open_requests` only.
    """

    limit: int
    """How many characters a comment may have."""

    def of(self, repository: str, number: int) -> Forge:
        """Return the same forge for a merge request of any of its repositories, with the same token.

        Args:
            repository: The path, ``pay/core``.
            number: The merge request's.
        """
        ...

    def request(self) -> MergeRequest:
        """Return the merge request, whatever its state."""
        ...

    def open_requests(self) -> list[MergeRequest]:
        """Return all open merge requests of the repository."""
        ...

    def comments(self) -> list[Comment]:
        """Return all comments below the merge request, the oldest first; not what the forge itself notes there."""
        ...

    def put(self, marker: str, body: str) -> str:
        """Write a comment, or edit the one that was written before, and return its url.

        The comment to edit is the oldest one with ``marker`` that the token's own user wrote. The body goes out as
        it is: a line that begins with ``/`` or a name behind ``@`` means to the forge what it always means.

        Args:
            marker: Tells the comment from others: a hidden HTML comment, which ``body`` contains.
            body: Markdown, at most ``limit`` characters.

        Raises:
            ValueError: The body is too long or lacks the marker.
        """
        ...
