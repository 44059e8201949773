"""When people work with an environment: outside of these hours it sleeps."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta
from difflib import get_close_matches
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from poscloud.spec.base import Model

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


def _clock(text: str) -> str:
    if not _CLOCK.fullmatch(text):
        raise ValueError(f"'{text}' is no time of day: 00:00 to 23:59, in quotes")
    return text


def _zone(name: str) -> str:
    from zoneinfo import available_timezones  # 5 ms, which only who has office hours waits for

    if name not in (known := available_timezones()):
        meant = get_close_matches(name, known, n=1)
        text = f"did you mean {meant[0]}?" if meant else "one is Asia/Shanghai"
        raise ValueError(f"there is no time zone '{name}'; {text}")
    return name


Clock = Annotated[str, AfterValidator(_clock)]


class OfficeHours(Model):
    """Days and hours in a time zone; as text ``mon,tue 08:00-20:00 Asia/Shanghai``."""

    days: tuple[Day, ...] = Field(DAYS[:5], min_length=1, description="Days on which work begins.")
    begin: Clock = Field("08:00", description="When it begins, by the clock of `time_zone`.")
    end: Clock = Field("20:00", description="When it ends; before `begin`: on the next day.")
    time_zone: Annotated[str, AfterValidator(_zone)] = Field(
        description="Name of the time zone in the IANA database.", examples=["Asia/Shanghai"]
    )

    @model_validator(mode="after")
    def _has_a_length(self) -> OfficeHours:
        if self.begin == self.end:
            message = f"`begin` and `end` are both {self.begin}"
            raise PydanticCustomError("between_fields", "{text}", {"text": message, "field": "end"})
        return self

    def __str__(self) -> str:
        days = ",".join(day for day in DAYS if day in self.days)
        return f"{days} {self.begin}-{self.end} {self.time_zone}"

    @classmethod
    def parse(cls, text: str) -> OfficeHours:
        """Return the hours that ``str`` of them says.

        Raises:
            ValueError: It says none.
        """
        match text.split(" "):
            case [days, hours, zone]:
                begin, _, end = hours.partition("-")
                return cls.model_validate(
                    {"days": days.split(","), "begin": begin, "end": end, "time_zone": zone}
                )
        raise ValueError(f"'{text}' says no office hours")

    def is_open(self, now: datetime) -> bool:
        """Whether somebody works at a moment, by the clock on the wall there, which summer time moves."""
        from zoneinfo import ZoneInfo

        local = now.astimezone(ZoneInfo(self.time_zone))
        begin, end, clock = time.fromisoformat(self.begin), time.fromisoformat(self.end), local.time()
        today, yesterday = self._works(local), self._works(local - timedelta(days=1))
        if begin < end:
            return today and begin <= clock < end
        return (today and clock >= begin) or (yesterday and clock < end)

    def _works(self, day: datetime) -> bool:
        return DAYS[day.weekday()] in self.days
