"""What an import found, as text and as data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from poscloud.engine.registryauth import CONFIG, carry_over
from poscloud.imports.cleartext import HIDDEN
from poscloud.imports.difference import FieldDifference
from poscloud.imports.importing import Imported
from poscloud.load.stacks import STACKS

_LONGEST = 60


def lines(result: Imported, most: int, *, written: bool) -> Iterator[str]:
    """Yield a line for each thing that is different, ``most`` fields at most, and what to run next if it is written."""
    proof = result.proof
    for difference in proof.fields[:most]:
        yield _difference(difference)
    if len(proof.fields) > most:
        yield f"… and {len(proof.fields) - most} more fields: --json has all"
    for kind, name in proof.only_source:
        yield f"no component  {kind} {name}: it stays as it is, outside the description"
    for kind, name in proof.only_rendered:
        yield f"new  {kind} {name}: the source has none, up would make it"
    for note in result.notes:
        yield f"note  {note}"
    for config in secrets(result):
        if config == CONFIG and result.spec.adopt and result.spec.pull_secret:
            cluster = result.takeover.cluster if result.takeover else ()
            command = carry_over(result.spec.name, result.spec.pull_secret, *cluster)
            yield f"secret  before up, which refuses to replace the registry's credentials by none: {command}"
        else:
            yield f"secret  set its value: poscloud secret set -s {result.spec.name} {config}"
    if result.takeover and written:
        yield f"takeover  {result.takeover.file} has {result.takeover.objects} objects that run; to take them over:"
        yield from (f"    {command}" for command in result.takeover.commands)


def summary(result: Imported, *, written: bool) -> str:
    """Return in one line what became of the import."""
    proof, name = result.proof, result.spec.name
    parts = len(result.spec.services) + len(result.spec.backing)
    where = f"{STACKS}/{name}.yaml: {parts} components"
    if proof.equal:
        said = f"{where}, equal to the source in all {proof.compared} objects"
    else:
        said = (
            f"{where}; {proof.compared} objects compared, {len(proof.fields)} fields differ, "
            f"{len(proof.only_source)} objects without a component, {len(proof.only_rendered)} new"
        )
    return f"{said}; next: poscloud validate -s {name}" if written else said


def secrets(result: Imported) -> list[str]:
    """Return the secret configuration that has to be set, because a description holds no value."""
    spec = result.spec
    found = [f"{name}.{key}" for name, keys in spec.secrets.items() for key in keys]
    for name, part in spec.backing.items():
        if getattr(part, "password", False) is True and getattr(part, "with_password", False):
            found += [f"{name}.{key}" for key in getattr(part, "secret_keys", ())]
    return found + ([CONFIG] if spec.pull_secret else [])


def as_data(result: Imported) -> dict[str, Any]:
    """Return the import for ``--json``."""
    proof, taken = result.proof, result.takeover
    return {
        "stack": result.spec.name,
        "file": f"{STACKS}/{result.spec.name}.yaml",
        "equal": proof.equal,
        "compared": proof.compared,
        "fields": [
            {"kind": d.kind, "name": d.name, "path": d.path, "source": d.source, "rendered": d.rendered}
            for d in proof.fields
        ],
        "without_component": [{"kind": k, "name": n} for k, n in proof.only_source],
        "new": [{"kind": k, "name": n} for k, n in proof.only_rendered],
        "notes": result.notes,
        "secrets": secrets(result),
        **(
            {"import_file": str(taken.file), "objects": taken.objects, "next": taken.commands}
            if taken
            else {}
        ),
    }


def _difference(difference: FieldDifference) -> str:
    d = difference
    if d.source == d.rendered == HIDDEN:
        return f"differs  {d.kind} {d.name} {d.path}: its content, which is not shown"
    return f"differs  {d.kind} {d.name} {d.path}: {_value(d.source)} in the source, {_value(d.rendered)} rendered"


def _value(value: Any) -> str:
    if value is None:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
