from __future__ import annotations

import pytest

from poscloud.cluster.watching.selection import selected
from poscloud.errors import UsageError

KNOWN = ["api", "geo", "dac-web", "dac", "web", "api-center"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ([], sorted(KNOWN)),
        (["geo", "api", "geo"], ["geo", "api"]),
        (["api-geo"], ["api", "geo"]),
        (["api-center"], ["api-center"]),
        (["api-center-geo"], ["api-center", "geo"]),
        (["api-geo", "web"], ["api", "geo", "web"]),
    ],
)
def test_names_and_the_old_form(typed: list[str], meant: list[str]) -> None:
    assert selected(typed, KNOWN, "dev") == meant


def test_a_name_that_can_be_read_in_two_ways_is_not_guessed() -> None:
    with pytest.raises(UsageError, match=r"2 ways: geo dac web; geo dac-web"):
        selected(["geo-dac-web"], KNOWN, "dev")


def test_an_unknown_service_gets_the_nearest_name() -> None:
    with pytest.raises(UsageError, match="dev has no service 'dac-wbe'") as caught:
        selected(["dac-wbe"], KNOWN, "dev")
    assert (caught.value.exit_code, caught.value.hint) == (2, "did you mean 'dac-web'?")
