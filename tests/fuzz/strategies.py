"""Environments made from the models' own fields: a new kind or field is tried without a word here.

Each begins with a part of examples/ and gets other values for some fields: by type, bounds, pattern and validator,
with what is odd and still right, and with what is wrong.
"""

from __future__ import annotations

import copy
import types
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from annotated_types import Ge, Gt, Le, Lt, MinLen
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from poscloud.load.included import include_files
from poscloud.load.merge import apply_defaults, read_with_bases
from poscloud.spec import EnvironmentSpec
from poscloud.spec import base as names
from poscloud.spec.kinds import BACKING_KINDS, SERVICE_KINDS
from tests.fuzz.mutations import ODD
from tests.workspace import ROOT

KINDS: Mapping[str, type[BaseModel]] = {**SERVICE_KINDS, **BACKING_KINDS}
NAME = "fuzz"
LONG_NAME = "f" * names.MAX_NAME

# What the parts of every environment may refer to, so that references lead somewhere.
SURROUNDINGS = yaml.safe_load("""
secrets: {creds: [username, password, tls.crt, tls.key]}
node_pools: {pool: {labels: {pool: a}, hosts: 50}}
volumes: {vol: {nfs: {server: 10.0.0.1, path: /a}}}
storage_classes: {class: {ceph_rbd: {cluster_id: a, secret: ceph}}}
priority_classes: {prio: {value: 7}}
backing: {zookeeper: {}, kafka: {}, redis: {}}
services: {web: {kind: java}}
""")
KNOWN = ("zookeeper", "kafka", "redis", "web", "pool", "vol", "class", "prio", "creds", "username")


def _edge(first: str, middle: str, last: str, longest: int) -> st.SearchStrategy[str]:
    """Words up to the longest, made of these characters."""
    lengths = st.sampled_from((1, 2, 3, longest - 11, longest - 10, longest - 1, longest, longest + 1))
    return lengths.map(lambda n: (first + middle * n)[: n - 1] + last if n > 1 else last[:1])


_dns_labels = _edge("a", "b-9", "c", 63) | _edge("a", "-", "0", 52) | _edge("9", "-", "9", 63)
_dns_names = _dns_labels | _edge("a", "b.c-", "d", 253) | st.sampled_from(("1.2.3", "a..b", "a.-b", "A"))
_env_names = st.sampled_from(
    ("A", "_", "a.b-c", "HTTP_PROXY", "9A", "a b", "A=B", "", ".", "..", "..a", "TZ", "x" * 300)
)
_quantities = st.sampled_from(
    "0 1 2 100m 0.5 .5 5. 1500m 1k 1M 1Ki 512Mi 1.5Gi 1e3 1E3 1e-3 12e6 1E 1Ei 8Ei 16Ei 0.1Mi 1u 1n 0.1n 1000000n 007 "
    "1e18 9223372036854775807 9223372036854775808 99999999999999999999 1e30 1e400 1e99999999999 +1 -1 1.2.3 1mi ١ ３ "
    "0.000000000000000001 123456789.123456789Ki 1e+3 1Pi 1P 1T 0m 0Ki 00".split()
) | st.integers(0, 2**40) | st.floats(0, 1e12)  # fmt: skip
_texts = st.one_of(
    st.sampled_from(KNOWN),
    st.sampled_from([o for o in ODD if isinstance(o, str)]),
    st.text(max_size=20),
    _dns_labels,
)
_BY_VALIDATOR: Mapping[str, st.SearchStrategy[Any]] = {
    "check_name": st.sampled_from(KNOWN) | _dns_labels,
    "check_stateful_name": st.sampled_from(KNOWN) | _dns_labels,
    "check_dns_name": st.sampled_from(KNOWN) | _dns_names,
    "check_env_name": _env_names,
    "_checked": _quantities,
}

