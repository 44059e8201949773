"""Office hours, and what they want done with an environment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from poscloud.engine.environments.rest import OFFICE_HOURS, Rest
from poscloud.engine.environments.sleep import given_back, groups, lulled, woken, writer
from poscloud.provider.byhand import MANAGER
from poscloud.render.names import REPLICAS_ANNOTATION, START_AFTER_ANNOTATION
from poscloud.spec.officehours import OfficeHours

SHANGHAI = OfficeHours(time_zone="Asia/Shanghai")
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-11-23T07:59+08:00", False),
        ("2026-11-23T08:00+08:00", True),
        ("2026-11-23T19:59+08:00", True),
        ("2026-11-23T20:00+08:00", False),
        ("2026-11-22T12:00+08:00", False),  # a Sunday
        ("2026-11-22T23:30+00:00", False),  # Monday there, and half past seven
        ("2026-11-23T00:30+00:00", True),
    ],
)
def test_hours_go_by_the_clock_of_their_zone(moment: str, is_open: bool) -> None:
    assert SHANGHAI.is_open(datetime.fromisoformat(moment)) is is_open


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-11-23T23:00+01:00", True),
        ("2026-11-24T05:59+01:00", True),
        ("2026-11-24T06:00+01:00", False),
        ("2026-11-28T05:00+01:00", True),  # Saturday morning, of Friday's night
        ("2026-11-23T05:00+01:00", False),  # Monday morning, of Sunday's
    ],
)
def test_a_night_belongs_to_the_day_it_begins_on(moment: str, is_open: bool) -> None:
    night = OfficeHours(begin="22:00", end="06:00", time_zone="Europe/Berlin")
    assert night.is_open(datetime.fromisoformat(moment)) is is_open


def test_summer_time_moves_them() -> None:
    berlin = OfficeHours(time_zone="Europe/Berlin")
    assert berlin.is_open(datetime(2026, 7, 1, 6, 0, tzinfo=UTC))
    assert not berlin.is_open(datetime(2026, 12, 1, 6, 0, tzinfo=UTC))


def test_what_they_say_can_be_read_again() -> None:
    hours = OfficeHours(days=("sun", "mon"), begin="22:00", end="06:30", time_zone="Europe/Berlin")
    assert str(hours) == "mon,sun 22:00-06:30 Europe/Berlin"
    assert str(OfficeHours.parse(str(hours))) == str(hours)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"time_zone": "Asia/Shanghia"},
            "there is no time zone 'Asia/Shanghia'; did you mean Asia/Shanghai?",
        ),
        ({"time_zone": "UTC", "begin": "8:00"}, "'8:00' is no time of day: 00:00 to 23:59, in quotes"),
        ({"time_zone": "UTC", "end": "24:00"}, "'24:00' is no time of day"),
        ({"time_zone": "UTC", "begin": "20:00"}, "`begin` and `end` are both 20:00"),
        ({"time_zone": "UTC", "days": []}, "at least 1 item"),
    ],
)
def test_hours_that_are_none(given: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        OfficeHours.model_validate(given)
    assert message in str(caught.value)


WORK, NIGHT = datetime(2026, 11, 23, 2, tzinfo=UTC), datetime(2026, 11, 23, 20, tzinfo=UTC)
HOURS = str(SHANGHAI)


@pytest.mark.parametrize(
    ("rest", "active", "now", "due"),
    [
        (Rest(hours=HOURS), LONG_AGO, NIGHT, "sleep"),
        (Rest(hours=HOURS), LONG_AGO, WORK, ""),
        (Rest(hours=HOURS, asleep="x", by=OFFICE_HOURS), LONG_AGO, WORK, "wake"),
        (Rest(hours=HOURS, asleep="x", by="li"), LONG_AGO, WORK, ""),
        (Rest(hours=HOURS, asleep="x", by=OFFICE_HOURS), LONG_AGO, NIGHT, ""),
        (Rest(hours=HOURS), NIGHT - timedelta(minutes=119), NIGHT, ""),
        (Rest(hours=HOURS), NIGHT - timedelta(hours=2), NIGHT, "sleep"),
        (Rest(hours=HOURS, awake_until=NIGHT + timedelta(hours=1)), LONG_AGO, NIGHT, ""),
        (Rest(), LONG_AGO, NIGHT, ""),
        (Rest(hours="always"), LONG_AGO, NIGHT, ""),
    ],
)
def test_what_is_due(rest: Rest, active: datetime, now: datetime, due: str) -> None:
    assert rest.due(active, now) == due


def test_a_sleep_that_was_killed_halfway_is_finished() -> None:
    halfway = Rest(hours=HOURS, asleep="x", by=OFFICE_HOURS)
    assert halfway.due(LONG_AGO, NIGHT, pods=1) == "sleep"
    assert Rest(hours=HOURS, asleep="x", by="li").due(LONG_AGO, NIGHT, pods=1) == ""
    woken = Rest(hours=HOURS, asleep="x", by=OFFICE_HOURS, awake_until=NIGHT + timedelta(hours=1))
    assert woken.due(LONG_AGO, NIGHT, pods=1) == ""


def test_a_number_of_pods_that_was_changed_by_hand_gets_its_owner_back() -> None:
    live = workload("web", replicas=3)
    live["metadata"] |= {"managedFields": [{"manager": MANAGER, "fieldsV1": {"f:spec": {"f:replicas": {}}}}]}
    said = lulled(live)["metadata"]["annotations"][REPLICAS_ANNOTATION]
    asleep = workload("web", replicas=0, said=said)
    assert (said, writer(asleep), woken(asleep)["spec"]) == (f"3 {MANAGER}", MANAGER, {"replicas": 3})
    assert writer(workload("web", replicas=0, said="3")) == "poscloud-sleep"


def workload(app: str, after: str = "", replicas: int = 1, said: str = "") -> dict[str, Any]:
    annotations = {START_AFTER_ANNOTATION: after} | ({REPLICAS_ANNOTATION: said} if said else {})
    meta = {"labels": {"app": app}, "annotations": annotations, "resourceVersion": "7"}
    return {"metadata": meta, "spec": {"replicas": replicas}}


def test_those_that_need_others_come_after_them() -> None:
    found = groups(
        {
            "web": workload("web", "pay,redis"),
            "pay-blue": workload("pay", "kafka"),
            "pay-green": workload("pay", "kafka"),
            "kafka": workload("kafka", "zookeeper,not-there"),
            "zookeeper": workload("zookeeper"),
            "redis": workload("redis"),
        }
    )
    assert found == [{"zookeeper", "redis"}, {"kafka"}, {"pay-blue", "pay-green"}, {"web"}]


def test_those_that_need_each_other_come_at_once() -> None:
    assert groups({"a": workload("a", "b"), "b": workload("b", "a")}) == [{"a", "b"}]


def test_a_workload_says_how_many_pods_it_had() -> None:
    patch = lulled(workload("web", replicas=3))
    assert patch["spec"] == {"replicas": 0}
    assert patch["metadata"] == {"annotations": {REPLICAS_ANNOTATION: "3"}, "resourceVersion": "7"}
    assert lulled(workload("web", replicas=0)) == {}


def test_a_workload_gets_them_back_unless_somebody_gave_it_some() -> None:
    assert woken(workload("web", replicas=0, said="3"))["spec"] == {"replicas": 3}
    assert "spec" not in woken(workload("web", replicas=2, said="3"))
    assert woken(workload("web", replicas=0)) == {}


def test_only_what_sleep_wrote_is_given_back() -> None:
    entries = [{"manager": "poscloud-sleep"}, {"manager": "kubectl"}]
    live = {"metadata": {"managedFields": entries, "resourceVersion": "7"}}
    assert given_back(live)[0]["value"] == [{"manager": "kubectl"}]
    assert given_back({"metadata": {"managedFields": entries[1:]}}) == []
