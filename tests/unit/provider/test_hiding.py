"""Secrets in messages: hidden in every form, also where a message was cut off; other words are left alone."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poscloud.provider.hiding import SHORTEST, Secrets

WORD = 'pa"ss <w&rd> \\ 50% ü'


def hidden(value: str, text: str) -> str:
    secrets = Secrets()
    secrets.learn({"data": {"k": base64.b64encode(value.encode()).decode()}}, {"data": True})
    return secrets.hide(text)


FORMS = {
    "plain": WORD,
    "base64": base64.b64encode(WORD.encode()).decode(),
    "json": json.dumps(WORD)[1:-1],
    "json of Go": json.dumps(WORD, ensure_ascii=False)[1:-1]
    .replace("<", "\\u003c")
    .replace(">", "\\u003e")
    .replace("&", "\\u0026"),
    "json in json": json.dumps(json.dumps(WORD)[1:-1])[1:-1],
    "url": quote(WORD, safe=""),
    "hex": WORD.encode().hex(),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_hidden(form: str) -> None:
    assert hidden(WORD, f"bad value {FORMS[form]}!") == "bad value [secret]!"


@given(st.binary(max_size=9), st.binary(max_size=9))
def test_inside_something_else_in_base64_nothing_of_it_is_left(before: bytes, after: bytes) -> None:
    text = base64.b64encode(before + b"a-fake-but-long-word" + after).decode()
    left = hidden("a-fake-but-long-word", text)
    assert "[secret]" in left
    assert len(left) <= len(base64.b64encode(before)) + len("[secret]") + len(base64.b64encode(after)) + 4


def test_each_line_of_a_key_is_hidden() -> None:
    key = "-----BEGIN KEY-----\nbm90IGEga2V5\nYXQgYWxsLg==\n"
    assert (
        hidden(key, "line 2:   bm90IGEga2V5, line 3: YXQgYWxsLg==") == "line 2:   [secret], line 3: [secret]"
    )


def test_what_is_in_credentials_is_hidden_and_the_host_is_not() -> None:
    auth = base64.b64encode(b"robot:a-fake-word").decode()
    credentials = json.dumps({"auths": {"harbor.example.com": {"username": "robot", "auth": auth}}})
    text = f"harbor.example.com refuses robot:a-fake-word ({auth})"
    assert hidden(credentials, text) == "harbor.example.com refuses [secret] ([secret])"


@pytest.mark.parametrize("dots", ["", "…", "..."])
def test_a_message_that_ends_in_the_middle_of_it_shows_nothing_of_it(dots: str) -> None:
    assert hidden("a-fake-but-long-word", f"wrong: a-fake-but-lo{dots}") == f"wrong: [secret]{dots}"
    assert hidden("a-fake-but-long-word", f"wrong: a-fake{dots}") == f"wrong: a-fake{dots}", (
        "too little to tell"
    )


@pytest.mark.parametrize(
    "after", [": invalid value", "… more text", "... more text", '" is wrong', "' is wrong"]
)
def test_cut_off_inside_a_message_nothing_of_it_is_left_either(after: str) -> None:
    assert hidden("hunter2-very-long-fake-word", f"got hunter2-very-long-f{after}") == f"got [secret]{after}"
    assert hidden("password-of-a-fake", f"no password given{after}") == f"no password given{after}"


def test_short_values_are_left_and_common_words_are_hidden_everywhere() -> None:
    assert hidden("abc", "abc is in abcd") == "abc is in abcd"
    assert SHORTEST == 4
    assert hidden("redis", "StatefulSet a/redis is not ready") == "StatefulSet a/[secret] is not ready"


@pytest.mark.parametrize("value", ["[" * 5000, '{"a":' * 900, "half of a pair: \ud800", "=" * 9])
def test_strange_values_are_learnt_without_complaint(value: str) -> None:
    secrets = Secrets()
    secrets.learn({"a": value}, {"a": True})
    assert secrets.hide("a message") == "a message"


def test_what_an_unknown_language_makes_of_it_hides_its_longest_word() -> None:
    assert hidden("it's 247a1dc35ba8 & more", r"it\\'s 247a1dc35ba8 %26") == r"it\\'s [secret] %26"