_BY_FIELD: Mapping[str, st.SearchStrategy[Any]] = {
    # Whatever a patch says goes to the API server, which alone can judge it.
    "overrides": st.dictionaries(
        st.sampled_from(("Deployment", "StatefulSet", "Service", "Ingress")),
        st.sampled_from(({"metadata": {"labels": {"a": "b"}}}, {"metadata": {"annotations": {"a": None}}})),
        max_size=2,
    ),
    "uses": st.lists(st.sampled_from(("redis", "kafka", "zookeeper", "web", "nobody")), max_size=2),
    "pool": st.sampled_from(("pool", "pool", "nobody")),
    "mounts": st.dictionaries(
        st.just("vol"), st.sampled_from(("/a", "/a/b.c", "/data/é", "/opt/data", "/tmp"))
    ),
    "filebeat": st.just(False)
    | st.sampled_from(
        (
            {"kafka": {"hosts": ["a:1"], "topic": "t"}},
            {"redis": {"backing": "redis"}},
            {"elasticsearch": {"hosts": ["a:9200"]}},
            {"logstash": {"hosts": ["a:5044"]}},
            {"paths": ["/data/log/a.log"], "multiline": {"pattern": "^a"}},
        )
    ),
}
"""Fields whose values have to fit what stands elsewhere; of the others the type says enough."""


def _numbers(metadata: tuple[Any, ...], whole: bool) -> st.SearchStrategy[Any]:
    low = next((m.ge if isinstance(m, Ge) else m.gt for m in metadata if isinstance(m, (Ge, Gt))), None)
    high = next((m.le if isinstance(m, Le) else m.lt for m in metadata if isinstance(m, (Le, Lt))), None)
    edges = [0, 1, 2, 80, 8080, 30001, -1, 2**31 - 1, 2**31, 2**63, 10**20]
    edges += [e + d for e in (low, high) if e is not None for d in (-1, 0, 1)]
    inside = [e for e in edges if (low is None or e >= low) and (high is None or e <= high)]
    chosen = st.sampled_from(inside or edges) | st.sampled_from(inside or edges) | st.sampled_from(edges)
    return chosen if whole else chosen | st.floats(allow_nan=False)


def _strings(metadata: tuple[Any, ...], examples: list[Any]) -> st.SearchStrategy[Any]:
    for item in metadata:
        known = _BY_VALIDATOR.get(getattr(getattr(item, "func", None), "__name__", ""))
        if known is not None:
            return known | st.sampled_from(examples) if examples else known
    patterns = [p for m in metadata if (p := getattr(m, "pattern", None))]
    chosen = [st.from_regex(p, fullmatch=True).filter(lambda t: len(t) < 300) for p in patterns] or [_texts]
    return st.one_of(*chosen, *([st.sampled_from(examples)] * 2 if examples else [_texts]))


@cache
def _of_model(model: type[BaseModel], depth: int) -> st.SearchStrategy[Any]:
    required = {n: of_field(f, depth - 1) for n, f in model.model_fields.items() if f.is_required()}
    others = {n: f for n, f in model.model_fields.items() if not f.is_required() and n != "kind"}
    if depth <= 0 or not others:
        return st.fixed_dictionaries(required)
    chosen = st.lists(st.sampled_from(sorted(others)), max_size=3, unique=True)
    return chosen.flatmap(
        lambda fields: st.fixed_dictionaries(
            {**required, **{n: of_field(others[n], depth - 1) for n in fields}}
        )
    )


@cache
def _of_field_of(model: type[BaseModel], name: str) -> st.SearchStrategy[Any]:
    return of_field(model.model_fields[name])


def of_field(field: FieldInfo, depth: int = 3) -> st.SearchStrategy[Any]:
    """Return values for a field of a model, most of which are right."""
    examples = [e for e in field.examples or ()]
    return _of(field.annotation, tuple(field.metadata), examples, depth)


def _of(kind: Any, metadata: tuple[Any, ...], examples: list[Any], depth: int) -> st.SearchStrategy[Any]:
    origin, arguments = get_origin(kind), get_args(kind)
    given = [st.sampled_from(examples)] if examples else []
    if origin is Annotated:
        added = [n for m in arguments[1:] for n in (m.metadata if isinstance(m, FieldInfo) else [m])]
        return _of(arguments[0], (*metadata, *added), examples, depth)
    if origin in (Union, types.UnionType):
        return st.one_of(*(_of(a, metadata, examples, depth) for a in arguments))
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin in (dict, tuple, list):
        least = next((m.min_length for m in metadata if isinstance(m, MinLen)), 0)
        inner = [_of(a, (), [], depth - 1) for a in arguments if a is not Ellipsis]
        several = st.dictionaries if origin is dict else st.lists
        return st.one_of(*given, several(*inner, min_size=least, max_size=3))
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return st.one_of(*given, _of_model(kind, depth))
    if kind is str:
        return _strings(metadata, [e for e in examples if isinstance(e, str)])
    if kind in (int, float):
        return _numbers(metadata, kind is int)
    return {bool: st.booleans(), type(None): st.none()}.get(kind, st.sampled_from(ODD))  # Any


