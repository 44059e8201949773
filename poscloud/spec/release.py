"""How a new version of a service takes over from the one that runs: rolling, blue-green, canary.

A description says what runs, not what to do: `version` is what is live, `release.next` what runs beside it.
Promoting, going back and aborting are edits of these (``poscloud release``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StrictInt

from poscloud.spec.base import MAX_NAME, Model
from poscloud.spec.nextversion import check_next
from poscloud.spec.references import Finding, Path

if TYPE_CHECKING:
    from poscloud.spec.environment import EnvironmentSpec
    from poscloud.spec.service import ServiceSpec

Colour = Literal["blue", "green"]
CANARY = "canary"
"""What a canary's Deployment is called behind its service's name."""


def _version_or_fields(value: Any) -> Any:
    if value is None or isinstance(value, (str, dict)):
        return value
    quotes = (
        f'; a version that is a number needs quotes: "{value}"' if isinstance(value, (int, float)) else ""
    )
    raise ValueError(f"give a version, or a map of the fields in which the next one differs{quotes}")


class Release(Model):
    """How a new version takes over (document 001: blue-green, 灰度)."""

    strategy: Literal["rolling", "blue-green", "canary"] = Field(
        description="rolling: pod by pod, as `rollout` says. blue-green: the new version runs beside the live one "
        "and gets no request until it is promoted as a whole. canary: it gets a share of the requests at once."
    )
    next: Annotated[str | dict[str, Any] | None, BeforeValidator(_version_or_fields)] = Field(
        None,
        description="What runs beside the live version: its `version`, or the service's fields in which it differs. "
        "After a promotion of blue-green, the one to go back to. null: nothing.",
        examples=["v2", {"git": {"revision": "4f0c2d1"}}],
    )
    live: Colour = Field("blue", description="blue-green: the colour that gets the requests.")
    weight: StrictInt = Field(
        10,
        ge=1,
        le=99,
        description="canary: percent of `replicas` that run the new version, rounded to whole pods, at least one "
        "of each version.",
    )

    @property
    def idle(self) -> Colour:
        """The colour that gets no requests."""
        return "green" if self.live == "blue" else "blue"

    def changes(self) -> dict[str, Any] | None:
        """Return the fields in which the next version differs; ``None`` without one."""
        return {"version": self.next} if isinstance(self.next, str) else self.next


def canary_pods(replicas: int, weight: int) -> int:
    """Return how many of ``replicas`` pods are the canary's.

    The share is rounded to the nearest whole pod, half a pod up; at least one pod is left on each side.
    """
    share = (Decimal(replicas) * weight / 100).quantize(Decimal(1), ROUND_HALF_UP)
    return max(1, min(int(share), replicas - 1))


def summary(part: ServiceSpec) -> str:
    """Return in one line what runs, for example ``canary v2, 1 of 5 pods (20 %), live v1``; empty for rolling."""
    release = part.release
    if release is None or release.strategy == "rolling":
        return ""
    beside, live = _called(release.changes()), f"live {part.version}"
    if release.strategy == "canary":
        if beside is None:
            return f"canary, none beside {live}"
        pods = canary_pods(part.replicas, release.weight)
        real = Decimal(pods * 100) / part.replicas
        asked = "" if real == release.weight else f"; {release.weight} % asked for"
        return f"canary {beside}, {pods} of {part.replicas} pods ({real:.3g} %{asked}), {live}"
    idle = f"idle {beside} ({release.idle})" if beside else f"nothing idle ({release.idle})"
    return f"blue-green, {live} ({release.live}), {idle}"


def releases(spec: EnvironmentSpec) -> dict[str, str]:
    """Return the summary of every service of an environment that is not released by rolling."""
    found = {name: summary(part) for name, part in spec.services.items()}
    return {name: text for name, text in found.items() if text}


def check_release(name: str, part: ServiceSpec, path: Path) -> list[Finding]:
    """Return everything that keeps a service from being released as it says.

    Args:
        name: The service's name.
        part: Its description.
        path: Where it stands in the environment.
    """
    release = part.release
    if release is None:
        return []
    here = (*path, "release")
    findings = [
        Finding((*here, field), "bad-release", f"'{field}' is for {strategy}, not for {release.strategy}")
        for field, strategy in (("live", "blue-green"), ("weight", "canary"))
        if field in release.model_fields_set and release.strategy != strategy
    ]
    if release.strategy == "rolling":
        if release.next is not None:
            message = (
                "rolling has no version beside the live one; change `version`, or choose blue-green or canary"
            )
            findings.append(Finding((*here, "next"), "bad-release", message))
        return findings
    suffixes = (CANARY,) if release.strategy == "canary" else ("blue", "green")
    longest = MAX_NAME - 1 - max(map(len, suffixes))
    if len(name) > longest:
        names = " and ".join(f"{name}-{suffix}" for suffix in suffixes)
        message = (
            f"'{name}' has {len(name)} characters; with {release.strategy} at most {longest} are allowed, "
            f"because its Deployments are called {names}"
        )
        findings.append(Finding((*here, "strategy"), "bad-release", message))
    findings += [Finding((*here, "strategy"), "bad-release", why) for why in _unfit(part, release)]
    return findings + list(check_next(part, release, (*here, "next")))


def _unfit(part: ServiceSpec, release: Release) -> Iterator[str]:
    """Yield why a service cannot be released by its strategy."""
    if release.strategy == "canary":
        if part.replicas < 2:
            yield f"canary needs 2 replicas or more, one of each version; there is {part.replicas}"
        return
    if not part.ports():
        yield "blue-green needs a port: without a Service nothing tells the live colour from the idle one"
    if part.replicas == 1 and not part.rollout.max_surge:
        yield (
            "blue-green runs two pods at once, which replicas 1 with rollout.max_surge 0 forbids; "
            "stay with rolling, or allow a surge"
        )


def _called(changes: Mapping[str, Any] | None) -> str | None:
    """Return a name for the next version: its version or image, or else the fields in which it differs."""
    if not changes:
        return None
    return str(changes.get("version") or changes.get("image") or "with other " + ", ".join(sorted(changes)))
