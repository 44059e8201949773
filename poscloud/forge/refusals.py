"""What a forge that does not do as it is asked is told as."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from poscloud.errors import AuthError, PosCloudError

_AGAIN = "run the job again; a comment that is there already is edited, not written twice"


class UnansweredError(PosCloudError):
    """Whether the forge did what it was asked for is not known."""


class MissingError(PosCloudError):
    """The forge has nothing at that address, for this token."""


@dataclass(frozen=True)
class Whereabouts:
    """Where a request goes to, and with what token, in words for a person.

    Attributes:
        forge: ``GitLab``, ``Gitea`` or ``GitHub``.
        url: Its address.
        variable: The environment variable that the token came from.
        scopes: What the token must be allowed to.
        repository: What the forge calls the repository by.
        check: The variables that name repository and merge request.
        token: Never shown; taken out of what the forge says.
        again: What to do when the forge may do it the next time.
    """

    forge: str
    url: str
    variable: str
    scopes: str
    repository: str
    check: str
    token: str = field(repr=False)
    again: str = _AGAIN

    def of(self, repository: str) -> Whereabouts:
        """Return the same for a repository that a person named, not CI."""
        check = f"the name {repository.rpartition(' ')[2]} and the number"
        return replace(self, repository=repository, check=check, again="run the same command again")

    def __str__(self) -> str:
        return f"{self.forge} at {self.url}"

    def refusal(self, asked: str, status: int, said: str, tries: int) -> PosCloudError:
        """Return the error for an answer with a status from 300 on.

        Args:
            asked: The request, such as ``GET /api/v4/user``.
            status: The HTTP status.
            said: What the forge gives as the reason; may be empty.
            tries: How often it was asked.
        """
        reason = f" ({said})" if said else ""
        if status == 401:
            return AuthError(
                f"{self} does not accept the token in {self.variable}{reason}",
                hint=f"it is wrong, expired or revoked: make a new one with {self.scopes}, "
                f"and put it into the CI variable {self.variable}",
            )
        if status == 403:
            return AuthError(
                f"{self} refused {asked}{reason}",
                hint=f"the token in {self.variable} needs {self.scopes}",
            )
        if status == 404:
            return MissingError(
                f"{self} found nothing for {asked}{reason}",
                hint=f"there is no such repository or merge request, or the token in {self.variable} may not see "
                f"{self.repository}: check {self.check}, and that the token's user is a member",
            )
        if status == 429:
            return PosCloudError(
                f"{self} wants fewer requests: {asked} was put off {_times(tries)}{reason}", hint=self.again
            )
        if status >= 500:
            return UnansweredError(
                f"{self} answered {asked} with {status} {_times(tries)}{reason}", hint=self.again
            )
        if status < 400:
            return PosCloudError(
                f"{self} sends {asked} on to {said or 'another address'}, and the token does not go there",
                hint=f"correct the address or the repository: {self.check}",
            )
        return PosCloudError(f"{self} refused {asked} with {status}{reason}")

    def lost(self, asked: str, reason: str) -> PosCloudError:
        """Return the error for a forge that is not reached or does not answer in time."""
        return UnansweredError(
            f"{self} did not answer {asked}: {reason}",
            hint="see whether this machine reaches it; a proxy is set by HTTPS_PROXY and NO_PROXY. Then "
            + self.again,
        )

    def untrusted(self, reason: str) -> PosCloudError:
        """Return the error for a certificate that is not trusted, or a server that speaks no TLS."""
        return PosCloudError(
            f"the TLS connection to {self} failed: {reason}",
            hint="if it has a certificate of the company's own authority: export REQUESTS_CA_BUNDLE=/path/to/ca.pem",
        )

    def strange(self, asked: str, what: str) -> PosCloudError:
        """Return the error for an answer that the forge's API does not give."""
        return UnansweredError(
            f"{self} answered {asked} with {what}",
            hint="is that the address of the forge itself, and not of a login page or a proxy?",
        )

    @contextmanager
    def understood(self, asked: str, *errors: type[Exception]) -> Iterator[None]:
        """Turn errors of reading an answer into one for a person.

        Args:
            asked: What the answer is for.
            errors: What else than a missing or wrong field can come up.
        """
        try:
            yield
        except (LookupError, TypeError, ValueError, AttributeError):
            raise self.strange(asked, "JSON that lacks what belongs there") from None
        except errors:
            raise self.strange(asked, "JSON that lacks what belongs there") from None

    def cleaned(self, text: str) -> str:
        """Return what a forge said as one short line without the token."""
        line = " ".join(text.replace(self.token, "…").split())
        return line if len(line) <= 200 else f"{line[:199]}…"


def _times(tries: int) -> str:
    return "once" if tries == 1 else f"{tries} times"
