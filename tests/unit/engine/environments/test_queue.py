"""Who of those that wait for room is next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from poscloud.engine.environments.expiry import written
from poscloud.engine.environments.listing import Environment
from poscloud.engine.environments.queue import (
    ALIVE,
    Copy,
    Limit,
    copy_in,
    limits_of,
    newcomer,
    ordinal,
    place,
    refusal,
)
from poscloud.errors import PosCloudError
from poscloud.spec.lifetime import Copies

NOW = datetime(2026, 11, 1, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)


def copy(name: str, of: str = "stage", team: str = "", *, age: float = 3600, **said: str) -> Copy:
    """Return a copy that says these things about itself; ``said`` as in ``poscloud.io/NAME``."""
    annotations = {"copy-of": of, "team": team, "ttl": "8h"} | {
        key.replace("_", "-"): value for key, value in said.items()
    }
    return copy_in(
        {
            "metadata": {
                "name": name,
                "creationTimestamp": written(NOW - timedelta(seconds=age)),
                "annotations": {f"poscloud.io/{key}": value for key, value in annotations.items() if value},
            }
        }
    )


def waiting(
    name: str, age: float, of: str = "stage", team: str = "", *, silent: float = 0, waits_for: str = "copy-of"
) -> Copy:
    sign = written(NOW - timedelta(seconds=silent))
    return copy(name, of, team, age=age, waiting=sign, waits_for=waits_for)


def limits(most: int, *, team: int = 0) -> list[Limit]:
    found = [Limit("copy-of", "stage", most, "")]
    return [*found, Limit("team", "pay", team, "")] if team else found


def has_room(mine: Copy, copies: list[Copy], most: int, *, team: int = 0) -> bool:
    return refusal(mine, limits(most, team=team), copies, NOW) is None


def test_who_was_made_first_is_first() -> None:
    queue = [waiting("c", 30), waiting("a", 20), waiting("b", 10)]
    for order in permutations(queue):
        assert [c.name for c in order if has_room(c, list(order), 1)] == ["c"]
        assert {c.name for c in order if has_room(c, list(order), 2)} == {"c", "a"}
        assert [place(c, order, NOW) for c in queue] == [1, 2, 3]


def test_of_the_same_second_the_name_decides() -> None:
    queue = [waiting("b", 30), waiting("a", 30)]
    assert [c.name for c in queue if has_room(c, queue, 1)] == ["a"]


def test_what_is_there_takes_room_and_what_is_of_another_does_not() -> None:
    mine = waiting("mine", 10)
    there = [copy("one"), copy("two", of="other"), mine]
    assert has_room(mine, there, 2) and not has_room(mine, there, 1)


def test_who_is_silent_for_long_is_not_waited_for() -> None:
    mine, silent = waiting("mine", 10), ALIVE.total_seconds()
    assert not has_room(mine, [waiting("a", 20, silent=silent), mine], 1)
    gone = waiting("a", 20, silent=silent + 1)
    assert has_room(mine, [gone, mine], 1) and place(gone, [gone, mine], NOW) == 0


def test_a_sign_of_life_that_cannot_be_read_counts_from_when_it_was_made() -> None:
    assert copy("a", age=10, waiting="soon").waits(NOW)
    assert copy("a", age=100, waiting="soon").is_gone(NOW)


def test_who_takes_room_counts_as_there_while_it_lives() -> None:
    later = copy("later", age=5, waiting=written(NOW), waits_for="copy-of", let_in=written(NOW))
    mine = waiting("mine", 10)
    assert not has_room(mine, [later, mine], 1)
    died = copy("later", age=5, waiting=written(NOW - 2 * ALIVE), let_in=written(NOW - 2 * ALIVE))
    assert has_room(mine, [died, mine], 1)


def test_who_was_let_in_takes_room_until_it_is_removed() -> None:
    assert not has_room(waiting("mine", 10), [copy("a", let_in=written(NOW - 9 * HOUR))], 1)


def test_who_has_no_ticket_comes_behind_all_that_have() -> None:
    mine = newcomer("mine", "stage", "")
    assert not has_room(mine, [waiting("a", 0)], 1) and has_room(mine, [waiting("a", 0)], 2)


def test_a_team_s_limit_counts_its_copies_of_every_environment() -> None:
    mine = waiting("mine", 10, team="pay", waits_for="copy-of,team")
    there = [copy("one", of="other", team="pay"), copy("two", of="other", team="core"), mine]
    assert has_room(mine, there, 9, team=2) and not has_room(mine, there, 9, team=1)


def test_nobody_is_overtaken_in_a_team_by_one_that_waits_for_less() -> None:
    first = waiting("first", 20, of="full", team="pay", waits_for="copy-of,team")
    mine = waiting("mine", 10, team="pay", waits_for="copy-of,team")
    assert not has_room(mine, [first, mine], 9, team=1)
    assert place(mine, [first, mine], NOW) == 2


def test_two_of_a_team_that_wait_for_their_environments_only_are_no_rivals() -> None:
    first, mine = waiting("first", 20, of="full", team="pay"), waiting("mine", 10, team="pay")
    assert has_room(mine, [first, mine], 1) and place(mine, [first, mine], NOW) == 1


def test_which_limits_there_are() -> None:
    copies = Copies.model_validate({"at_once": 9, "at_once_per_team": 3, "teams": {"pay": {"at_once": 5}}})
    found = {
        team: [(x.kind, x.of, x.most) for x in limits_of(copies, "stage", team)] for team in ("pay", "core")
    }
    assert found == {
        "pay": [("copy-of", "stage", 9), ("team", "pay", 5)],
        "core": [("copy-of", "stage", 9), ("team", "core", 3)],
    }
    assert limits_of(Copies(), "stage", "pay") == []
    assert limits_of(Copies.model_validate({"teams": {"pay": {"at_once": 5}}}), "stage", "core") == []


@pytest.mark.parametrize(
    ("said", "field", "hint"),
    [
        ({"at_once_per_team": 3}, "at_once_per_team", "POSCLOUD_TEAM$"),
        ({"teams": {"pay": {"at_once": 5}}}, "teams", "with a limit of their own: pay"),
    ],
)
def test_where_teams_are_limited_the_team_has_to_be_said(
    said: dict[str, object], field: str, hint: str
) -> None:
    with pytest.raises(PosCloudError, match=rf"`copies` of stage: `{field}`\).*is not said") as caught:
        limits_of(Copies.model_validate(said), "stage", "")
    assert "--team NAME" in caught.value.hint
    assert caught.value.hint.endswith(hint.rstrip("$"))


def message(mine: Copy, limit: Limit, *copies: Copy) -> str:
    found = refusal(mine, [limit], copies, NOW)
    assert found
    return found.error(NOW).message


def test_the_message_says_who_ends_first_and_how_many_wait() -> None:
    limit = Limit("copy-of", "stage", 2, "`copies` of stage: `at_once`")
    old = copy("b", age=7 * 3600)
    mine = newcomer("mine", "stage", "")
    assert message(mine, limit, copy("a"), old) == (
        "there are 2 copies of stage, and there may be 2 at a time (`copies` of stage: `at_once`); b ends first, in 1h"
    )
    assert message(mine, limit, copy("a"), waiting("w", 5)).startswith(
        "there is 1 copy of stage and 1 that waits, and there may be 2 at a time"
    )
    team = Limit("team", "pay", 1, "`copies` of stage: `teams.pay`")
    assert message(newcomer("mine", "stage", "pay"), team, copy("a", team="pay", age=9 * 3600)) == (
        "team pay has 1 copy, and may have 1 at a time (`copies` of stage: `teams.pay`); a ends first, its time is "
        "up: poscloud env sweep --yes"
    )


def test_places_in_words() -> None:
    numbers = (1, 2, 3, 4, 11, 12, 13, 21, 22, 111)
    words = "1st 2nd 3rd 4th 11th 12th 13th 21st 22nd 111th"
    assert " ".join(map(ordinal, numbers)) == words


@pytest.mark.parametrize(
    ("found", "health"),
    [({"place": 2}, "waiting (2nd)"), ({"silent_since": NOW}, "gone while it waited"), ({}, "empty")],
)
def test_the_list_says_who_waits(found: dict[str, object], health: str) -> None:
    lease = copy("a").lease
    assert Environment("a", "li", "stage", "", NOW, lease, False, 0, 0, 0, 0, **found).health == health  # type: ignore[arg-type]
