"""An nginx in front of services: its nginx.conf read back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from poscloud.imports.images import ImageNames
from poscloud.imports.source import Workload
from poscloud.render.nginx import HEADERS

_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|\'([^\']*)\'|(\S+)')
_TIMES = ("connect", "read", "send")
_ADDRESS = re.compile(r"(?P<service>[^.]+)\.(?P<environment>[^.]+)\.svc\.cluster\.local")
_SERVERS = ("listen", "set")


def is_nginx(workload: Workload) -> bool:
    """Whether a workload is an nginx whose configuration is known."""
    return "nginx.conf" in workload.config


def nginx_fields(workload: Workload, names: ImageNames) -> dict[str, Any]:
    """Return the fields of a gateway."""
    text = workload.config["nginx.conf"]
    fields: dict[str, Any] = {**names.of_program(workload.main["image"], "nginx"), "directives": []}
    fields |= _port(workload)
    volume = workload.volumes.get("tmp") or {}
    if size := (volume.get("emptyDir") or {}).get("sizeLimit"):
        fields["temp_space"] = size
    locations: dict[str, Any] = {}
    current: dict[str, Any] = {}
    where = key = ""
    for words, line in _lines(text):
        if line.endswith("{"):
            where = words[0]
            if where == "location":
                current, key = {}, " ".join(words[1:-1])
        elif line == "}":
            if where == "location":
                locations[key] = _location(current, workload.source.name)
                where = "server"
        elif where == "location":
            _setting(current, words, line)
        elif where == "server" and words[0] not in _SERVERS:
            fields["directives"].append(line.removesuffix(";"))
        elif where == "http":
            _setting(fields, words, line, known_only=True)
            fields |= _resolver(words)
    headers = {k: v for k, v in fields.pop("headers", {}).items() if HEADERS.get(k) != v}
    fields |= {"headers": headers} if headers else {}
    return {k: v for k, v in fields.items() if v != []} | {"locations": locations}


def _port(workload: Workload) -> dict[str, Any]:
    """Return the port of its Service; nginx itself listens on another one."""
    ports = workload.service["spec"].get("ports") if workload.service else None
    return {"port": ports[0]["port"]} if ports else {}


def _lines(text: str) -> Iterator[tuple[list[str], str]]:
    for line in map(str.strip, text.splitlines()):
        if line:
            words = [_unquoted(m) for m in _WORD.finditer(line.removesuffix(";"))]
            yield words, line


def _unquoted(match: re.Match[str]) -> str:
    if match[1] is not None:
        return re.sub(r"\\([\\\"])", r"\1", match[1])
    return match[2] if match[2] is not None else match[3]


def _resolver(words: list[str]) -> dict[str, Any]:
    if words[0] != "resolver":
        return {}
    valid = next((w for w in words if w.startswith("valid=")), "valid=30s")
    found: dict[str, Any] = {"resolver_valid": int(re.sub(r"\D", "", valid))}
    return found if words[1].startswith("@") else found | {"resolver": words[1]}


def _setting(fields: dict[str, Any], words: list[str], line: str, *, known_only: bool = False) -> None:
    name = words[0]
    if name == "client_max_body_size":
        fields["body_size"] = words[1]
    elif name in {f"proxy_{when}_timeout" for when in _TIMES}:
        fields[name.removeprefix("proxy_")] = int(words[1].removesuffix("s"))
    elif name == "proxy_set_header":
        fields.setdefault("headers", {})[words[1]] = words[2]
    elif known_only:
        return
    elif name in ("set", "proxy_pass", "rewrite"):
        fields[name] = words
    elif name == "access_log":
        fields["access_log"] = False
    else:
        fields.setdefault("directives", []).append(line.removesuffix(";"))


def _location(found: dict[str, Any], environment: str) -> Any:
    """Return a location as the language has it: its target alone, where nothing else is said."""
    host = found.pop("set", ["", "", ""])[2]
    scheme, _, rest = found.pop("proxy_pass", ["", "http://"])[1].partition("://")
    port = rest.rpartition(":")[2] if ":" in rest else ""
    to = f"{scheme}://{host}" + (f":{port}" if port else "")
    if (address := _ADDRESS.fullmatch(host)) and scheme == "http":
        own = address["environment"] == environment
        to = address["service"] if own else f"{address['service']}.{address['environment']}"
        to += f":{port}"
    if rewrite := found.pop("rewrite", None):
        prefix = rewrite[1].startswith("(?s)^")
        found["rewrite"] = rewrite[2].removesuffix("$1") if prefix else rewrite[2]
    if headers := found.pop("headers", None):
        found["headers"] = {k: v for k, v in headers.items() if HEADERS.get(k) != v}
    return {"to": to, **found} if found else to
