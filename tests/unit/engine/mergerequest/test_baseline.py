"""What a baseline tells, and whom it believes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from poscloud.engine.mergerequest.baseline import SCHEMA, read, take, write
from poscloud.engine.mergerequest.comment import write_comment
from poscloud.engine.mergerequest.compare import compare
from poscloud.engine.mergerequest.plain import EVERY, FIELDS
from poscloud.engine.mergerequest.sanitize import HASHED, Key
from poscloud.errors import PosCloudError
from poscloud.load import known_stacks, load_environment
from poscloud.render import render_environment
from tests.mergerequests import KEY, SHOP, compared, environment
from tests.planted import Planted
from tests.write_golden import ROOT

NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)
WORDS = ("variable", "argument", "annotation", "file", "label", "probe")


def planted(words: dict[str, str]) -> str:
    """Return a description with a word in every place that is not one of the plain ones."""
    q = {name: json.dumps(word) for name, word in words.items()}
    return f"""\
    backing: {{mysql: {{config: {{init_connect: {q["file"]}}}}}}}
    services:
      web:
        kind: java
        env: {{LEVEL: {q["variable"]}}}
        overrides:
          Deployment:
            metadata: {{annotations: {{note: {q["annotation"]}}}, labels: {{note: {q["label"]}}}}}
            spec: {{template: {{spec: {{containers: [{{name: web, args: [{q["argument"]}],
              livenessProbe: {{exec: {{command: [{q["probe"]}]}}}}}}]}}}}}}
    """


def test_no_value_beside_the_plain_ones_is_in_a_baseline() -> None:
    words = Planted(*WORDS)
    document = write(environment(planted(words.values)), KEY, NOW)
    assert words.found(document) == []
    for known in (
        b"harbor.example.com",
        b'"replicas":1',
        b'"storage":"20Gi"',
        b'"LEVEL"',
        b'"containerPort"',
    ):
        assert known in write(environment(SHOP), KEY, NOW)


def test_neither_an_old_nor_a_new_value_is_in_what_a_preview_writes() -> None:
    old, new = Planted(*WORDS), Planted(*WORDS)
    found = compared(planted(old.values), planted(new.values))
    assert {f.path.rpartition(".")[2] for item in found.objects for f in item.fields} >= {
        "value",
        "args[0]",
        "note",
    }
    text = f"{found}{write_comment(found, {})}"
    assert old.found(text) == new.found(text) == []
    assert HASHED not in text


def test_a_changed_secret_shows_as_changed_and_restarts_who_reads_it() -> None:
    stored = {"mysql.password": '{"secure": "v1:abc"}', "checksumKey": '{"secure": "v1:key"}'}
    assert compared(SHOP, SHOP, stored, stored).components == ()
    found = compared(SHOP, SHOP, stored, stored | {"mysql.password": '{"secure": "v1:xyz"}'})
    told = {item.id: [f"{f.path} {f.kind}" for f in item.fields] for item in found.objects}
    assert told == {
        "Secret/mysql": ["stringData.password changed"],
        "StatefulSet/mysql": [
            'spec.template.metadata.annotations["poscloud.io/secret-checksum"] changed',
        ],
    }
    assert found.restarts == 1
    comment = write_comment(found, {})
    assert "v1:" not in comment and "`stringData.password`: changed" in comment


def test_secrets_that_are_encrypted_anew_are_said_to_be() -> None:
    found = compared(SHOP, SHOP, {"encryptionsalt": "v1:a"}, {"encryptionsalt": "v1:b"})
    assert "encrypted anew" in write_comment(found, {})


def test_equal_values_have_the_same_hash_only_at_the_same_place_and_with_the_same_key() -> None:
    assert KEY.hashed("a", 1) == Key("not-a-real-key-of-a-baseline").hashed("a", 1)
    hashes = {KEY.hashed("a", value) for value in (1, True, "1", "true", 1.5, "")}
    others = {KEY.hashed("b", 1), Key("x" * 16).hashed("a", 1)}
    assert len(hashes | others) == 8
    assert {len(h.removeprefix(HASHED)) * 4 for h in hashes} == {128}


def test_a_short_key_is_refused() -> None:
    with pytest.raises(PosCloudError, match="POSCLOUD_BASELINE_KEY has 3 characters"):
        Key("abc")


def test_the_plain_fields_have_no_configuration_among_them() -> None:
    words = {step for rules in (EVERY, *FIELDS.values()) for rule in rules for step in rule.split(".")}
    assert not words & {"data", "stringData", "value", "args", "command", "annotations", "labels"}
    assert "Secret" not in FIELDS and "ConfigMap" not in FIELDS


def test_a_baseline_comes_back_as_it_was() -> None:
    base = environment(SHOP, {"encryptionsalt": "v1:a"})
    again = read(write(base, KEY, NOW), KEY, "x.json", "shop")
    assert (again.components, again.salt) == (base.components, base.salt)
    assert again.published == "2026-11-22T03:00:00+00:00"


def altered(**fields: Any) -> bytes:
    return json.dumps(json.loads(write(environment(SHOP), KEY, NOW)) | fields).encode()


@pytest.mark.parametrize(
    ("content", "stack", "message"),
    [
        (b"", "shop", "is damaged"),
        (b"[" * 100_000, "shop", "is damaged"),
        (b"[]", "shop", "is no baseline"),
        (altered(schema=SCHEMA + 1), "shop", "another version of poscloud"),
        (altered(key="00"), "shop", "another POSCLOUD_BASELINE_KEY"),
        (altered(components=[]), "shop", "changed by somebody without the key"),
        (altered(), "other", "is that of stack shop"),
    ],
)
def test_what_is_not_this_stacks_baseline_is_refused_with_the_next_command(
    content: bytes, stack: str, message: str
) -> None:
    with pytest.raises(PosCloudError, match=message) as error:
        read(content, KEY, "there/shop.json", stack)
    assert f"poscloud mr baseline publish -s {stack}" in error.value.hint
    assert "there/shop.json" in error.value.message


@pytest.mark.parametrize("stack", known_stacks(ROOT))
def test_nothing_changes_between_a_stack_and_its_own_baseline(stack: str) -> None:
    new = take(stack, render_environment(load_environment(ROOT, stack)), {}, KEY)
    assert compare(read(write(new, KEY, NOW), KEY, "x.json", stack), new).components == ()
