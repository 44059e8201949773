"""The images of an environment on the local cluster's real nodes: each is known and made before anything starts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from poscloud.engine.description import Description
from poscloud.errors import InputError
from poscloud.load.problems import from_findings
from poscloud.local.paths import ProjectPaths
from poscloud.local.progress import Reporter
from poscloud.local.record import ClusterRecord
from poscloud.render.check_images import place_of_image
from poscloud.render.check_pods import pod_specs
from poscloud.render.environment import RenderedPart
from poscloud.spec import EnvironmentSpec
from poscloud.spec.references import Finding

CODE = "image-not-local"


HINT = (
    "say in cluster-images.toml what each stands for (docs/real-nodes.md), see: poscloud cluster images; or take "
    "simulated nodes: poscloud cluster down --delete, poscloud cluster up --nodes kwok"
)


def prepare_images(root: Path, described: Description, reporter: Reporter) -> None:
    """Make the images that an environment's pods run, where the local cluster has real nodes.

    Args:
        root: The project's folder.
        described: The environment.
        reporter: Told what is being made.

    Raises:
        InputError: The table knows no image for a reference, or it is by digest; says where it is written, for all.
        DeployError: What goes into an image cannot be had.
    """
    if not _made_here(root):
        return
    from poscloud.local.nodeimages import ensure_images  # only here: it takes a while to load
    from poscloud.local.nodeimages.project import names
    from poscloud.local.nodeimages.table import image_for

    if unknown := image_findings(root, described):
        raise InputError(from_findings(unknown, described.node), hint=HINT)
    known = names(root)
    used = _used(described.spec, described.parts)
    wanted = dict.fromkeys(filter(None, (image_for(reference, known) for reference in used)))
    ensure_images(reporter, ["pause", *wanted], root=root)


def image_findings(root: Path, described: Description) -> list[Finding]:
    """Return what the local cluster's real nodes cannot run of an environment; nothing where nodes are simulated.

    Raises:
        InputError: The project describes its own images wrongly.
    """
    if not _made_here(root):
        return []
    from poscloud.local.nodeimages.project import names
    from poscloud.local.nodeimages.table import by_tag, image_for

    known = names(root)
    found = []
    for reference, finding in _used(described.spec, described.parts).items():
        if tagged := by_tag(reference):
            message = f"{finding.message}: what is made here has a digest of its own"
            hint = f"for the local cluster name it by its tag: {tagged}"
            found.append(replace(finding, message=message, hint=hint))
        elif image_for(reference, known) is None:
            found.append(finding)
    return found


def _made_here(root: Path) -> bool:
    """Whether the local cluster runs images that are made here."""
    record = ClusterRecord.load(ProjectPaths(root).cluster / "cluster.json")
    if not record.nodes.startswith("real"):
        return False
    from poscloud.local.realnodes.images import given

    return not given()


def _used(spec: EnvironmentSpec, parts: Iterable[RenderedPart]) -> dict[str, Finding]:
    """Return the references of all containers, each with what is to be said if it stands for nothing."""
    found: dict[str, Finding] = {}
    for part in parts:
        for item, pod in pod_specs(part.manifests):
            for container in (*pod.get("initContainers", []), *pod["containers"]):
                image = container["image"]
                if image in found:
                    continue
                here = ("backing" if part.name in spec.backing else "services", part.name)
                where = place_of_image(spec, spec.part(part.name), container, here)
                message = (
                    f"container '{container['name']}' of {item['kind']} '{item['metadata']['name']}': real nodes have "
                    f"no image for '{image}'"
                )
                found[image] = Finding(where, CODE, message)
    return found
