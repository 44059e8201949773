"""Which source an import was asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from poscloud.engine.providerinputs import provider_inputs
from poscloud.engine.pulumi import Pulumi
from poscloud.engine.stackconfig import project_name
from poscloud.errors import PosCloudError
from poscloud.imports.applist import read_app_list
from poscloud.imports.importing import Choices, Imported, imported
from poscloud.imports.reading import environment_name, read_files


@dataclass(frozen=True)
class Wanted:
    """What a person asked for.

    Attributes:
        files: Files and folders of manifests.
        stack: The environment's name.
        namespace: A live namespace instead; with files, the one that they are live in.
        context: Context of the kubeconfig that it is in.
        app_list: ``ENV_app_list.conf`` of the old scripts; the file is then their ``ENV-base.yml``.
        extends: Bases that the description is to have, relative to the folder of the stacks.
        force: Whether a description that is there may be replaced.
    """

    files: tuple[Path, ...] = ()
    stack: str | None = None
    namespace: str | None = None
    context: str | None = None
    app_list: Path | None = None
    extends: tuple[str, ...] = ()
    force: bool = False


def bring(root: Path, wanted: Wanted) -> Imported:
    """Return the description of what was asked for.

    Raises:
        PosCloudError: Not just one source was given, or it cannot be imported.
    """
    if not (wanted.files or wanted.namespace):
        raise PosCloudError(
            "give a source: files (or - for standard input), or --namespace",
            hint="run: poscloud import --help",
        )
    if name := wanted.stack or wanted.namespace:
        environment_name(name)
    choices = Choices(extends=wanted.extends, force=wanted.force)
    if wanted.context and not wanted.namespace:
        raise PosCloudError(
            "--context says where a namespace is live, and no --namespace is given",
            hint="run: poscloud import --help",
        )
    if wanted.namespace and not wanted.app_list:
        return _taken_over(root, wanted, choices)
    if wanted.app_list:
        if len(wanted.files) != 1 or wanted.namespace:
            raise PosCloudError(
                "--app-list goes with one file, ENV-base.yml, without --namespace",
                hint="run: poscloud import --help",
            )
        source, backing = read_app_list(wanted.files[0], wanted.app_list, wanted.stack)
        origin = f"{wanted.files[0].name} and {wanted.app_list.name}"
        return imported(source, root, origin, replace(choices, more=tuple(backing)))
    source = read_files(wanted.files, wanted.stack)
    return imported(source, root, ", ".join(f.name or "-" for f in wanted.files), choices)


def _taken_over(root: Path, wanted: Wanted, choices: Choices) -> Imported:
    """Return the description of a live namespace, with the file that ``pulumi import`` takes it over by."""
    from poscloud.imports.live import read_namespace
    from poscloud.imports.takeover import takeover

    namespace = wanted.namespace or ""
    live = read_namespace(root, namespace, wanted.context, wanted.stack)
    source, origin = live.source, f"namespace {namespace}"
    if wanted.files:
        source = read_files(wanted.files, wanted.stack or namespace)
        origin = ", ".join([*(f.name or "-" for f in wanted.files), origin])
    result = imported(source, root, origin, replace(choices, adopt=True))
    inputs = provider_inputs(live.target, Pulumi(root).environment)
    found = takeover(result.spec, live.source.objects, project_name(root), inputs, wanted.context or "")
    return replace(result, takeover=found, beside={**result.beside, root / found.file: found.text})
