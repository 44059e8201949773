"""Run every measurement and print a table; ``--json`` prints one line each instead.

Absolute times depend on the machine, and machines are noisy: compare what was measured in one go.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from bench.measure import Row, cluster_rows, command_rows, provider_rows, stacks_rows
from poscloud.engine import deploy
from poscloud.local.progress import ConsoleReporter
from tests.workspace import Workspace


def main() -> int:
    """Measure in a workspace of its own; return 1 when a figure is above what is promised."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="poscloud-bench-") as folder:
        workspace = Workspace(Path(folder))
        deploy.install(workspace.root, ConsoleReporter())
        try:
            for measure in (stacks_rows, command_rows, provider_rows, cluster_rows):
                for row in measure(workspace):
                    rows.append(row)
                    print(f"  measured: {row.what}", file=sys.stderr)
        finally:
            workspace.control_plane.down(delete=True)
    if "--json" in sys.argv:
        for row in rows:
            print(json.dumps(row.as_data()))
    else:
        print("| what | measured | at most | |\n|---|---|---|---|")
        for row in rows:
            print(
                f"| {row.what} | {row.value:.3g} {row.unit} | {row.limit:g} {row.unit} | {'ok' if row.ok else 'OVER'} |"
            )
    return 0 if all(row.ok for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
