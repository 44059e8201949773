"""Running a program as its container would: it may write only where the rendered container mounts a volume."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from poscloud.render import Manifest

# In a mount namespace of its own. The last step, which hides this machine's /tmp, leaves the test's home where it was.
_SCRIPT = """\
set -e
home=$1 tmp=$2 folders=$3
shift 3
while [ "$folders" -gt 0 ]; do
  mount -n --bind "$1" "$1"
  shift
  folders=$((folders - 1))
done
mount -n -o remount,bind,ro /
if [ "$tmp" ]; then
  mount -n -t tmpfs tmpfs /mnt
  case "$home" in
    /tmp/*)
      mkdir -p "/mnt/${home#/tmp/}"
      mount -n --rbind "$home" "/mnt/${home#/tmp/}"
      ;;
  esac
  mount -n --move /mnt /tmp
fi
if touch "$home/written" 2>/dev/null; then
  echo "the root file system can be written to" >&2
  exit 1
fi
cd "$PWD" 2>/dev/null || cd "$home" # the folder that is mounted now
exec "$@"
"""


def confined(
    container: Manifest, command: Sequence[str | Path], home: Path, here: Mapping[str, Path]
) -> list[str]:
    """Return the command that runs ``command`` with a root file system as read-only as the container's.

    Args:
        container: As rendered.
        command: What to run.
        home: The test's own folder.
        here: Where a volume is mounted in the container → the folder that stands for it; configuration is in none.
    """
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    mounted = {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")}
    assert set(here) <= mounted, f"{set(here) - mounted} are no volumes of the container"
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    return [
        "unshare", "--mount", *user, "sh", "-c", _SCRIPT, "sh", str(home), "/tmp" if "/tmp" in mounted else "",
        str(len(here)), *map(str, here.values()), *map(str, command),
    ]  # fmt: skip
