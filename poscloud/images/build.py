"""Build in order, independent images at the same time; remember what was built, and push it."""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from graphlib import TopologicalSorter
from pathlib import Path

from poscloud.errors import DeployError, PosCloudError
from poscloud.images.builder import Builder, run
from poscloud.images.context import write_context
from poscloud.images.plan import Planned

Report = Callable[[str], None]
_TAIL = 15
"""Lines of a failed build's log that are shown."""


def build(
    images: Sequence[Planned],
    builder: Builder,
    logs: Path,
    jobs: int,
    report: Report,
    built: Callable[[Planned], None] = lambda _: None,
) -> None:
    """Build images, each after those it needs.

    Args:
        images: What to build.
        builder: The program that builds.
        logs: Folder; each image gets a file.
        jobs: How many at a time.
        report: Told what begins and ends.
        built: Given each image when it is there, one after the other.

    Raises:
        DeployError: Some could not be built; what does not need them was.
    """
    logs.mkdir(parents=True, exist_ok=True)
    by_name = {image.name: image for image in images}
    sorter = TopologicalSorter({name: image.after for name, image in by_name.items()})
    sorter.prepare()
    folders: defaultdict[Path, threading.Lock] = defaultdict(threading.Lock)
    running: dict[Future[str], str] = {}
    failed: dict[str, str] = {}
    with ThreadPoolExecutor(max_workers=max(1, jobs)) as pool:
        while sorter.is_active():
            for name in sorted(sorter.get_ready()):
                image = by_name[name]
                running[pool.submit(_build_one, image, builder, logs, folders[image.folder], report)] = name
            if not running:
                break  # everything left needs something that failed
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                name = running.pop(future)
                if problem := future.result():
                    failed[name] = problem
                else:
                    built(by_name[name])
                    sorter.done(name)
    if failed:
        raise DeployError("\n".join(f"image '{name}' was not built: {why}" for name, why in failed.items()))


def _build_one(image: Planned, builder: Builder, logs: Path, folder: threading.Lock, report: Report) -> str:
    """Build one image and return what went wrong; empty when nothing did."""
    log = logs / f"{image.name}.log"
    log.write_bytes(b"")
    report(f"{image.reference} ...")
    with folder:  # two images of a project are made from the same files
        if image.spec.before and not run(list(image.spec.before), log, image.folder):
            return _story(f"`{' '.join(image.spec.before)}` failed", log)
        with tempfile.TemporaryDirectory(prefix="poscloud-image-") as context:
            try:
                write_context(image, Path(context))
            except PosCloudError as error:
                return f"{error.message}\n  {error.hint}"
            labels = {"org.opencontainers.image.version": image.tag}
            if not builder.build(Path(context), image.reference, labels, log):
                return _story(f"{builder.name} failed", log)
    report(f"{image.reference} done")
    return ""


def _story(what: str, log: Path) -> str:
    tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL:]
    return f"{what}, log: {log}\n" + "\n".join(f"    {line}" for line in tail)


def push(references: Iterable[str], builder: Builder, logs: Path, report: Report) -> None:
    """Push images, in the given order, to the registries in their names.

    Raises:
        DeployError: One could not be pushed; those before it were.
    """
    logs.mkdir(parents=True, exist_ok=True)
    log = logs / "push.log"
    log.write_bytes(b"")
    for reference in references:
        if not builder.push(reference, log):
            story = _story(f"{builder.name} push failed", log)
            hint = f"{builder.name} login {reference.split('/', 1)[0]}"
            raise DeployError(f"{reference} was not pushed: {story}", hint=f"no access? run: {hint}")
        report(f"{reference} pushed")


def remember(file: Path, images: Iterable[Planned]) -> None:
    """Write down what was built, for a push later: name → reference, in the order of building."""
    file.parent.mkdir(parents=True, exist_ok=True)
    built = remembered(file)
    for image in images:
        built.pop(image.name, None)
        built[image.name] = image.reference
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    draft.write_text(json.dumps(built, indent=2) + "\n", encoding="utf-8")
    os.replace(draft, file)


def remembered(file: Path) -> dict[str, str]:
    """Return what was built: name → reference.

    Raises:
        PosCloudError: The file is damaged.
    """
    if not file.is_file():
        return {}
    try:
        built = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:  # no JSON, or no text
        built = None
    if not isinstance(built, dict) or not all(isinstance(reference, str) for reference in built.values()):
        raise PosCloudError(
            f"{file}, which says what was built, is damaged", hint="remove it, and build again"
        )
    return built
