"""The API server over HTTP/1.1: kept-alive connections, bounded in number, retried where that is safe."""

from __future__ import annotations

import asyncio
import json
import ssl
from asyncio import sslproto
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from contextvars import ContextVar
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import h11

from poscloud.errors import AuthError, DeployError, PosCloudError
from poscloud.provider.config import Access
from poscloud.provider.connection import ANSWER_TIMEOUT, LONGEST_EVENT, Connection, body_of, head_of
from poscloud.provider.credentials import Credentials
from poscloud.provider.expiry import rejection
from poscloud.provider.permission import permission_hint
from poscloud.provider.proxy import proxy_of
from poscloud.provider.shape import NotUnderstoodError, answered, parse

IN_FLIGHT = 32
FIRST_CONNECTION = 9.0
LOST_CONNECTION = 60.0
TOO_SLOW = 504  # a server that gave up on a request itself took half a minute for it; it works its queue off
OVERLOADED = 300.0
# asyncio sets 256 KiB aside for each TLS connection; with one watch for each waiting object that adds up.
sslproto.SSLProtocol.max_size = 32 * 1024
# Longest time in seconds between two tries that a server may ask for.
MOST_PATIENCE = 30.0
QUIET = 10.0  # seconds of retrying before a person is told
SETTLING = 30.0  # how long a server that was away may not know yet what it has to allow
WEBHOOK_TRIES = 3  # how often a webhook that does not answer is asked in all

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"

Object = dict[str, Any]
Query = Mapping[str, str]
MayWrite = Callable[[str], None]
Reader = Callable[[Connection], Awaitable[bytes]]

# Shows one line of progress; hears of each refusal, and may raise it instead of a retry. Every call sets its own.
progress: ContextVar[Callable[[str], None]] = ContextVar("progress", default=lambda _: None)
refused: ContextVar[Callable[[ApiError], None]] = ContextVar("refused", default=lambda _: None)


class ApiError(PosCloudError):
    """The API server said no.

    Attributes:
        status: HTTP status.
        reason: Kubernetes' own word, for example ``AlreadyExists``.
        causes: Field by field what was wrong.
    """

    def __init__(self, status: int, body: bytes, retry_after: str = "") -> None:
        answer = _map(_json(body))
        self.status, self.reason = status, str(answer.get("reason", ""))
        details = _map(answer.get("details"))
        causes = details.get("causes")
        self.causes: list[Object] = (
            [c for c in causes if isinstance(c, dict)] if isinstance(causes, list) else []
        )
        self.retry_after = _seconds(retry_after or details.get("retryAfterSeconds"))
        text = body.decode(errors="replace").strip()[:500]
        message = str(answer.get("message") or text or f"HTTP {status}")
        super().__init__(message, hint=permission_hint(message) if status == 403 else "")

    @property
    def is_transient(self) -> bool:
        """Whether the same request may succeed in a moment."""
        etcd = self.status == 500 and ("etcdserver" in self.message or "leader changed" in self.message)
        quota = self.status == 409 and "resourcequotas" in self.message and self.reason == "Conflict"
        # A new namespace has its service account only a moment later.
        account = self.status == 403 and 'serviceaccount "default" not found' in self.message
        return self.status in (429, 502, 503, 504) or etcd or quota or account or self.webhook_is_silent

    @property
    def webhook_is_silent(self) -> bool:
        """Whether an admission webhook did not answer; the server has waited for it already."""
        return self.status == 500 and "failed calling webhook" in self.message


def _json(body: bytes) -> Any:
    with suppress(ValueError, RecursionError):
        return json.loads(body)
    return None


def _map(value: Any) -> Object:
    return value if isinstance(value, dict) else {}


def _seconds(given: Any) -> float:
    """Return how long to wait before asking again, as the server asks for it, within reason; 0 if it does not."""
    with suppress(ValueError, TypeError, OverflowError):
        seconds = float(given)
        return min(seconds, MOST_PATIENCE) if seconds > 0 else 0.0
    return 0.0


class UnreachableError(DeployError):
    """No answer from the API server."""


class StoppedError(PosCloudError):
    """The engine asked to stop, or is gone."""


