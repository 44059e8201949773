"""HTTP to a forge: bounded in time, repeated where that does no harm, every failure told in words."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from requests.exceptions import ChunkedEncodingError, ProxyError, RequestException, SSLError
from urllib3.util import Retry

from poscloud.forge.refusals import Whereabouts

ANSWER_SECONDS = 30.0
"""Longest silence of a forge."""

REPEATS = 4
"""How often a request is repeated."""

LONGEST_WAIT = 60
"""Longest wait before a repeat, in seconds, whatever the forge asks for in Retry-After."""

BACKOFF_SECONDS = 0.5
"""Without Retry-After the waits are none, twice this, four times this, …"""

_LIMITED = frozenset({403, 429, 503})  # 403 with Retry-After: GitHub's secondary limits


class Patience(Retry):
    """Which requests are repeated.

    Reads and edits: at 429, 5xx and a lost connection. A POST writes something new: only when it certainly was not
    carried out.
    """

    RETRY_AFTER_STATUS_CODES = _LIMITED

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        """Whether an answer is reason enough to ask again."""
        if method == "POST":
            return status_code == 429 or (status_code == 403 and has_retry_after)
        return super().is_retry(method, status_code, has_retry_after)


class ForgeSession(requests.Session):
    """A session with one forge; no other address gets a request, and with it the token.

    Args:
        where: The forge; its ``url`` begins every request's.
    """

    def __init__(self, where: Whereabouts) -> None:
        super().__init__()
        self.where = where
        self.adapters.clear()
        origin = urlsplit(where.url)
        patience = Patience(
            total=REPEATS,
            other=0,
            redirect=False,
            allowed_methods={"GET", "PUT", "PATCH"},
            status_forcelist={429, 500, 502, 503, 504},
            backoff_factor=BACKOFF_SECONDS,
            backoff_max=LONGEST_WAIT,
            retry_after_max=LONGEST_WAIT,
            raise_on_status=False,
        )
        self.mount(f"{origin.scheme}://{origin.netloc}/", HTTPAdapter(max_retries=patience))

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send a request and return the answer, which is a good one and JSON.

        Raises:
            AuthError: 401 or 403.
            MissingError: 404.
            UnansweredError: 5xx, no answer, or one that is no JSON: the request may have been carried out.
            PosCloudError: Any other failure.
        """
        kwargs |= {"timeout": ANSWER_SECONDS, "allow_redirects": False}
        asked = f"{request.method} {urlsplit(request.url or '').path}"
        try:
            response = self._read(request, kwargs)
        except SSLError as error:
            raise self.where.untrusted(self.where.cleaned(_reason(error))) from None
        except RequestException as error:
            way = "through the proxy: " if isinstance(error, ProxyError) else ""
            raise self.where.lost(asked, way + self.where.cleaned(_reason(error))) from None
        except OSError as error:  # the file with the certificates to trust
            raise self.where.untrusted(self.where.cleaned(str(error))) from None
        if not 200 <= response.status_code < 300:
            history = getattr(response.raw, "retries", None)
            tries = 1 + len(history.history if history else ())
            said = response.headers.get("Location", "") if response.status_code < 400 else _said(response)
            raise self.where.refusal(asked, _status(response), self.where.cleaned(said), tries)
        try:
            response.json()
        except ValueError:
            kind = response.headers.get("Content-Type", "nothing")
            raise self.where.strange(asked, f"{self.where.cleaned(kind)} instead of JSON") from None
        return response

    def _read(self, request: requests.PreparedRequest, options: dict[str, Any]) -> requests.Response:
        try:
            return super().send(request, **options)
        except ChunkedEncodingError:
            # urllib3 repeats nothing once an answer has begun.
            if request.method == "POST":
                raise
            return super().send(request, **options)


class TokenHeader(AuthBase):
    """Sends a token; as ``auth``, and not as a header, so that no .netrc takes its place.

    Args:
        scheme: ``Bearer`` or ``token``.
        token: The token.
    """

    def __init__(self, scheme: str, token: str) -> None:
        self._value = f"{scheme} {token}"

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        """Return the request with the token."""
        r.headers["Authorization"] = self._value
        return r


def _status(response: requests.Response) -> int:
    """Return the status, with GitHub's 403 for too many requests told from its 403 for too few permissions."""
    limited = "Retry-After" in response.headers or response.headers.get("X-RateLimit-Remaining") == "0"
    return 429 if response.status_code == 403 and limited else response.status_code


def _said(response: requests.Response) -> str:
    """Return the reason that a forge gives, which is at different places."""
    try:
        data = response.json()
    except ValueError:
        return response.reason or ""
    if not isinstance(data, dict):
        return response.reason or ""
    found = [data.get(key) for key in ("message", "error", "error_description")]
    return ", ".join(str(each) for each in found if each) or response.reason or ""


def _reason(error: BaseException) -> str:
    """Return the innermost of the errors that requests and urllib3 put around each other, as text."""
    while True:
        inner = getattr(error, "reason", None) or next(
            (part for part in error.args if isinstance(part, BaseException)), None
        )
        if not isinstance(inner, BaseException):
            break
        error = inner
    # urllib3 begins with the object's own name: HTTPConnection(host='…', port=…): …
    return str(error).rpartition("): ")[2] or type(error).__name__
