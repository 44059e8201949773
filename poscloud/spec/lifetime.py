"""How long an environment is there, whose it is, and what copies of it may be made."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, StrictInt, model_validator
from pydantic_core import PydanticCustomError

from poscloud.spec.base import Model
from poscloud.spec.builds import Builds, Repository, RequestId

FOREVER = "forever"

_UNITS = {"m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"([1-9][0-9]{0,4})([mhd])")


def seconds(duration: str) -> int:
    """Return the seconds of a duration such as ``90m``, ``8h`` or ``3d``.

    Raises:
        ValueError: It is none.
    """
    if not (found := _DURATION.fullmatch(duration)):
        raise ValueError(
            f"'{duration}' is no duration: a whole number above zero with m, h or d, such as 90m, 8h, 3d"
        )
    return int(found[1]) * _UNITS[found[2]]


def in_words(duration: float) -> str:
    """Return seconds as a person says them: ``3d 4h``, ``8h``, ``25m``, ``<1m``."""
    minutes = int(duration) // 60
    parts = [(minutes // 1440, "d"), (minutes // 60 % 24, "h"), (minutes % 60, "m")]
    return " ".join(f"{number}{unit}" for number, unit in [p for p in parts if p[0]][:2]) or "<1m"


def _duration(text: str) -> str:
    seconds(text)
    return text


def _duration_or_forever(text: str) -> str:
    return text if text == FOREVER else _duration(text)


Duration = Annotated[str, AfterValidator(_duration)]
TimeToLive = Annotated[str, AfterValidator(_duration_or_forever)]


class Lifetime(Model):
    """When an environment is released by itself, and whose it is; a copy always has one."""

    ttl: TimeToLive = Field(
        description="Time without activity after which it is released: 90m, 8h, 3d; or `forever`. "
        "Every `poscloud up` is activity."
    )
    owner: str = Field(min_length=1, max_length=100, description="Who asked for it.", examples=["zhang.wei"])
    merge_request: RequestId | None = Field(
        None,
        description="The merge request it is for, PROJECT!NUMBER; closed, it is released.",
        examples=["pay/core!123"],
    )
    team: str | None = Field(
        None,
        min_length=1,
        max_length=100,
        description="The team it counts for, where `copies` limits teams.",
        examples=["payments"],
    )
    made_with: tuple[RequestId, ...] = Field(
        (),
        description="The merge requests of services whose builds it runs, PROJECT!NUMBER, as `poscloud env create "
        "--with` writes them down; closed, they change nothing here.",
        examples=[["pay/core!123", "pay/gateway!9"]],
    )


class TeamCopies(Model):
    """What copies one team may have."""

    at_once: StrictInt = Field(ge=1, description="Copies it may have at a time.")


class Copies(Model):
    """What `poscloud env create --from` may make of this environment."""

    ttl: Duration = Field("8h", description="Lifetime of a copy that asks for none.")
    longest: Duration = Field("7d", description="Longest lifetime a copy may ask for.")
    forever: tuple[str, ...] = Field((), description="Owners who may make a copy that stays.")
    at_once: StrictInt | None = Field(
        None, ge=1, description="Copies there may be at a time; left out, any number."
    )
    at_once_per_team: StrictInt | None = Field(
        None,
        ge=1,
        description="Copies that a team may have at a time, of all environments; left out, any number.",
    )
    teams: dict[str, TeamCopies] = Field(
        {},
        description="Teams that may have another number of copies.",
        examples=[{"payments": {"at_once": 5}}],
    )

    def of_team(self, team: str) -> int | None:
        """Return how many copies a team may have at a time; ``None``: any number."""
        return self.teams[team].at_once if team in self.teams else self.at_once_per_team

    repositories: dict[Repository, Builds] = Field(
        {},
        description="What a merge request stands for that `poscloud env create --with` names, by the path of its "
        "repository on the forge.",
        examples=[{"pay/core": {"services": ["dac-task"], "version": "mr-{number}-{short}"}}],
    )

    @model_validator(mode="after")
    def _default_is_allowed(self) -> Copies:
        if seconds(self.ttl) > seconds(self.longest):
            message = f"`ttl` {self.ttl} is longer than `longest` {self.longest}"
            raise PydanticCustomError("between_fields", "{text}", {"text": message, "field": "ttl"})
        return self
