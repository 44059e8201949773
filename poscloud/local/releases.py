"""Downloading the official releases, checked against the checksums published with them."""

from __future__ import annotations

import hashlib
import json
import tarfile
import threading
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from poscloud.errors import DeployError
from poscloud.local.cache import claim
from poscloud.local.nodes import architecture
from poscloud.local.parts import CONTROL_PLANE, Part, system
from poscloud.local.paths import cache_root
from poscloud.local.progress import Reporter
from poscloud.local.versions import pinned

CONNECT_TIMEOUT = 4.0
# Name resolution has no timeout of its own: where packets are dropped it alone may take half a minute.
PROBE_DEADLINE = 6.0
CHUNK = 1 << 20


@dataclass(frozen=True)
class Download:
    """One file of a release.

    Attributes:
        url: The file.
        checksum: Where its SHA-256 is published: a ``.sha256`` file, or a release's description on GitHub.
        programs: The programs in it; in an archive, those names in any folder of it.
        archive: Whether it is a tar archive; otherwise the file itself is the one program.
    """

    url: str
    checksum: str
    programs: tuple[str, ...]
    archive: bool

    @property
    def name(self) -> str:
        """The file's name."""
        return self.url.rpartition("/")[2]


def _github(repository: str, tag: str, file: str, programs: tuple[str, ...]) -> Download:
    return Download(
        url=f"https://github.com/{repository}/releases/download/{tag}/{file}",
        checksum=f"https://api.github.com/repos/{repository}/releases/tags/{tag}",
        programs=programs,
        archive=file.endswith(".tar.gz"),
    )


def downloads(part: Part) -> tuple[Download, ...]:
    """The files of a part's release; none where no release for this machine is published."""
    os_name, arch = system(), architecture()
    if part.name == "pulumi":
        machine = {"amd64": "x64"}.get(arch, arch)
        file = f"pulumi-v{part.version}-{os_name}-{machine}.tar.gz"
        return (_github("pulumi/pulumi", f"v{part.version}", file, part.programs),)
    if part.name == "kwok":
        return (_github("kubernetes-sigs/kwok", f"v{part.version}", f"kwok-{os_name}-{arch}", ("kwok",)),)
    if os_name != "linux":
        return ()
    etcd = f"v{pinned('etcd')}"
    base = f"https://dl.k8s.io/v{part.version}/bin/{os_name}/{arch}"
    return (
        _github("etcd-io/etcd", etcd, f"etcd-{etcd}-{os_name}-{arch}.tar.gz", ("etcd",)),
        *(
            Download(f"{base}/{program}", f"{base}/{program}.sha256", (program,), archive=False)
            for program in CONTROL_PLANE
            if program != "etcd"
        ),
    )


def location(part: Part) -> Path:
    """Where the release is unpacked."""
    name = f"{part.name}-{part.version}-release-{system()}-{architecture()}"
    return cache_root() / "toolchain" / name


def unreachable(parts: Sequence[Part]) -> dict[str, str]:
    """Why a part's release cannot be had from here, by part; asks all servers at once, within seconds."""
    reasons: dict[str, str] = {}
    threads = []

    def ask(part: Part) -> None:
        try:
            for url in {download.checksum for download in downloads(part)}:
                _read(url)
            reasons[part.name] = ""
        except (OSError, ValueError) as error:
            reasons[part.name] = str(error)

    for part in parts:
        if not downloads(part):
            reasons[part.name] = f"no release is published for {system()}/{architecture()}"
            continue
        reasons[part.name] = f"no answer within {PROBE_DEADLINE:.0f} s"
        thread = threading.Thread(target=ask, args=(part,), daemon=True)
        thread.start()
        threads.append(thread)
    deadline = threading.Event()
    timer = threading.Timer(PROBE_DEADLINE, deadline.set)
    timer.daemon = True
    timer.start()
    for thread in threads:
        while thread.is_alive() and not deadline.is_set():
            thread.join(0.05)
    timer.cancel()
    # A copy: a late answer must not change what was decided on.
    return {name: reason for name, reason in dict(reasons).items() if reason}


def install(part: Part, reporter: Reporter) -> Path:
    """Download a part's release into the cache, unless it is there.

    Raises:
        DeployError: A file cannot be had, or is not what its publisher says.
    """
    entry = location(part)
    if entry.is_dir():
        return entry
    with reporter.step(f"downloading {part.name} {part.version}"), claim(entry, reporter) as folder:
        if folder is not None:
            for download in downloads(part):
                _fetch(download, folder, reporter)
            missing = [program for program in part.programs if not (folder / program).exists()]
            if missing:
                raise DeployError(f"the release of {part.name} {part.version} lacks {', '.join(missing)}")
    return entry


def _read(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=CONNECT_TIMEOUT) as answer:  # https only, see downloads()
        return bytes(answer.read(4 << 20))


def _published_checksum(download: Download) -> str:
    content = _read(download.checksum)
    if download.checksum.endswith(".sha256"):
        return content.decode().split()[0].lower()
    for asset in json.loads(content).get("assets", []):
        if asset.get("name") == download.name:
            return str(asset.get("digest") or "").removeprefix("sha256:").lower()
    return ""


def _fetch(download: Download, folder: Path, reporter: Reporter) -> None:
    target = folder / f".{download.name}"
    digest = hashlib.sha256()
    try:
        expected = _published_checksum(download)
        with urllib.request.urlopen(download.url, timeout=30) as answer, target.open("wb") as file:
            total, received = int(answer.headers.get("Content-Length") or 0), 0
            while chunk := answer.read(CHUNK):
                file.write(chunk)
                digest.update(chunk)
                received += len(chunk)
                of = f" of {total >> 20}" if total else ""
                reporter.update(f"{download.name}: {received >> 20}{of} MiB")
    except (OSError, ValueError) as error:
        raise DeployError(f"{download.url}: {error}") from error
    if not expected or digest.hexdigest() != expected:
        raise DeployError(
            f"{download.url} is not what its publisher says: SHA-256 {digest.hexdigest()}, "
            f"expected {expected or 'one, but none is published'} ({download.checksum})"
        )
    if download.archive:
        _unpack(target, folder, download.programs)
        target.unlink()
    else:
        target.rename(folder / download.programs[0])
    for program in download.programs:
        (folder / program).chmod(0o755)


def _unpack(archive: Path, folder: Path, programs: Sequence[str]) -> None:
    """Take the named programs out of the archive, whatever folder they are in; nothing else is written."""
    with tarfile.open(archive) as opened:
        for member in opened:
            name = member.name.rpartition("/")[2]
            source = opened.extractfile(member) if member.isfile() and name in programs else None
            if source is not None:
                with source, (folder / name).open("wb") as file:
                    while chunk := source.read(CHUNK):
                        file.write(chunk)
    missing = [program for program in programs if not (folder / program).exists()]
    if missing:
        raise DeployError(f"{archive.name} lacks {', '.join(missing)}")
