"""Starting the plugin's process without the whole SDK.

The plugin needs the messages of Pulumi's protocol and nothing else of the package ``pulumi``, whose own import takes
longer than the rest of the start. Python imports a package before its modules, so empty packages take its place in
this process (docs/decisions/0018).
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType


def only_the_protocol() -> None:
    """Make ``pulumi.runtime.proto`` importable without the packages around it, unless they are loaded."""
    found = find_spec("pulumi")
    if found is None or not found.submodule_search_locations or "pulumi" in sys.modules:
        return
    folder = Path(found.submodule_search_locations[0])
    for name, place in (("pulumi", folder), ("pulumi.runtime", folder / "runtime")):
        package = ModuleType(name)
        package.__path__ = [str(place)]
        sys.modules[name] = package


def main() -> None:
    """Run the plugin; its arguments are the process's."""
    only_the_protocol()
    from poscloud.provider import server

    server.main()
