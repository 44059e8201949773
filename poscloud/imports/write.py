"""The file of a description, as a person would have written it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from poscloud.load.yamlscalars import resolve

MODELINE = "# yaml-language-server: $schema=../schemas/environment.schema.json\n"
_ORDER = (
    "extends production adopt registry images pull_secret time_zone quota limits isolation monitoring access "
    "node_selector pool node_pools storage_classes priority_classes priority volumes secrets backing filebeat "
    "defaults services ingress"
).split()
_BLOCKS = ("images", "backing", "filebeat", "defaults", "services", "secrets", "volumes")
_SPACED = ("backing", "filebeat", "defaults", "services", "ingress", "secrets")
_SWITCHES = ("isolation", "monitoring")
"""Fields that are ``true`` with all their defaults."""
_LINE = 100
"""Longest map or list that is written on one line."""


class _Dumper(yaml.SafeDumper):
    """Writes short maps and lists on a line, text of several lines as a block, and no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    tag = "tag:yaml.org,2002:str"
    if "\n" in text:
        return dumper.represent_scalar(tag, text, style="|")
    # What this language's reader takes for a number or a word is quoted, whatever PyYAML's would make of it.
    return dumper.represent_scalar(tag, text, style=None if _is_plain_text(text) else '"')


def _is_plain_text(text: str) -> bool:
    return bool(text) and resolve(text) == "str"


_Dumper.add_representer(str, _text)


def as_yaml(data: Mapping[str, Any], comment: str) -> str:
    """Return the file of a description.

    Args:
        data: Its fields.
        comment: What its second line says.
    """
    lines = [MODELINE + "".join(f"# {line}\n" for line in comment.splitlines())]
    ordered = [k for k in _ORDER if k in data] + [k for k in data if k not in _ORDER]
    for field in ordered:
        value = True if field in _SWITCHES and data[field] == {} else data[field]
        if isinstance(value, dict) and not value and field != "filebeat":
            continue
        lines.append("\n" if field in _SPACED else "")
        if (
            isinstance(value, dict)
            and value
            and field in _BLOCKS
            and not (field == "images" and len(value) == 1)
        ):
            lines.append(f"{field}:\n")
            lines += [_indented(_dump({key: below})) for key, below in value.items()]
        else:
            lines.append(_dump({field: value}))
    return "".join(lines)


def _dump(entry: dict[str, Any]) -> str:
    """Return one entry on a line, if it fits there, or else in block style, its own entries one by one."""
    if all("\n" not in text for text in _texts(entry)):
        short = yaml.dump(
            entry, Dumper=_Dumper, default_flow_style=True, sort_keys=False, width=100_000, allow_unicode=True
        )
        short = short.strip()[1:-1]
        if len(short) <= _LINE:
            return f"{short}\n"
    ((key, value),) = entry.items()
    if isinstance(value, dict) and value:
        head = yaml.dump(key, Dumper=_Dumper, allow_unicode=True).split("\n")[0]
        return f"{head}:\n" + "".join(_indented(_dump({k: v})) for k, v in value.items())
    return str(
        yaml.dump(
            entry, Dumper=_Dumper, default_flow_style=False, sort_keys=False, width=110, allow_unicode=True
        )
    )


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [t for k, v in value.items() for t in (str(k), *_texts(v))]
    if isinstance(value, list):
        return [t for v in value for t in _texts(v)]
    return [value] if isinstance(value, str) else []


def _indented(text: str) -> str:
    return "".join(f"  {line}" if line.strip() else line for line in text.splitlines(keepends=True))
