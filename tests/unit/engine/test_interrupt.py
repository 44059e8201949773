"""What an interrupt does to a command that poscloud runs, as processes see it."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

RUN = """
import sys, os
from pathlib import Path
from poscloud.engine.interrupt import Interruptible
sys.exit(Interruptible().run([sys.executable, "-u", "-c", sys.argv[1]], cwd=Path.cwd(), environment=os.environ))
"""
UNDONE = """
import signal, sys
from poscloud.engine.interrupt import stopped_alike
try:
    with stopped_alike():
        print("up", flush=True)
        signal.pause()
except KeyboardInterrupt:
    sys.exit(7)
"""
ORDERLY = "import signal, sys; signal.signal(2, lambda *_: sys.exit(7)); print('up'); signal.pause()"
DEAF = "import signal; signal.signal(2, lambda *_: print('no')); print('up')\nwhile True: signal.pause()"
FINISHES = "import signal, sys; signal.signal(2, lambda *_: sys.exit(0)); print('up'); signal.pause()"


@pytest.mark.parametrize(
    ("command", "numbers", "code"),
    [
        (ORDERLY, [signal.SIGINT], 130),
        (ORDERLY, [signal.SIGTERM], 130),
        (FINISHES, [signal.SIGINT], 0),
        (DEAF, [signal.SIGINT, signal.SIGINT, signal.SIGINT], 130),
    ],
)
def test_an_interrupt_is_passed_on_and_the_third_kills(
    command: str, numbers: list[signal.Signals], code: int
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, command], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    for count, number in enumerate(numbers, 1):
        process.send_signal(number)
        if count < len(numbers):
            assert process.stdout.readline() == "no\n"
    assert process.wait(20) == code
    process.stdout.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_undoes_itself_does_so_after_either_signal(number: signal.Signals) -> None:
    # As a shell starts what it has in the background: without SIGINT.
    ignoring = ["sh", "-c", 'trap "" INT; exec "$@"', "sh"]
    process = subprocess.Popen([*ignoring, sys.executable, "-c", UNDONE], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    process.send_signal(number)
    assert process.wait(20) == 7
    process.stdout.close()
