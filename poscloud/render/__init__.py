"""Pure functions from specs to Kubernetes manifests.

Everything that decides *what* runs is here: the same manifests feed ``poscloud render``, the golden
files and ``pulumi up``. No Pulumi, no I/O.
"""

from poscloud.render import names
from poscloud.render.environment import RenderedPart, render_environment
from poscloud.render.manifest import Manifest, to_yaml

__all__ = ["Manifest", "RenderedPart", "names", "render_environment", "to_yaml"]
