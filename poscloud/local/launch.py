"""Starting the Pulumi program so that its secrets are not in what lists processes and their variables.

The language host gives the program its configuration, decrypted, in the variable ``PULUMI_CONFIG``. What a process
was started with stays to be read in ``/proc/PID/environ`` (and by ``ps e``) as long as it runs, also after the
program has removed the variable; so the memory itself is overwritten, first thing.
"""

from __future__ import annotations

import ctypes
import gc
import os
import runpy
import sys

CONFIGURATION = "PULUMI_CONFIG"

COLLECT = 100_000
"""New objects after which Python looks for cycles; its own 700 is for programs that live long, not for ones that make
everything they need at once."""


INTERRUPTED = 130
"""Exit code of a program that was interrupted."""


def hide_configuration() -> None:
    """Overwrite the configuration in the variables this process was started with; ``os.environ`` keeps its copy.

    Children inherit what was overwritten: nothing. Does nothing where there is no such variable.
    """
    libc = ctypes.CDLL(None)
    libc.getenv.restype = ctypes.c_void_p
    libc.strlen.argtypes = [ctypes.c_void_p]
    libc.strlen.restype = ctypes.c_size_t
    address = libc.getenv(CONFIGURATION.encode())
    if address:
        ctypes.memset(address, 0, libc.strlen(address))


def launch() -> None:
    """Run the script named by the first argument as Python would, with the rest as its arguments."""
    hide_configuration()
    gc.set_threshold(COLLECT)
    del sys.argv[0]
    sys.path[0] = os.path.dirname(os.path.abspath(sys.argv[0]))
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)  # the engine ends its program so when it cannot go on, and has said why
