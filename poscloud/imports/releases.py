"""Blue-green and canary: two Deployments behind one Service, read as a service and the version beside it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from poscloud.imports.source import Source
from poscloud.render import Manifest, names
from poscloud.spec import EnvironmentSpec
from poscloud.spec.nextversion import NOT_RELEASED
from poscloud.spec.release import CANARY, canary_pods

_COLOURS = {"blue": "green", "green": "blue"}


@dataclass(frozen=True)
class Tracks:
    """The Deployments of one service that is released.

    Attributes:
        live: The Deployment of the version that is live.
        beside: That of the next one; ``None``: none runs.
        colour: Blue-green: which one is live; empty: a canary.
    """

    live: Manifest
    beside: Manifest | None
    colour: str = ""

    def pods(self) -> int:
        """Return how many pods the service has: of a canary both versions'."""
        both = [self.live] if self.colour else [self.live, self.beside]
        return sum(d["spec"].get("replicas", 1) for d in both if d)

    def as_release(self) -> dict[str, Any]:
        """Return ``release`` but for its ``next``."""
        if self.colour:
            return {"strategy": "blue-green", "live": self.colour}
        pods, canary = self.pods(), (self.beside or {})["spec"].get("replicas", 1)
        return {"strategy": "canary", "weight": _weight(pods, canary)}


def released(source: Source) -> dict[str, Tracks]:
    """Return the services of a source that have tracks, as poscloud tells them apart by their label."""
    found: dict[str, Tracks] = {}
    for item in source.kind("Deployment"):
        labels = (item["spec"].get("selector") or {}).get("matchLabels") or {}
        name, track = str(labels.get("app")), labels.get(names.TRACK_LABEL)
        if not track or name in found or item["metadata"]["name"] != names.tracked(name, track):
            continue
        if track == CANARY and (live := source.get("Deployment", name)):
            found[name] = Tracks(live, item)
        service = source.get("Service", name)
        colour = ((service or {}).get("spec", {}).get("selector") or {}).get(names.TRACK_LABEL)
        if colour in _COLOURS and (live := source.get("Deployment", names.tracked(name, colour))):
            beside = source.get("Deployment", names.tracked(name, _COLOURS[colour]))
            found[name] = Tracks(live, beside, colour)
    return found


def one_version(source: Source, tracks: Mapping[str, Tracks], *, beside: bool) -> Source:
    """Return a source as it would be if each service had one version and no release.

    Args:
        source: What is imported.
        tracks: Its services that are released.
        beside: Whether the version is the next one, where there is one, instead of the live one.
    """
    chosen = {id(t.beside if beside and t.beside else t.live): name for name, t in tracks.items()}
    both = {id(d) for t in tracks.values() for d in (t.live, t.beside) if d}
    items = []
    for item in source.items:
        name = item["metadata"]["name"]
        if id(item) in chosen:
            name = chosen[id(item)]
            items.append(_without_track(item, name, tracks[name].pods()))
        elif item["kind"] == "Service" and name in tracks:
            items.append(_without_track(item, name))
        elif id(item) not in both:
            items.append(item)
    return Source(source.name, items)


def add_releases(
    data: dict[str, Any],
    spec: EnvironmentSpec,
    other: EnvironmentSpec,
    tracks: Mapping[str, Tracks],
) -> None:
    """Say in ``data`` how its services are released.

    Args:
        data: The description with the live versions; it is changed.
        spec: The same, validated.
        other: The one with the next versions.
        tracks: The services that are released.
    """
    for name, found in tracks.items():
        if name not in data["services"]:
            continue
        release = found.as_release()
        if found.beside and name in other.services:
            was, now = (s.services[name].model_dump(mode="json") for s in (spec, other))
            changed = {k: v for k, v in _changes(was, now).items() if k not in NOT_RELEASED}
            release |= {"next": changed}
        data["services"][name]["release"] = release


def short_next(data: dict[str, Any]) -> None:
    """Say of a next version that differs in its ``version`` alone no more than that; ``data`` is changed."""
    for service in data.get("services", {}).values():
        following = (service.get("release") or {}).get("next")
        if isinstance(following, dict) and following.keys() == {"version"}:
            service["release"]["next"] = following["version"]


def _weight(pods: int, canary: int) -> int:
    """Return the rounder of the percentages that make so many pods the canary's; the nearest, if none does."""
    share = 100 * canary / max(pods, 1)
    fitting = [w for w in range(1, 100) if canary_pods(pods, w) == canary] or list(range(1, 100))
    return min(fitting, key=lambda w: (w != 10, w % 5 != 0, abs(w - share)))


def _changes(was: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """Return what makes ``now`` of ``was``; null for what is no longer there."""
    result: dict[str, Any] = {key: None for key in was if key not in now}
    for key, value in now.items():
        before = was.get(key)
        if key in was and before == value:
            continue
        if isinstance(before, dict) and isinstance(value, dict):
            value = _changes(before, value)
        result[key] = value
    return result


def _without_track(item: Manifest, name: str, replicas: int | None = None) -> Manifest:
    """Return a Deployment or Service as that of a service without tracks."""
    result = copy.deepcopy(item)
    result["metadata"]["name"] = name
    spec = result["spec"]
    if item["kind"] == "Service":
        (spec.get("selector") or {}).pop(names.TRACK_LABEL, None)
        return result
    spec["replicas"] = replicas
    template = spec["template"]
    selector = (spec.get("selector") or {}).get("matchLabels") or {}
    for labels in (selector, (template.get("metadata") or {}).get("labels") or {}):
        labels.pop(names.TRACK_LABEL, None)
    _drop_expressions(template["spec"].get("affinity"))
    return result


def _drop_expressions(value: Any) -> None:
    """Take the track out of every label selector below."""
    for below in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _drop_expressions(below)
    if isinstance(value, dict) and isinstance(value.get("matchExpressions"), list):
        value["matchExpressions"] = [
            e
            for e in value["matchExpressions"]
            if not (isinstance(e, dict) and e.get("key") == names.TRACK_LABEL)
        ]
