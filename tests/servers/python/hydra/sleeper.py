"""Waits until it is asked to stop, and says that it was."""

import signal
import sys
import time
from pathlib import Path
from typing import Any


def end(*_: Any) -> None:
    """Take a moment, as a program does that ends its work, and say so."""
    time.sleep(0.5)
    Path("stopped").touch()
    sys.exit()


signal.signal(signal.SIGTERM, end)
Path("started").touch()
while True:
    signal.pause()
