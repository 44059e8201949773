"""Row 18: admission webhooks that reject, do not answer, or cannot take part in a dry run."""

from __future__ import annotations

import time

import pytest

from tests.faults.arena import DESCRIPTION, Arena, Outcome, shows, times_told
from tests.faults.proxy import PASS, Fault
from tests.faults.webhook import NAME, Webhook, webhook

pytestmark = [pytest.mark.faults, pytest.mark.fault(18)]

UP = ("poscloud", "up", "--yes")
CHANGED = DESCRIPTION.replace("a: {kind: java,", "a: {kind: java, version: v9,")


def previewed(arena: Arena, asked: Webhook) -> Outcome:
    """Return the first preview for which the API server called the webhook; it knows it a moment later."""
    deadline = time.monotonic() + 60
    while True:
        done = arena.run("poscloud", "preview")
        if asked.asked or time.monotonic() > deadline:
            return done


@pytest.mark.long
def test_a_webhook_that_rejects_is_quoted_by_the_preview(present: Arena) -> None:
    present.describe(CHANGED)
    with webhook(present) as asked:
        asked.refusal = "v9 is not for this company"
        done = previewed(present, asked)
    shows(done, f'admission webhook "{NAME}" denied the request: v9 is not for this company')


@pytest.mark.long
def test_a_webhook_that_does_not_answer_is_asked_twice_more(present: Arena) -> None:
    present.describe(CHANGED)
    with webhook(present) as asked:
        previewed(present, asked)
        asked.asked.clear()
        asked.silent = 2
        done = present.run(*UP)
        shows(done, code=0, forbidden=["failed calling webhook"])
        asked.asked.clear()
        asked.silent = 99
        present.describe(CHANGED.replace("v9", "v10"))
        failed = present.run(*UP)
        shows(failed, f'failed calling webhook "{NAME}"', within=20)
        assert asked.asked.count("a") == 3


@pytest.mark.long
def test_a_webhook_that_cannot_take_part_in_a_dry_run_is_noted(present: Arena) -> None:
    # Since admissionregistration v1 no server registers such a webhook; older ones and aggregated servers answer so.
    sentence = f'admission webhook "{NAME}" does not support dry run'
    refused = Fault(status=400, message=sentence)
    dry = ("/deployments", "dryRun=All")
    present.describe(CHANGED)
    present.inject(lambda request: refused if all(word in request.path for word in dry) else PASS)
    done = present.run("poscloud", "preview")
    shows(
        done,
        f"Deployment faults/a could not be checked against the cluster: {sentence}",
        "1 to update",
        code=0,
    )
    assert times_told(done, "does not support dry run") == 1
