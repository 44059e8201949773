"""Files made to exhaust: each is refused at once, by a process that may not take more memory than it needs."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fuzz.profile import tried
from tests.unit.conftest import Project

MEMORY = 700 * 2**20
"""Bytes of address space of the process that loads them all; the interpreter with all its libraries takes half."""
SECONDS = 10.0
"""Of the process' own time for one of them; it takes less than one."""

_LOAD = """
import json, sys, time
from pathlib import Path
from poscloud.engine.description import describe
from poscloud.errors import InputError
for root in sys.argv[1:]:
    began = time.process_time()
    try:
        describe(Path(root), "env")
        said = "nothing"
    except InputError as error:
        said = str(error)
    print(json.dumps([said[:300] + said[-300:], time.process_time() - began]), flush=True)
"""

_LAUGHS = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)
)
_MERGED = "".join(f"a{i}: &a{i} {{<<: [{','.join([f'*a{i - 1}'] * 10)}]}}\n" for i in range(1, 9))
_QUADRATIC = "env: &e {" + ", ".join(f"A{i}: x" for i in range(4000)) + "}\nservices:\n"
_QUADRATIC += "".join(f"  s{i}: {{kind: java, env: *e}}\n" for i in range(4000))
_DEFAULTS = "defaults: {java: {env: {" + ", ".join(f"A{i}: x" for i in range(20_000)) + "}}}\nservices:\n"
_DEFAULTS += "".join(f"  s{i}: java\n" for i in range(20_000))
_REFERENCES = "services:\n" + "".join(f"  s{i}: {{kind: java, uses: [t{i}]}}\n" for i in range(300))
_RELEASES = "ingress: [{host: a.b, paths: {/: s0}}]\nservices:\n  s0: {kind: java, port: null}\n"
_RELEASES += "".join(
    f"  s{i}: {{kind: java, replicas: 2, release: {{strategy: canary, next: v2}}}}\n" for i in range(1, 300)
)

BOMBS = {
    "billion laughs": (_LAUGHS, "too-large"),
    "aliases of one large map": (_QUADRATIC, "too-large"),
    "defaults of many services": (_DEFAULTS, "too-large"),
    "brackets in brackets": ("a: " + "[" * 500_000, "too-deep"),
    "braces in braces": ("{a: " * 200_000, "too-deep"),
    "lists in lists": ("- " * 400_000, "too-deep"),
    "keys of keys": ("? " * 400_000, "too-deep"),
    "steps inwards": ("".join(" " * i + "a:\n" for i in range(1000)), "too-deep"),
    "merged maps": (_MERGED, "yaml-syntax"),
    "a value inside itself": ("services: &a {b: *a}", "yaml-syntax"),
    "anchors": ("".join(f"a{i}: &x{i} *x{i - 1}\n" for i in range(40_000)), "yaml-syntax"),
    "a long word": ("a: " + "x" * 900_000, "unknown-field"),
    "digits": ("quota: {cpu: " + "9" * 900_000 + "}", "wrong-value"),
    "zeros behind a number": ("quota: {cpu: 1e999999999999}", "wrong-value"),
    "many keys": ("".join(f"a{i}: 1\n" for i in range(5000)), "unknown-field"),
    "many services": ("services:\n" + "".join(f"  s{i}: java\n" for i in range(1001)), "wrong-value"),
    "many services of no kind": ("services:\n" + "".join(f"  s{i}: 1\n" for i in range(10_000)), "wrong-type"),
    "many references": (_REFERENCES, "unknown-reference"),
    "many releases": (_RELEASES, "no-port"),
    "50 MB": ("#" + "x" * 50_000_000, "unreadable"),
}  # fmt: skip


def test_a_bomb_is_refused_at_once(tmp_path: Path) -> None:
    roots = {name: Project(tmp_path / str(number)) for number, name in enumerate(BOMBS)}
    for name, project in roots.items():
        project.write("env.yaml", BOMBS[name][0])
    # One process for all: its start is most of what this takes.
    done = subprocess.run(
        [sys.executable, "-c", _LOAD, *(str(p.root) for p in roots.values())],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
        timeout=300,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(BOMBS), (list(BOMBS)[len(answers)], done.stderr[-2000:])
    for (name, (_, code)), (said, seconds) in zip(BOMBS.items(), answers, strict=True):
        assert f"[{code}]" in said and said.startswith("stacks/env.yaml"), (name, said)
        assert seconds < SECONDS, name
    tried("bombs", len(answers))


ENTRIES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a pipe": (os.mkfifo, "no"),
    "a folder": (Path.mkdir, "no"),
    "a device": (lambda path: path.symlink_to("/dev/zero"), "outside of the project"),
    "a link that leaves the project": (lambda path: path.symlink_to("/etc/passwd"), "outside of the project"),
    "a link to itself": (lambda path: path.symlink_to(path), "no"),
}  # fmt: skip
NAMED = {
    "extends": "extends: {}\n",
    "locations_from": "services: {{g: {{kind: nginx, locations_from: {}}}}}\n",
    "init_sql": "backing: {{db: {{kind: mysql, init_sql: [{{file: {}}}]}}}}\n",
}


@pytest.mark.parametrize("field", NAMED)
@pytest.mark.parametrize("entry", ENTRIES)
def test_only_ordinary_files_are_read(project: Project, entry: str, field: str) -> None:
    make, says = ENTRIES[entry]
    make(project.root / "stacks" / "other.yaml")
    problems = project.problems(NAMED[field].format("other.yaml"))
    assert any(says in problem.message and problem.line for problem in problems)
    tried("files that are none")


@pytest.mark.parametrize("field", NAMED)
@pytest.mark.parametrize(
    "path",
    [
        "../../outside.yaml",
        "/etc/passwd",
        "/proc/self/environ",
        "../stacks/../../outside.yaml",
        "../.poscloud/passphrase",
        "../.git/config",
        "linked",
    ],
)
def test_no_path_leaves_the_project(project: Project, path: str, field: str) -> None:
    (project.root.parent / "outside.yaml").write_text("services: {marked-secret: java}\n")
    for own in (".poscloud/passphrase", ".git/config"):
        (project.root / own).parent.mkdir()
        (project.root / own).write_text("services: {marked-secret: java}\n")
    (project.root / "stacks" / "linked").symlink_to(project.root / ".poscloud" / "passphrase")
    problems = project.problems(NAMED[field].format(path))
    assert any("outside of the project" in p.message and p.line for p in problems)
    assert not any("marked-secret" in str(p) for p in problems)
    tried("paths that leave the project")


def test_pairs_of_bases_are_not_followed_for_ever(project: Project) -> None:
    for number in range(30):
        project.write(f"base/b{number}.yaml", f"extends: [b{number + 1}.yaml, b{number + 1}.yaml]\n")
    project.write("base/b30.yaml", "services: {a: java}\n")
    problems = project.problems("extends: base/b0.yaml\n")
    assert [p.code for p in problems if p.line] == ["too-large"]
