"""Manifests as files, one a component, in the layout of the old ``init-yml``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from poscloud.render.environment import RenderedPart
from poscloud.render.manifest import Manifest, to_yaml
from poscloud.render.secrets import sources

HEADER = "# Rendered by poscloud; change the environment's description instead.\n"


def write_files(parts: Sequence[RenderedPart], folder: Path, *, show_secrets: bool = False) -> list[Path]:
    """Write ``folder``/ENVIRONMENT/{00-namespace.yaml, app/NAME.yaml, stateful-sets/NAME.yaml}.

    A Secret whose content is the stack's secret configuration is left out, because applying it would empty the
    real one; a comment says how to make it.

    Files of an earlier run that are no longer rendered are removed; files without our header are left alone.

    Args:
        parts: A rendered environment, the namespace first.
        folder: Where to write; made if it is not there.
        show_secrets: The Secrets have their content, and are written, into files that only their owner can read.

    Returns:
        The files that are there now, in start order.
    """
    base = folder / parts[0].name
    contents: dict[Path, str] = {}
    for part in parts:
        left_out = [m for m in part.manifests if sources(m) and not show_secrets]
        kept = [m for m in part.manifests if m not in left_out]
        notes = map(_note, left_out)
        contents[base / _place(part)] = "".join([HEADER, *notes, to_yaml(kept)])
    for old in base.glob("**/*.yaml"):
        if old not in contents and old.read_text(encoding="utf-8").startswith(HEADER):
            old.unlink()
    for file, text in contents.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(0o600 if show_secrets else 0o666)
        if show_secrets:
            file.chmod(0o600)
        file.write_text(text, encoding="utf-8")
    return list(contents)


def _note(secret: Manifest) -> str:
    name, namespace = secret["metadata"]["name"], secret["metadata"]["namespace"]
    files = " ".join(f"--from-file={key}=FILE" for key in sources(secret))
    return (
        f"# Secret '{name}' is not in this file, because it holds credentials. Create it with:\n"
        f"# kubectl -n {namespace} create secret generic {name} --type={secret['type']} {files}\n"
    )


def _place(part: RenderedPart) -> str:
    if part.kind == "environment":
        return "00-namespace.yaml"  # kubectl applies files in the order of their names
    stateful = any(m["kind"] == "StatefulSet" for m in part.manifests)
    return f"{'stateful-sets' if stateful else 'app'}/{part.name}.yaml"
