"""Whether the images of an environment are in their registries, for the processors of the nodes that may run them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from poscloud.cluster.preflight.filters import selects
from poscloud.cluster.preflight.nodes import Node
from poscloud.cluster.registry.client import Found, UnaskedError, look_up
from poscloud.cluster.registry.reference import parse
from poscloud.render.check_images import place_of_image
from poscloud.render.check_pods import pod_specs
from poscloud.render.environment import RenderedPart
from poscloud.render.manifest import Manifest
from poscloud.spec import EnvironmentSpec
from poscloud.spec.references import Finding, Path

MISSING, ARCHITECTURE = "image-missing", "image-architecture"

AT_ONCE = 16
"""Images asked for at the same time."""


@dataclass
class Used:
    """One image of the environment.

    Attributes:
        image: Its name.
        path: Where the description says so, the first time.
        owner: The container that it is for.
        processors: Those of the nodes that may run it → names of such nodes; empty where that is not known.
    """

    image: str
    path: Path
    owner: str
    processors: dict[str, list[str]] = field(default_factory=dict)


def check_registry(
    spec: EnvironmentSpec, parts: Iterable[RenderedPart], nodes: list[Node]
) -> tuple[list[Finding], list[str]]:
    """Ask for every image, each once.

    Args:
        spec: The environment.
        parts: It, rendered.
        nodes: The cluster's; none: whether an image is there at all is asked, and what its own pods say.

    Returns:
        What is not there, or not for a node; and for each registry what it could not be asked, as notes.
    """
    used = list(_used(spec, parts, nodes).values())
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(_ask, used))
    findings: list[Finding] = []
    silent: dict[str, list[str]] = {}
    for each, answer in zip(used, answers, strict=True):
        if isinstance(answer, str):
            silent.setdefault(parse(each.image).host, []).append(answer)
        else:
            findings += _judged(each, answer)
    notes = [
        f"registry {host} could not be asked for {len(why)} image{'s' if len(why) > 1 else ''}: {why[0]}"
        for host, why in silent.items()
    ]
    return findings, notes


def _ask(used: Used) -> Found | str:
    try:
        return look_up(parse(used.image), frozenset(used.processors))
    except UnaskedError as error:
        return str(error)


def _judged(used: Used, found: Found) -> Iterator[Finding]:
    reference = parse(used.image)
    if not found.there:
        message = f"{used.owner}: image '{used.image}' is not in its registry ({reference.host})"
        yield Finding(used.path, MISSING, message, "push it, or name one that is there")
        return
    for processor, nodes in sorted(used.processors.items()):
        on = f"node{'s' if len(nodes) > 1 else ''} {', '.join(nodes[:3])}{', …' if len(nodes) > 3 else ''}"
        if found.architectures and processor not in found.architectures:
            made = ", ".join(sorted(found.architectures))
            message = (
                f"{used.owner}: image '{used.image}' is made for {made}, but {on} may run it: {processor}"
            )
            yield Finding(used.path, ARCHITECTURE, message, _hint(processor))
        elif processor in found.missing:
            message = (
                f"{used.owner}: the index of image '{used.image}' names a manifest for {processor} that its registry "
                f"({reference.host}) does not have, and {on} may run it"
            )
            yield Finding(used.path, ARCHITECTURE, message, "push the image again, with all its manifests")


def _hint(processor: str) -> str:
    return f"build it for {processor}, or choose other nodes by pool or node_selector"


def _used(spec: EnvironmentSpec, parts: Iterable[RenderedPart], nodes: list[Node]) -> dict[str, Used]:
    """Return the images by name, each with the processors that it has to be made for."""
    found: dict[str, Used] = {}
    for part in parts:
        for item, pod in pod_specs(part.manifests):
            for container in (*pod.get("initContainers", []), *pod["containers"]):
                here: Path = ("backing" if part.name in spec.backing else "services", part.name)
                if container["image"] not in found:
                    path = place_of_image(spec, spec.part(part.name), container, here)
                    owner = f"container '{container['name']}' of {item['kind']} '{item['metadata']['name']}'"
                    found[container["image"]] = Used(container["image"], path, owner)
                for processor, node in _processors(pod, nodes):
                    names = found[container["image"]].processors.setdefault(processor, [])
                    names += [node] if node and node not in names else []
    return found


def _processors(pod: Manifest, nodes: list[Node]) -> Iterator[tuple[str, str]]:
    """Yield the processor and name of each node that may run a pod."""
    for node in nodes:
        if node.architecture and selects(node, pod):
            yield node.architecture, node.name
