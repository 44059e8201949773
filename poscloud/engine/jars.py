"""Whether the jars that an environment fetches are there: the one thing about a description that only a store knows.

Each address is asked for with HEAD, all at once and within a few seconds. That a store says a version is not there is
a finding; that it says nothing (unreachable from here, password wanted) is a note, because the pods may well reach it.
"""

from __future__ import annotations

import base64
import netrc
import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from poscloud.errors import PosCloudError
from poscloud.spec import EnvironmentSpec, JarSource, JavaServiceSpec
from poscloud.spec.nextversion import next_spec
from poscloud.spec.references import Finding, Path

SECONDS = 5.0
"""Longest time that asking may take, however many jars there are and however slow their stores."""

AT_ONCE = 16
"""Addresses asked for at the same time."""

MISSING = frozenset({404, 410})
CHECKSUM = ".sha256"


@dataclass(frozen=True)
class Wanted:
    """A file that a pod would fetch.

    Attributes:
        url: Its address.
        path: The place in the environment to change if it is not there.
        message: What is wrong then.
    """

    url: str
    path: Path
    message: str

    @property
    def store(self) -> str:
        """Where it is asked for."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"


def check_jars(spec: EnvironmentSpec, seconds: float = SECONDS) -> tuple[list[Finding], list[str]]:
    """Ask for every jar, and for its checksum where that is fetched too.

    Args:
        spec: The environment.
        seconds: Longest time for all of them.

    Returns:
        What is not there; and for each store what it could not be asked, as notes to show.
    """
    wanted = list(dict.fromkeys(_wanted(spec)))
    answers = _ask_all(wanted, seconds)
    missing = {w.url for w, answer in answers.items() if answer in MISSING}
    findings = [
        Finding(
            w.path,
            "unknown-version",
            w.message,
            "give a version that is in the store; --offline does not ask",
        )
        for w in wanted
        if w.url in missing and w.url.removesuffix(CHECKSUM) not in missing - {w.url}
    ]
    return findings, _notes(wanted, answers)


def _wanted(spec: EnvironmentSpec) -> Iterator[Wanted]:
    for name, service in spec.services.items():
        if not isinstance(service, JavaServiceSpec):
            continue
        path: Path = ("services", name)
        if service.jar:
            yield from _files(spec.name, name, service.version, service.jar, path)
        following = next_spec(service)
        if isinstance(following, JavaServiceSpec) and following.jar:
            yield from _files(spec.name, name, following.version, following.jar, (*path, "release", "next"))


def _files(environment: str, name: str, version: str, jar: JarSource, path: Path) -> Iterator[Wanted]:
    url = jar.address(environment, name, version)
    place = path if path[-1] == "next" else (*path, "version")
    yield Wanted(url, place, f"version '{version}' of {name} does not exist: there is no {url}")
    if not jar.sha256:
        where = path if path[-1] == "next" else (*path, "jar")
        yield Wanted(
            f"{url}{CHECKSUM}", where, f"{url} has no checksum: give jar.sha256, or put it at {url}{CHECKSUM}"
        )


def _ask_all(wanted: list[Wanted], seconds: float) -> dict[Wanted, int | str]:
    """Return the HTTP status of each, or why there is none; what has not answered in time is left out."""
    waiting: queue.SimpleQueue[Wanted] = queue.SimpleQueue()
    answered: queue.SimpleQueue[tuple[Wanted, int | str]] = queue.SimpleQueue()
    for each in wanted:
        waiting.put(each)

    def work() -> None:
        while True:
            try:
                each = waiting.get_nowait()
            except queue.Empty:
                return
            answered.put((each, _ask(each.url, seconds)))

    deadline = time.monotonic() + seconds
    answers: dict[Wanted, int | str] = {}
    for _ in range(min(AT_ONCE, len(wanted))):
        # Not a pool: its threads would be waited for at the end, and looking a name up cannot be stopped.
        threading.Thread(target=work, daemon=True).start()
    while len(answers) < len(wanted):
        try:
            each, answer = answered.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            break
        answers[each] = answer
    return answers


def is_there(url: str, seconds: float = SECONDS) -> bool:
    """Whether a store has a file."""
    return _ask(url, seconds) == 200


def fetched(url: str, longest: int, seconds: float = SECONDS) -> bytes:
    """Return a file of a store.

    Args:
        url: Its address.
        longest: Bytes that are read of it at most.
        seconds: Longest time until it answers.

    Raises:
        PosCloudError: The store does not have it, or does not give it.
    """
    try:
        with urlopen(_request(url, "GET"), timeout=seconds) as answer:
            return bytes(answer.read(longest))
    except HTTPError as error:
        reason = f"HTTP {error.code}"
    except (HTTPException, URLError, OSError, ValueError) as error:
        reason = str(getattr(error, "reason", error))
    raise PosCloudError(f"{url} could not be read: {reason}", hint="give a version")


def _request(url: str, method: str) -> Request:
    request = Request(url, method=method)
    if login := _login(urlsplit(url).hostname or ""):
        # Not sent on to where the store redirects to.
        request.add_unredirected_header("Authorization", f"Basic {login}")
    return request


def _ask(url: str, seconds: float) -> int | str:
    try:
        with urlopen(_request(url, "HEAD"), timeout=seconds) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code
    except HTTPException as error:  # it speaks something else
        return f"no answer of HTTP ({type(error).__name__})"
    except (URLError, OSError, ValueError) as error:
        return str(getattr(error, "reason", error))


def _login(host: str) -> str:
    """Return what ~/.netrc has for ``host``, encoded; the Secret that the pods use is not read here."""
    try:
        found = netrc.netrc().authenticators(host)
    except (OSError, netrc.NetrcParseError):
        return ""
    return base64.b64encode(f"{found[0]}:{found[2]}".encode()).decode() if found else ""


def _notes(wanted: list[Wanted], answers: dict[Wanted, int | str]) -> list[str]:
    silent: dict[str, list[int | str]] = {}
    for each in wanted:
        answer = answers.get(each, "no answer in time")
        if answer not in MISSING and not (isinstance(answer, int) and answer < 400):
            silent.setdefault(each.store, []).append(answer)
    notes = []
    for store, reasons in silent.items():
        reason = reasons[0]
        if reason in {401, 403}:
            reason = f"HTTP {reason}: it wants a password, which is taken from ~/.netrc"
        elif isinstance(reason, int):
            reason = f"HTTP {reason}"
        count = len(reasons)
        notes.append(f"{store} could not be asked for {count} file{'s' if count > 1 else ''}: {reason}")
    return notes