class Clock:
    """Time, and the wish to stop. Tests replace it."""

    def __init__(self) -> None:
        self.stopped = asyncio.Event()

    def now(self) -> float:
        """Seconds since some moment."""
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        """Wait, unless asked to stop.

        Raises:
            StoppedError: The engine asked to stop.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.stopped.wait()
        self.check()

    def check(self) -> None:
        """Raise if the engine asked to stop."""
        if self.stopped.is_set():
            raise StoppedError("stopped: the deployment was cancelled")


class Client:
    """Requests to one API server.

    ``given_up`` is the error every further request fails with, once the server is known to be out of reach; the
    request that finds it out says why. ``notice`` is told once, in one line, that the server keeps everybody waiting.

    Args:
        access: Which server, as whom.
        clock: Time.
        may_write: Called with method and path before each request that changes something; raises when there must
            be no more.
    """

    def __init__(
        self, access: Access, clock: Clock | None = None, may_write: MayWrite = lambda _: None
    ) -> None:
        self.access, self.clock, self.may_write = access, clock or Clock(), may_write
        self.credentials = Credentials(access)
        self._idle: list[Connection] = []
        self._slots = asyncio.Semaphore(IN_FLIGHT)
        self._tls: ssl.SSLContext | None = None
        self._has_answered, self._noticed, self._lost = False, float("-inf"), float("-inf")
        self.given_up: PosCloudError | None = None
        self.notice: Callable[[str], None] = lambda _: None
        url = urlsplit(access.server)
        self._host, self._prefix = url.hostname or "", url.path
        self._port = url.port or (443 if url.scheme == "https" else 80)

    async def request(
        self,
        method: str,
        path: str,
        query: Query | None = None,
        body: Any = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> Object:
        """Send one request and return the decoded answer.

        Raises:
            ApiError: The server refused, or took too long for a POST, which it may carry out all the same.
            AuthError: It does not know us.
            UnreachableError: There was no answer for too long.
        """
        answer = await self._answer(method, path, query, body, content_type, accept)
        return _object(answer, f"{method} {path}")

    async def text(self, path: str, query: Query) -> str:
        """Return an answer that is no JSON, as a container's log; errors as in ``request``."""
        return (await self._answer("GET", path, query, None, "", "*/*")).decode(errors="replace")

    async def pour(self, path: str, query: Query, reader: Reader) -> None:
        """Have an answer read as it comes, again from its start after a lost connection; errors as in ``request``."""
        await self._answer("GET", path, query, None, "", "*/*", reader)

    async def _answer(
        self, method: str, path: str, query: Query | None, body: Any, content_type: str, accept: str,
        reader: Reader = body_of,
    ) -> bytes:  # fmt: skip
        """Send one request and return the answer; errors as in ``request``."""
        data = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
        target, headers = self._target(path, query), {"Content-Type": content_type, "Accept": accept}
        started, delay, asked_again, silent = self.clock.now(), 0.2, False, 0
        makes = method == "POST" and "dryRun" not in (query or {})
        while True:
            if self.given_up:
                raise self.given_up
            try:
                async with self._slots, self._open(method, target, headers, data) as (response, connection):
                    answer = await (reader if response.status_code < 300 else body_of)(connection)
            except (OSError, TimeoutError, EOFError, h11.RemoteProtocolError) as error:
                await self._endure(error, started, delay)
            except (h11.LocalProtocolError, UnicodeError, ValueError) as error:
                raise self._unsendable(error) from None
            else:
                self._has_answered = True
                if response.status_code < 400:
                    return self._result(response.status_code, answer, f"{method} {path}")
                retry_after = dict(response.headers).get(b"retry-after", b"").decode("latin-1")
                refusal = ApiError(response.status_code, answer, retry_after)
                refused.get()(refusal)
                if refusal.status == 401:
                    self._reject(refusal, asked_again)
                    asked_again = True
                    continue
                silent += refusal.webhook_is_silent
                settling = refusal.status == 403 and self.clock.now() - self._lost < SETTLING
                patience = OVERLOADED if refusal.status == TOO_SLOW else LOST_CONNECTION
                if (
                    not (refusal.is_transient or settling)
                    or (refusal.status == TOO_SLOW and makes)  # it may be made all the same
                    or self.clock.now() - started > patience
                    or silent == WEBHOOK_TRIES
                ):
                    raise refusal
                self._tell(started, f"API server is busy (HTTP {refusal.status}), retrying")
                delay = max(delay, refusal.retry_after or 0)
                await self.clock.sleep(delay)
            delay = min(delay * 2, 2.0)

    async def stream(self, path: str, query: Query) -> AsyncGenerator[bytes, None]:
        """The parts of an answer as they come, however long that takes, until the server ends it."""
        headers = {"Accept": "application/json, */*"}
        async with self._open("GET", self._target(path, query), headers, b"") as (response, connection):
            if response.status_code >= 300:
                raise ApiError(response.status_code, await body_of(connection))
            while part := await connection.data():
                yield part

    async def watch(self, path: str, query: Query) -> AsyncIterator[Object]:
        """The events of a watch, until the server ends it."""
        rest = b""
        async with aclosing(self.stream(path, {**query, "watch": "true"})) as parts:
            async for part in parts:
                *lines, rest = (rest + part).split(b"\n")
                for line in lines:
                    if line.strip():
                        yield answered_event(_object(line, f"the watch of {path}"))
                if len(rest) > LONGEST_EVENT:
                    raise NotUnderstoodError(
                        f"an event of a watch has more than {LONGEST_EVENT} bytes: {path}"
                    )

    def _result(self, status: int, answer: bytes, what: str) -> bytes:
        if status >= 300:  # followed, a POST would become a GET
            raise NotUnderstoodError(
                f"{self.access.server} answered {what} with HTTP {status}, which leads elsewhere",
                hint=f"is there a proxy or a login page at that address? ({self.access.where})",
            )
        return answer

    def _unsendable(self, error: Exception) -> PosCloudError:
        """Return the error for a request that cannot be written, because of the kubeconfig's address or credentials."""
        where = f"{self.access.server!r} ({self.access.where})"
        message = f"no request can be made to {where}: {type(error).__name__}"
        return PosCloudError(message, hint="look at server, token, username and password there")

    def _target(self, path: str, query: Query | None) -> str:
        return self._prefix + quote(path) + (f"?{urlencode(query)}" if query else "")

    @asynccontextmanager
    async def _open(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> AsyncIterator[tuple[h11.Response, Connection]]:
        host = f"[{self._host}]" if ":" in self._host else self._host
        sent = {
            "Host": f"{host}:{self._port}",
            "User-Agent": "poscloud",
            **headers,
            **await self.credentials.headers(),
        }
        connection = self._idle.pop() if self._idle else await self._connect()
        try:
            if method != "GET":  # asked last: waiting for a slot and connecting may have taken long
                self.may_write(f"{method} {target.partition('?')[0]}")
            await connection.send(method, target, sent, body)
            # Not wait_for: on Python 3.11 it swallows a cancellation that comes together with the answer.
            async with asyncio.timeout(ANSWER_TIMEOUT):
                response = await head_of(connection)
            yield response, connection
        finally:
            if connection.recycle():
                self._idle.append(connection)
            else:
                connection.close()

    async def _connect(self) -> Connection:
        tls = self._tls = self._tls or await self.credentials.tls()
        name, proxy = (
            self.access.cluster.get("tls-server-name") or self._host,
            urlsplit(proxy_of(self.access)),
        )
        host, port = (proxy.hostname, proxy.port or 80) if proxy.hostname else (self._host, self._port)
        async with asyncio.timeout(FIRST_CONNECTION):
            if not proxy.hostname:
                secure = {"ssl": tls, "server_hostname": name} if tls else {}
                return Connection(*await asyncio.open_connection(host, port, **secure))  # type: ignore[arg-type]
            reader, writer = await asyncio.open_connection(host, port)
            if tls:
                writer.write(
                    f"CONNECT {self._host}:{self._port} HTTP/1.1\r\nHost: {self._host}\r\n\r\n".encode()
                )
                status = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0].decode()
                if status.split()[1] != "200":
                    raise ConnectionRefusedError(f"proxy {host}:{port} answered {status}")
                await writer.start_tls(tls, server_hostname=name)
            return Connection(reader, writer)

    async def _endure(self, error: BaseException, started: float, delay: float) -> None:
        """Wait a moment after a lost connection, or give up for good."""
        if self.given_up:
            raise self.given_up
        self._lost = self.clock.now()
        while self._idle:
            self._idle.pop().close()
        patience = LOST_CONNECTION if self._has_answered else FIRST_CONNECTION
        fatal = isinstance(error, ssl.SSLCertVerificationError)
        if fatal or self.clock.now() - started > patience:
            self.given_up = UnreachableError("not done: the API server is out of reach (see the first error)")
            raise UnreachableError(
                f"cannot reach {self.access.server}: {_cause(error)} ({self.access.where})",
                hint="is the cluster running, and is this the context you mean?",
            )
        self._tell(started, "API server not answering, retrying")
        await self.clock.sleep(delay)

    def _reject(self, refusal: ApiError, asked_again: bool) -> None:
        if self.given_up:
            raise self.given_up
        if asked_again or not self.credentials.can_refresh:
            self.given_up = AuthError("not done: the credentials do not hold (see the first error)")
            raise AuthError(
                rejection(self.access, refusal.message),
                hint="log in to the cluster again, or choose another context",
            )
        self.credentials.forget()
        self._tls = None

    def _tell(self, started: float, text: str) -> None:
        passed = self.clock.now() - started
        if passed >= QUIET:
            told = f"{text} ({passed:.0f} s)"
            progress.get()(told)
            if self.clock.now() - self._noticed > LOST_CONNECTION:  # once for all requests that wait now
                self._noticed = self.clock.now()
                self.notice(told)


def _object(data: bytes, what: str) -> Object:
    found = parse(data, what) if data else {}
    if not isinstance(found, dict):
        raise NotUnderstoodError(f"the API server's answer to {what} is no map")
    return found


def answered_event(event: Object) -> Object:
    """Return an event of a watch, once it is one: its type, and the object.

    Raises:
        NotUnderstoodError: It is none.
    """
    if not isinstance(event.get("type"), str):
        raise NotUnderstoodError("an event of a watch has no type")
    if event["type"] == "ERROR":  # its object is a Status, whose field of that name is a word
        return event
    return {**event, "object": answered(event.get("object"), "a watch")}


def _cause(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(error) or type(error).__name__
