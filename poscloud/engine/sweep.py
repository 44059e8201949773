"""``poscloud sweep``: what a killed run left, listed or removed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from poscloud.engine import leftovers
from poscloud.engine.deploy import prepare
from poscloud.engine.inventory import Item
from poscloud.engine.leftovers import Leftovers
from poscloud.local.progress import Reporter


@dataclass(frozen=True)
class Swept:
    """What a sweep found.

    Attributes:
        found: What there was before it.
        removed: What it removed.
    """

    found: Leftovers
    removed: list[Item]

    @property
    def is_clean(self) -> bool:
        """Whether no leftover is there any more; claims do not count, they are kept on purpose."""
        return set(self.found.objects) <= set(self.removed)


def sweep(root: Path, stack: str, reporter: Reporter, *, yes: bool, data: bool) -> Swept:
    """Look for what no state of a stack knows any more, and remove it if that is wanted.

    Args:
        root: The project's folder.
        stack: The environment; its description may be gone.
        reporter: Shows progress.
        yes: Remove the leftovers.
        data: With ``yes``, remove the claims that nothing uses as well, and with them their data.

    Raises:
        PosCloudError: Another run is under way, the description is wrong, or something could not be removed.
    """
    prepared = prepare(root, stack, reporter)
    found = leftovers.find(prepared.pulumi, prepared.kubectl, stack)
    removed = [*found.objects, *(found.claims if data else [])] if yes else []
    leftovers.remove(prepared.kubectl, removed)
    return Swept(found, removed)
