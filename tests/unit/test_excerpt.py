"""The line of a problem: what of it is shown, and where the carets stand."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from poscloud.errors import Problem
from poscloud.load.excerpt import WIDTH, excerpt, masked


def shown(tmp_path: Path, text: str, line: int, column: int) -> tuple[str, str]:
    (tmp_path / "a.yaml").write_text(text)
    found = excerpt(Problem(Path("a.yaml"), line, column, "x", "y"), tmp_path)
    assert found
    return found.lines()


def test_carets_are_under_the_word(tmp_path: Path) -> None:
    assert shown(tmp_path, "a: 1\nb: {c: word}\n", 2, 8) == ("    2 | b: {c: word}", "      |        ^^^^")


def test_wide_characters_take_two_columns(tmp_path: Path) -> None:
    assert shown(tmp_path, "支付: 甲乙\n", 1, 5) == ("    1 | 支付: 甲乙", "      |       ^^^^")


def test_a_tab_is_one_column(tmp_path: Path) -> None:
    assert shown(tmp_path, "\ta: 1\n", 1, 2) == ("    1 |  a: 1", "      |  ^")


def test_of_a_long_line_the_surroundings_are_shown(tmp_path: Path) -> None:
    line, carets = shown(tmp_path, f"a: {'x ' * 200}word{' y' * 200}\n", 1, 404)
    assert line.count("…") == 2 and len(line) == len("    1 | ") + WIDTH + 2
    assert line[carets.index("^") : carets.rindex("^") + 1] == "word"


def test_what_is_missing_at_the_end_is_missed_behind_the_last_line(tmp_path: Path) -> None:
    assert shown(tmp_path, "a: [1\n", 2, 1) == ("    1 | a: [1", "      |      ^")


@pytest.mark.parametrize("problem", [Problem(None, 1, 1, "x", "y"), Problem(Path("no"), 1, 1, "x", "y")])
def test_without_a_file_there_is_no_line(tmp_path: Path, problem: Problem) -> None:
    assert excerpt(problem, tmp_path) is None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("DB_PASSWORD: hunter2", "DB_PASSWORD: *******"),
        ('"dbPassword": "hunter 2", x: y', '"dbPassword": "********", x: y'),
        ("{name: API_TOKEN, value: abc, x: y}", "{name: API_TOKEN, value: ***, x: y}"),
        ("password=abc", "password=***"),
        ("java_opts: -Xmx1g -Ddb.password=abc -Dx=y", "java_opts: -Xmx1g -Ddb.password=*** -Dx=y"),
        ("url: redis://:abc@redis:6379", "url: redis://:***@redis:6379"),
        ("url: jdbc:mysql://db/x?user=a&password=abc&x=y", "url: jdbc:mysql://db/x?user=a&password=***&x=y"),
        ("password: true", "password: true"),
        ("PASSWORD: ${redis.secret}", "PASSWORD: ${redis.secret}"),
        ("env: {DB: {secret: database, key: password}}", "env: {DB: {secret: database, key: password}}"),
        ("secrets: {git: [username, password]}", "secrets: {git: [username, password]}"),
        ("PASSWORD_FILE: /run/secrets/x", "PASSWORD_FILE: /run/secrets/x"),
        ("version: 20261101-r1842", "version: 20261101-r1842"),
        ('{"name": "DB_PASSWORD", "value": "q"}', '{"name": "DB_PASSWORD", "value": "*"}'),
        ("{'value': 'q', 'name': 'DB_PASSWORD'}", "{'value': '*', 'name': 'DB_PASSWORD'}"),
        ('env={"DB_PASSWORD": "a, b}"}, x=1', 'env={"DB_PASSWORD": "*****"}, x=1'),
        ('DB_PASSWORD: "a\\"b#c" # old', 'DB_PASSWORD: "******" # old'),
        ("DB_PASSWORD: 'a''b'", "DB_PASSWORD: '****'"),
        ("DB_PASSWORD: a, b] c} \"d\" 'e' #f", "DB_PASSWORD: *******************"),
        ("DB_PASSWORD: #abc", "DB_PASSWORD: ****"),
        ("DB_PASSWORD: [abc", "DB_PASSWORD: ****"),
        ("DB_PASSWORD: {abc", "DB_PASSWORD: ****"),
        ("{DB_PASSWORD: ab]c, x: y}", "{DB_PASSWORD: ***********"),
        ("{DB_PASSWORD: a#b, x: y}", "{DB_PASSWORD: ***, x: y}"),
        ("DB_PASSWORD: abc, X: ${x}", "DB_PASSWORD: ************"),
        ("{DB_PASSWORD: ${redis.secret}, x: y}", "{DB_PASSWORD: ${redis.secret}, x: y}"),
        ("DB_PASSWORD: {secret: db, key: password}", "DB_PASSWORD: {secret: db, key: password}"),
    ],
)
def test_secrets_are_not_shown(line: str, expected: str) -> None:
    assert masked(line) == expected


@pytest.mark.parametrize(
    ("text", "line", "column", "expected"),
    [
        ("- name: DB_PASSWORD\n  value: hunter2\n", 2, 10, "  value: *******"),
        ("- value: hunter2\n  name: DB_PASSWORD\n", 1, 10, "- value: *******"),
        ("DB_PASSWORD:\n  hunter2, }\n", 2, 3, "  **********"),
        ("DB_PASSWORD: |\n\n  a\n  hunter2\n", 4, 3, "  *******"),
        ("DB_PASSWORD: |\n  hunter2\n", 1, 14, "DB_PASSWORD: *"),
        ("X: hunter2 ] , } '\n", 1, 4, "X: ***************"),
        ('X: "hunter2" # a\n', 1, 4, 'X: "*******" # a'),
        ('X: "hunter2" "more"\n', 1, 4, "X: ****************"),
        ("X: [hunter2\n", 1, 4, "X: ********"),
        ("X: f'hunter2', Y\n", 1, 4, "X: *************"),
    ],
)
def test_what_a_finding_calls_a_secret_is_hidden(
    tmp_path: Path, text: str, line: int, column: int, expected: str
) -> None:
    (tmp_path / "a.yaml").write_text(text)
    found = excerpt(Problem(Path("a.yaml"), line, column, "secret-in-clear", "y"), tmp_path)
    assert found and (found.text, found.indent) == (expected, column - 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- name: DB_PASSWORD\n  value: hunter2\n", "  value: *******"),
        ("DB_PASSWORD:\n  hunter2\n", "  *******"),
        ("DB_PASSWORD:\n  secret: db\n", "  secret: db"),
        ("env:\n  X: hunter\n", "  X: hunter"),
    ],
)
def test_other_findings_hide_the_value_of_the_line_above(tmp_path: Path, text: str, expected: str) -> None:
    assert shown(tmp_path, text, 2, 3)[0] == f"    2 | {expected}"


@pytest.mark.parametrize(
    "piece",
    ["a", "a.", "-", "eyJ-", "a: ", "://", "name: a, ", "IDENTIFIED BY ", "Aa1", " ", "{password: a, "],
)
def test_a_long_line_is_masked_in_no_time(piece: str) -> None:
    started = time.process_time()
    masked(piece * (20_000 // len(piece)))
    assert time.process_time() - started < 2
