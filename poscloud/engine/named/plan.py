"""Which objects a run for some services is about: pure, from the description and the engine's state."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from poscloud.components.choice import Choice, key
from poscloud.engine.named.stated import ENVIRONMENT, Made, Stated
from poscloud.errors import DeployError
from poscloud.render import Manifest, RenderedPart
from poscloud.render.secrets import used
from poscloud.spec import EnvironmentSpec


@dataclass(frozen=True)
class Plan:
    """What the engine is asked to do.

    Attributes:
        targets: URNs it may touch; empty: everything that is declared.
        choice: What is declared.
        services: The services that it is about, those that were not named last.
        needed: Those of them that were not named, and are needed and not there.
        gone: Objects that will be gone.
        waiting: Objects of other services that had waited for one of them; they stay as they are.
    """

    targets: tuple[str, ...]
    choice: Choice
    services: tuple[str, ...]
    needed: tuple[str, ...] = ()
    gone: tuple[Made, ...] = ()
    waiting: tuple[Made, ...] = ()


class Planner:
    """Makes plans for one environment.

    Args:
        spec: Its description.
        parts: The same, rendered: the environment's own objects first.
        found: What the state has.
        project: The Pulumi project.
        classes: Kind in the language → name of its component class.
    """

    def __init__(
        self,
        spec: EnvironmentSpec,
        parts: Sequence[RenderedPart],
        found: Stated,
        project: str,
        classes: dict[str, str],
    ) -> None:
        self._spec, self._found = spec, found
        self._base = parts[0].manifests
        self._parts = {part.name: part for part in parts[1:]}
        self._made = {each.key: each for each in found.objects}
        self._components = {each.urn: each.component for each in found.objects}
        self._there = found.parts()
        self._prefix = f"urn:pulumi:{spec.name}::{project}::{ENVIRONMENT}"
        self._classes = classes

    def apply(self, named: Sequence[str]) -> Plan:
        """Return the plan that makes services as they are described, with what they need and is not there.

        What their pods read of the environment's own objects, and the Ingress that leads to them, belong to it.

        Raises:
            DeployError: What else would change cannot be told.
        """
        needed = self._needed(named)
        services = (*named, *needed)
        left_out = frozenset(self._parts.keys() - self._there.keys() - set(services))
        if not self._found.components:
            return Plan((), Choice(left_out), services, needed)
        manifests = [m for name in services for m in self._parts[name].manifests]
        targets = [urn for name in services for urn in self._urns(name)]
        targets += [self._urn(m) for m in self._base if _belongs(m, services, manifests)]
        read = {f"Secret/{secret}" for m in manifests for secret in used(m)}
        targets += [each.urn for each in self._found.objects if each.key in read]
        gone = [made for name in services for made in self._leftover(name)]
        waiting = self._waiting(gone, targets)
        targets += [each.urn for each in (*gone, *waiting)]
        self._refuse_lost(targets)
        described = {self._urn(m): key(m) for m in self._base}
        described |= {
            self._urn(m, name): key(m) for name, part in self._parts.items() for m in part.manifests
        }
        new = {k for urn, k in described.items() if k not in self._made and urn not in targets}
        choice = Choice(left_out, frozenset(new), frozenset(each.key for each in waiting))
        return Plan(_once(targets), choice, services, needed, tuple(gone), tuple(waiting))

    def delete(self, named: Sequence[str]) -> Plan:
        """Return the plan that removes services and nothing else.

        Raises:
            DeployError: Something waited for one of them and is described no longer: it would be removed as well.
        """
        gone = [made for name in named for made in self._found.of(self._there[name])]
        targets = [self._there[name] for name in named] + [each.urn for each in gone]
        waiting = self._waiting(gone, targets)
        targets += [each.urn for each in waiting]
        self._refuse_lost(targets)
        left_out = (self._parts.keys() - self._there.keys()) | set(named)
        described = [m for part in self._parts.values() for m in part.manifests] + self._base
        new = {key(m) for m in described} - self._made.keys()
        choice = Choice(frozenset(left_out), frozenset(new), frozenset(each.key for each in waiting))
        return Plan(_once(targets), choice, tuple(named), (), tuple(gone), tuple(waiting))

    def _needed(self, named: Sequence[str]) -> tuple[str, ...]:
        """Return what services need, and that again, as far as it is not there."""
        found: list[str] = []
        left = list(named)
        while left:
            for other in sorted(self._spec.start_after(left.pop())):
                if other not in self._there and other not in found and other not in named:
                    found.append(other)
                    left.append(other)
        return tuple(found)

    def _urns(self, name: str) -> list[str]:
        """Return the URNs of a service as it is described, its component's first."""
        return [self._component(name), *(self._urn(m, name) for m in self._parts[name].manifests)]

    def _leftover(self, name: str) -> list[Made]:
        """Return what the state has of a service, and its description no longer."""
        described = set(self._urns(name))
        made = self._found.of(self._there[name]) if name in self._there else []
        return [each for each in made if each.urn not in described]

    def _component(self, name: str) -> str:
        return f"{self._prefix}${self._type(name)}::{name}"

    def _type(self, name: str) -> str:
        return f"poscloud:index:{self._classes[self._parts[name].kind]}"

    def _urn(self, manifest: Manifest, name: str = "") -> str:
        """Return the URN of an object of a service; without one, of the environment's own."""
        version = str(manifest["apiVersion"])
        token = f"kubernetes:{version if '/' in version else f'core/{version}'}:{manifest['kind']}"
        chain = f"{self._prefix}${self._type(name)}" if name else self._prefix
        return f"{chain}${token}::{manifest['metadata']['name']}"

    def _described(self) -> set[str]:
        """Return the URNs of every object that is described."""
        found = {self._urn(m) for m in self._base}
        return found | {self._urn(m, name) for name, part in self._parts.items() for m in part.manifests}

    def _refuse_lost(self, targets: Collection[str]) -> None:
        """Refuse a run in which the engine would write a state that it cannot read.

        What is described no longer is not registered, and stays behind those that are; an object that was made after it
        would then stand before it (docs/decisions/0041).

        Raises:
            DeployError: There is such an object.
        """
        left = {each.urn: each for each in self._found.objects if each.urn not in targets}
        lost = left.keys() - self._described()
        needed = {urn for each in left.values() if each.urn not in lost for urn in each.after & lost}
        needed |= {urn for each in self._found.objects if each.urn in targets for urn in each.after & lost}
        if needed:
            names = ", ".join(sorted(left[urn].key for urn in needed))
            raise DeployError(
                f"{names} is described no longer, and others were made after it; nothing was changed",
                hint=f"bring everything to what is described first: poscloud up -s {self._spec.name}",
            )

        moved = sorted(
            f"{each.key} after {self._made_by(urn)}"
            for each in left.values()
            for urn in each.after - lost
            if not self._still_after(each, urn)
        )
        if moved:
            raise DeployError(
                f"{', '.join(moved)}: the order of what is not applied has changed; nothing was changed",
                hint=f"bring everything to what is described first: poscloud up -s {self._spec.name}",
            )

    def _made_by(self, urn: str) -> str:
        """Return the service that an object of the state belongs to; empty for the environment's own."""
        found = self._components.get(urn, "")
        name = self._found.components.get(found, "")
        return name if self._there.get(name) == found else ""

    def _still_after(self, each: Made, urn: str) -> bool:
        """Whether the program, as it is described now, still waits for an object before it declares another one."""
        own, other = self._found.components.get(each.component, ""), self._made_by(urn)
        if not other or own == other or own not in self._parts:
            return True
        before, found = [own], set[str]()
        while before:
            new = self._spec.start_after(before.pop()) - found
            found |= new
            before += new
        return other in found

    def _waiting(self, gone: Collection[Made], targets: Collection[str]) -> list[Made]:
        """Return what waited for something that will be gone; the engine removes nothing that others wait for.

        Raises:
            DeployError: Some of it is described no longer.
        """
        doomed = {each.urn for each in gone}
        found = [each for each in self._found.objects if each.after & doomed and each.urn not in targets]
        described = self._described()
        if lost := [each.key for each in found if each.urn not in described]:
            raise DeployError(
                f"{', '.join(lost)} waited for {', '.join(sorted({each.key for each in gone}))} and is described no "
                "longer; nothing was changed",
                hint=f"bring everything to what is described first: poscloud up -s {self._spec.name}",
            )
        return found


def _belongs(manifest: Manifest, services: Collection[str], manifests: Iterable[Manifest]) -> bool:
    """Whether an object of the environment's own belongs to services: they name it, or it leads to one of them."""
    if manifest["kind"] == "Namespace":
        return False
    if manifest["kind"] == "Ingress":
        return not set(services).isdisjoint(_words(manifest["spec"]))
    name = manifest["metadata"]["name"]
    return any(name in _words(each.get("spec") or {}) for each in manifests)


def _words(value: Any) -> Iterator[str]:
    """Yield every text of a value."""
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list | tuple):
        if isinstance(value, str):
            yield value
        return
    for item in value:
        yield from _words(item)


def _once(urns: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(urns))
