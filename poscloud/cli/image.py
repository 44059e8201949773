"""``poscloud image``: Dockerfiles, builds in order, pushes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from poscloud.cli import _output
from poscloud.cli._options import Stack, root

if TYPE_CHECKING:
    from poscloud.images.plan import Planned

app = typer.Typer(help="Images of a project's services, as images.yaml describes them.", no_args_is_help=True)

Names = Annotated[list[str] | None, typer.Argument(help="Images; left out, all of the file.")]
File = Annotated[
    Path | None, typer.Option("--file", "-f", help="Instead of images.yaml in the project's folder.")
]
Tag = Annotated[str | None, typer.Option("--tag", help="Tag of all; left out, date, time and revision.")]
Dirty = Annotated[
    bool, typer.Option("--dirty", help="Build changed working copies too, marked -dirty in the tag.")
]
BuilderName = Annotated[
    str | None, typer.Option("--builder", help="buildah or docker; left out, the first one found.")
]
SetVersion = Annotated[
    bool,
    typer.Option(
        "--set-version", help="Write the versions into the stack's file (as `next` during a release)."
    ),
]


@app.callback()
def group() -> None:
    """Images of a project's services, as images.yaml describes them."""


@app.command("render")
def render(
    stack: Stack,
    names: Names = None,
    file: File = None,
    tag: Tag = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write DIR/NAME, ready to be built.")
    ] = None,
) -> None:
    """Print the Dockerfiles, or write folders that any builder can build; builds nothing.

    Example: poscloud image render -s wbyh-stage dac-task
    """
    from poscloud.images.context import write_context

    for image in _planned(stack, names, file, tag, dirty=True):
        if out is None:
            _output.say(f"# {image.reference}\n{image.recipe.dockerfile}")
        else:
            write_context(image, out / image.name)
            _output.tell(f"{out / image.name}: {image.reference}")


@app.command("build")
def build(
    stack: Stack,
    names: Names = None,
    file: File = None,
    tag: Tag = None,
    dirty: Dirty = False,
    builder: BuilderName = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="How many at a time.")] = 2,
    push: Annotated[bool, typer.Option("--push", help="Push what was built.")] = False,
    set_version: SetVersion = False,
) -> None:
    """Build images after those they are built on and need, and print the versions for the stack.

    Example: poscloud image build -s wbyh-stage dac-task --push --set-version
    """
    from poscloud.images import build as work
    from poscloud.images.builder import find_builder

    program, images = find_builder(builder), _planned(stack, names, file, tag, dirty=dirty)
    record = _record(stack)
    work.remembered(record)  # should it be damaged, better before than after
    work.build(images, program, _logs(), jobs, _output.tell, lambda image: work.remember(record, [image]))
    if push:
        work.push([image.reference for image in images], program, _logs(), _output.tell)
    _versions(stack, {image.name: image.reference for image in images}, write=set_version)


@app.command("push")
def push(
    stack: Stack, names: Names = None, builder: BuilderName = None, set_version: SetVersion = False
) -> None:
    """Push what was built last, all or some, to the registry of the environment.

    Log in with the builder first (buildah login, docker login).

    Example: poscloud image push -s wbyh-stage dac-task --set-version
    """
    from poscloud.errors import PosCloudError
    from poscloud.images import build as work
    from poscloud.images.builder import find_builder
    from poscloud.spec.references import nearest

    built = work.remembered(_record(stack))
    for name in names or ():
        if name not in built:
            raise PosCloudError(f"'{name}' was not built for {stack}", hint=nearest(name, built))
    chosen = {name: reference for name, reference in built.items() if not names or name in names}
    if not chosen:
        raise PosCloudError(f"nothing was built for {stack}", hint=f"run: poscloud image build -s {stack}")
    work.push(chosen.values(), find_builder(builder), _logs(), _output.tell)
    _versions(stack, chosen, write=set_version)


def _planned(
    stack: str, names: list[str] | None, file: Path | None, tag: str | None, *, dirty: bool
) -> list[Planned]:
    from datetime import UTC, datetime

    from poscloud.images import revision
    from poscloud.images.plan import plan
    from poscloud.load import load_environment
    from poscloud.load.images import IMAGES_FILE, load_images

    project, now = root(), datetime.now(UTC)
    file = file or project / IMAGES_FILE
    return plan(
        load_images(file, project),
        load_environment(project, stack),
        names or (),
        file.parent,
        lambda folder: tag or revision.tag(revision.revision(folder, dirty=dirty), now),
    )


def _logs() -> Path:
    return root() / ".poscloud" / "logs" / "images"


def _record(stack: str) -> Path:
    return root() / ".poscloud" / "images" / f"{stack}.json"


def _versions(stack: str, references: dict[str, str], *, write: bool) -> None:
    """Print what to put into the stack, or put it there."""
    from poscloud.engine.releases import set_version
    from poscloud.load import load_environment

    services = load_environment(root(), stack).services
    for name, reference in references.items():
        version = reference.rsplit(":", 1)[1]
        if name not in services:
            _output.say(f"{name}: {reference}")
        elif write:
            edit = set_version(root(), stack, name, version)
            _output.say("\n".join(f"{edit.file}: {line}" for line in edit.lines))
        else:
            _output.say(f"{name}: {{version: {version}}}")