def _examples() -> dict[str, list[tuple[dict[str, Any], str, str]]]:
    """Return for each kind the environments of examples/ that have a part of it, with the part's group and name."""
    found: dict[str, list[tuple[dict[str, Any], str, str]]] = {kind: [] for kind in KINDS}
    for file in sorted((ROOT / "examples").glob("*.yaml")):
        node = read_with_bases(file, ROOT, []) if file.name != "images.yaml" else None
        if node is None:
            continue
        include_files(node, ROOT, [])
        document = apply_defaults(node, []).plain()
        for group in ("services", "backing"):
            for name, part in (document.get(group) or {}).items():
                for piece in part.get("init_sql") or ():
                    if isinstance(piece, dict):
                        piece.pop("file", None)
                found[part["kind"]].append((document, group, name))
    return found


EXAMPLES = _examples()


@st.composite
def environments(draw: Any) -> dict[str, Any]:
    """Return a description some parts of which, and the environment itself, have other values in some fields."""
    kind = draw(st.sampled_from(sorted(KINDS)))
    source, group, name = draw(st.sampled_from(EXAMPLES[kind]))
    document = {**copy.deepcopy(SURROUNDINGS), **copy.deepcopy(source)}
    for key in ("services", "backing"):
        document[key] = {**copy.deepcopy(SURROUNDINGS[key]), **document.get(key, {})}
    part = _varied(draw, document[group].pop(name), KINDS[kind], most=7)
    if draw(st.integers(0, 9)) == 0:
        name = draw(_dns_labels)
    document[group][name] = part
    if draw(st.integers(0, 2)) == 0:
        document = _varied(draw, document, EnvironmentSpec, most=3, without=("name", "services", "backing"))
    return document


def _varied(
    draw: Any, given: dict[str, Any], model: type[BaseModel], most: int, without: tuple[str, ...] = ("kind",)
) -> dict[str, Any]:
    """Return ``given`` with other values for some fields: those that do not fit are left out, but for one in ten."""
    fields = sorted(n for n in model.model_fields if n not in without)
    for name in draw(st.lists(st.sampled_from(fields), max_size=most, unique=True)):
        value = draw(_BY_FIELD[name] if name in _BY_FIELD else _of_field_of(model, name))
        if draw(st.integers(0, 2)):
            value = _deeper(draw, given.get(name, value), model.model_fields[name].annotation)
        if isinstance(value, dict) and isinstance(given.get(name), dict) and draw(st.booleans()):
            value = {**given[name], **value}
        changed = {**given, name: value}
        if _fits(changed, model) or draw(st.integers(0, 9)) == 0:
            given = changed
    return given


def _deeper(draw: Any, value: Any, annotation: Any) -> Any:
    """Return a value of models, one of which has other values in some of its own fields."""
    if isinstance(value, list | tuple) and value:
        at = draw(st.integers(0, len(value) - 1))
        return [*value[:at], _deeper(draw, value[at], annotation), *value[at + 1 :]]
    if not isinstance(value, dict):
        models = [m for m in models_in(annotation) if _fits({}, m)]
        return _varied(draw, {}, draw(st.sampled_from(models)), most=4) if models else value
    if model := next((m for m in models_in(annotation) if _fits(value, m)), None):
        return _varied(draw, value, model, most=4)
    if value and get_origin(annotation) is dict:
        key = draw(st.sampled_from(sorted(value, key=str)))
        return {**value, key: _deeper(draw, value[key], annotation)}
    return value


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """Return the models that a value of this type may be, or be made of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in models_in(inner)]


def _fits(given: dict[str, Any], model: type[BaseModel]) -> bool:
    try:
        model.model_validate({"name": NAME, **given} if model is EnvironmentSpec else given)
    except ValidationError:
        return False
    return True
