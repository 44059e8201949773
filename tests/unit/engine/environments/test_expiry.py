"""When an environment ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from poscloud.engine.environments.activity import until
from poscloud.engine.environments.asked import time_to_live
from poscloud.engine.environments.expiry import lease_of, written
from poscloud.errors import PosCloudError
from poscloud.spec.lifetime import Copies, in_words, seconds

MADE = datetime(2026, 11, 1, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)


def namespace(**annotations: str) -> dict[str, object]:
    said = {f"poscloud.io/{name.replace('_', '-')}": value for name, value in annotations.items()}
    return {"metadata": {"creationTimestamp": written(MADE), "annotations": said}}


def test_the_end_counts_from_the_last_activity() -> None:
    assert lease_of(namespace(ttl="8h")).ends == MADE + 8 * HOUR
    assert lease_of(namespace(ttl="8h", active=written(MADE + HOUR))).ends == MADE + 9 * HOUR


def test_what_it_was_extended_to_is_never_made_earlier() -> None:
    kept = {"keep_until": written(MADE + 20 * HOUR)}
    assert lease_of(namespace(ttl="1h", **kept)).ends == MADE + 20 * HOUR
    assert lease_of(namespace(ttl="1h", active=written(MADE + 30 * HOUR), **kept)).ends == MADE + 31 * HOUR


@pytest.mark.parametrize("ttl", ["", "forever", "8 hours", "0h", "-1h", "1w"])
def test_without_a_time_that_can_be_read_it_stays(ttl: str) -> None:
    lease = lease_of(namespace(ttl=ttl))
    assert lease.ends is None and not lease.is_over(MADE + 10000 * HOUR)


@pytest.mark.parametrize("active", ["soon", "", "2026-13-01T00:00:00Z"])
def test_an_activity_that_cannot_be_read_is_none(active: str) -> None:
    assert lease_of(namespace(ttl="8h", active=active)).ends == MADE + 8 * HOUR


def test_how_long_it_stays_is_told_in_words() -> None:
    lease = lease_of(namespace(ttl="8h"))
    assert until(lease, MADE + HOUR) == "stays for 7h without activity, until 2026-11-01T16:00:00Z"
    assert until(lease, MADE + 9 * HOUR) == "has come to its end: the next sweep removes it"
    assert until(lease_of(namespace()), MADE) == "stays until somebody removes it"


@pytest.mark.parametrize(
    ("text", "number", "words"), [("90m", 5400, "1h 30m"), ("8h", 28800, "8h"), ("3d", 259200, "3d")]
)
def test_durations(text: str, number: int, words: str) -> None:
    assert (seconds(text), in_words(number)) == (number, words)


def test_who_asks_for_nothing_gets_the_usual_time() -> None:
    assert time_to_live(None, Copies(ttl="2h"), "li", "stage") == "2h"


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("0h", "'0h' is no duration"),
        ("8d", "longer than a copy of stage may stay: 7d"),
        ("forever", "li may not make a copy of stage that stays forever; wang may"),
    ],
)
def test_a_time_that_may_not_be_had(wanted: str, message: str) -> None:
    with pytest.raises(PosCloudError, match=message):
        time_to_live(wanted, Copies(forever=("wang",)), "li", "stage")


def test_who_may_can_have_it_forever() -> None:
    assert time_to_live("forever", Copies(forever=("li",)), "li", "stage") == "forever"
