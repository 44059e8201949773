"""What ``poscloud doctor`` looks at on a machine that is shut off, tight or set wrong. Each check takes seconds."""

from __future__ import annotations

import datetime
import http.client
import os
import shutil
import socket
import ssl
import subprocess
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from poscloud.local import golang
from poscloud.local.checks import Check
from poscloud.local.paths import ProjectPaths
from poscloud.local.toolchain import inspect_toolchain

SECONDS = 2.0
"""How long anything on the network may take to answer."""

CLOCK_SECONDS = 60.0
"""How far this machine's clock may be from the cluster's: tokens and certificates are judged by it."""

TEMPORARY_BYTES = 64 << 20
"""What the engine and the language host need for temporary files, with room."""


def machine_checks(paths: ProjectPaths, server: str) -> list[Check]:
    """Return the checks of the machine itself.

    Args:
        paths: The checkout.
        server: Address of the API server; empty when no cluster was found.
    """
    checks = [check_temporary(), check_home(paths), check_network(paths), check_proxy(server)]
    return [*checks, check_clock(server)] if server else checks


def check_temporary() -> Check:
    """There is room for temporary files; the folder is the one that every program uses, full or not."""
    folder = Path(os.environ.get("TMPDIR") or "/tmp")
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return Check("temporary files", False, f"{folder}: {error.strerror}", "export TMPDIR=FOLDER")
    found = f"{free / 2**20:.0f} MiB free in {folder}"
    if free < TEMPORARY_BYTES:
        needed = f"export TMPDIR=FOLDER   (one with {TEMPORARY_BYTES >> 20} MiB free)"
        return Check("temporary files", False, found, needed)
    writable = os.access(folder, os.W_OK)
    return Check(
        "temporary files",
        writable,
        found if writable else f"{folder} is read-only",
        "" if writable else "export TMPDIR=FOLDER",
    )


def check_home(paths: ProjectPaths) -> Check:
    """The engine can write to its home, and poscloud to its folder."""
    for folder in (paths.pulumi_home, paths.owned, paths.root):
        if folder.exists() and not os.access(folder, os.W_OK):
            fix = f"chmod u+w {folder}   (or: mount -o remount,rw, where its file system is read-only)"
            return Check("PULUMI_HOME", False, f"{folder} is not writable", fix)
    return Check("PULUMI_HOME", True, f"{paths.pulumi_home}, writable")


def check_network(paths: ProjectPaths) -> Check:
    """What is still to be fetched can be fetched; everything installed, nothing is asked of the internet."""
    missing = [report.name for report in inspect_toolchain(paths) if report.installed is None]
    if not missing:
        return Check("network", True, "not needed: everything is installed")
    go = golang.on_path() or golang.cached()
    known = os.environ.get("GOPROXY", "")
    if not known and go is not None:
        command = [str(go.program), "env", "GOPROXY"]
        known = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    sources = [word for word in known.replace("|", ",").strip().split(",") if word.startswith("http")]
    if not sources:
        return Check(
            "network", True, f"not asked: no Go proxy is set; still to be fetched: {', '.join(missing)}"
        )
    host = urlsplit(_proxy_for(sources[0]) or sources[0])
    shown = host.hostname or sources[0]
    if _answers(shown, host.port or (443 if host.scheme == "https" else 80)):
        return Check("network", True, f"{shown} answers")
    found = f"{shown} does not answer, and {', '.join(missing)} is not installed"
    return Check(
        "network",
        False,
        found,
        "poscloud toolchain install   (on a machine with a mirror: export GOPROXY=URL)",
    )


def check_proxy(server: str) -> Check:
    """A proxy that is set leads somewhere, and not between this machine and itself.

    Args:
        server: Address of the API server; empty when there is none.
    """
    proxies = {scheme: url for scheme, url in getproxies().items() if scheme in ("http", "https", "all")}
    if not proxies:
        return Check("proxy", True, "none set")
    through = _proxy_for(server) if server else ""
    shown = ", ".join(f"{scheme}: {_without_password(url)}" for scheme, url in sorted(proxies.items()))
    if not through:
        return Check("proxy", True, f"{shown}; the cluster is reached without it")
    place = urlsplit(through)
    if _answers(place.hostname or "", place.port or 80):
        return Check("proxy", True, f"{shown}; {server} is reached through it")
    host = urlsplit(server).hostname
    found = f"{_without_password(through)} does not answer, and {server} would be reached through it"
    return Check("proxy", False, found, f"export NO_PROXY={host},$NO_PROXY")


def check_clock(server: str) -> Check:
    """This machine's clock and the cluster's agree, by the date of an answer of its API server."""
    theirs = server_time(server)
    if theirs is None:
        return Check("clock of the cluster", True, "not compared: the API server does not answer")
    off = (datetime.datetime.now(datetime.UTC) - theirs).total_seconds()
    if abs(off) <= CLOCK_SECONDS:
        return Check("clock of the cluster", True, f"within {CLOCK_SECONDS:.0f} s of this machine's")
    way = "ahead of" if off > 0 else "behind"
    found = f"this machine is {abs(off) / 60:.0f} minutes {way} {server}"
    return Check("clock of the cluster", False, found, "timedatectl set-ntp true")


def server_time(server: str) -> datetime.datetime | None:
    """The time by the clock of whoever answers at an address; ``None`` when nobody does."""
    url = urlsplit(server)
    # Nothing is sent, and only the date is read: a wrong clock makes good certificates look bad.
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection(url.hostname or "", url.port, timeout=SECONDS, context=context)
    try:
        connection.request("GET", "/version")
        found = connection.getresponse().getheader("Date")
        return parsedate_to_datetime(found) if found else None
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()


def _proxy_for(url: str) -> str:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in ("localhost", "::1") or host.startswith("127.") or proxy_bypass(host):
        return ""
    return getproxies().get(parts.scheme) or getproxies().get("all", "")


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}:{parts.port or 80}"


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), SECONDS).close()
    except OSError:
        return False
    return True
