"""Runs a command until it has printed a line, and ends it as Ctrl-C at a terminal does: for what runs until then."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

PATIENCE = 60
"""Seconds until it has to be over."""


def main() -> int:
    """Run the command of the arguments; its end counts as good if it is that of Ctrl-C."""
    with subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        late = threading.Timer(PATIENCE, process.kill)  # it may print nothing, or not end
        late.start()
        line = process.stdout.readline()
        sys.stdout.write(line)
        sys.stdout.flush()
        process.send_signal(signal.SIGINT)
        code = process.wait()
        late.cancel()
    return 0 if line and code in (0, 130, -signal.SIGINT) else code or 1


if __name__ == "__main__":
    sys.exit(main())
