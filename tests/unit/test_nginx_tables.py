"""Tables of locations: read as written, checked at their place, and limited by what a ConfigMap holds."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from poscloud.engine.description import load_checked
from poscloud.errors import InputError, Problem
from poscloud.load import load_environment, read_locations
from poscloud.render import render_environment
from poscloud.render.startscript import start_script
from poscloud.spec import EnvironmentSpec, NginxGatewaySpec
from tests.unit.conftest import Project

STACK = "services:\n  web: java\n  gw: {kind: nginx, locations_from: routes.csv}\n"


def locations(spec: EnvironmentSpec) -> dict[str, dict[str, object]]:
    gateway = spec.services["gw"]
    assert isinstance(gateway, NginxGatewaySpec)
    return {key: value.model_dump(exclude_defaults=True) for key, value in gateway.locations.items()}


def nginx_conf(spec: EnvironmentSpec) -> str:
    found = [m for part in render_environment(spec) for m in part.manifests if m["kind"] == "ConfigMap"]
    text: str = found[0]["data"]["nginx.conf"]
    return text


def problems(project: Project, text: str = STACK) -> list[Problem]:
    project.write("env.yaml", text)
    with pytest.raises(InputError) as caught:
        load_checked(project.root, "env")
    return caught.value.problems


def test_a_table_comes_first_and_its_cells_are_read_as_yaml_would(project: Project) -> None:
    table = project.write(
        "routes.csv",
        """\
        location, to, rewrite, read_timeout, body_size, access_log
        # the first ones
        /a/, web, /, 600, ,

        "~ ^/b/[0-9]{1,3}$", "tomcat.dac-prod:9090", , , 1g, false
        """,
    )
    spec = project.load(STACK.replace("routes.csv", "routes.csv, locations: {/c/: web}"))
    assert locations(spec) == {
        "/a/": {"to": "web", "rewrite": "/", "read_timeout": 600},
        "~ ^/b/[0-9]{1,3}$": {"to": "tomcat.dac-prod:9090", "body_size": "1g", "access_log": False},
        "/c/": {"to": "web"},
    }
    in_python = NginxGatewaySpec(locations={**read_locations(table), "/c/": {"to": "web"}})
    assert in_python == spec.services["gw"]


def test_a_table_of_a_base_is_relative_to_the_base_and_overridden_by_name(project: Project) -> None:
    project.write("base/routes.yaml", "/a/: web\n/b/: {to: web, rewrite: /}\n")
    project.write("base/gw.yaml", STACK.replace("routes.csv", "routes.yaml"))
    spec = project.load(
        "extends: base/gw.yaml\nservices: {gw: {locations: {/a/: null, /b/: {rewrite: /x/}}}}\n"
    )
    assert locations(spec) == {"/b/": {"to": "web", "rewrite": "/x/"}}


def test_mistakes_in_a_table_are_reported_there(project: Project) -> None:
    project.write("routes.csv", "location,to\n/a/,wbe\n/b/,web,1\n/c/,a b\n/d/,web\n/d/,web\n")
    found = [(str(p.file), p.line, p.code) for p in problems(project)]
    assert found == [
        ("stacks/routes.csv", 2, "unknown-reference"),
        ("stacks/routes.csv", 3, "wrong-value"),
        ("stacks/routes.csv", 4, "wrong-value"),
        ("stacks/routes.csv", 6, "duplicate-key"),
    ]


def test_a_location_in_table_and_file_is_refused(project: Project) -> None:
    project.write("routes.csv", "location,to\n/a/,web\n")
    (problem,) = problems(project, STACK.replace("routes.csv", "routes.csv, locations: {/a/: web}"))
    assert (problem.line, problem.column, problem.code) == (3, 61, "duplicate-location")
    assert "is in routes.csv as well, line 2" in problem.message


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("location,too\n/a/,web\n", "unknown-field", "did you mean 'to'?"),
        ("to\nweb\n", "missing-field", "`location`"),
        ('location,to\n"/a/,web\n', "unreadable", "cannot be read"),
    ],
)
def test_a_table_that_is_none_is_refused(project: Project, text: str, code: str, says: str) -> None:
    project.write("routes.csv", text)
    assert any(p.code == code and says in str(p) for p in problems(project))


def test_a_configuration_larger_than_a_config_map_is_refused(project: Project) -> None:
    def write(count: int) -> None:
        project.write(
            "routes.csv", "location,to\n" + "".join(f"/application-{i}/,web\n" for i in range(count))
        )

    write(6000)
    project.write("env.yaml", STACK)
    assert len(nginx_conf(load_environment(project.root, "env")).encode()) <= 2**20
    write(10_000)
    (problem,) = problems(project)
    assert problem.code == "too-large"
    assert "at most 1048576" in problem.message


@pytest.mark.parametrize(
    ("brackets", "nameserver", "node", "expected"),
    [
        (True, "10.96.0.10", "10.1.2.3", "10.96.0.10 10.1.2.3"),
        (True, "fd00::a", "fd01::1", "[fd00::a] [fd01::1]"),
        (False, "fd00::a", "fd01::1", "fd00::a fd01::1"),
    ],
)
def test_the_start_script_fills_in_what_the_pod_knows(
    tmp_path: Path, brackets: bool, nameserver: str, node: str, expected: str
) -> None:
    source, target, resolv = tmp_path / "source", tmp_path / "target", tmp_path / "resolv.conf"
    source.write_text("@CLUSTER_DNS@ @NODE_ADDRESS@\n")
    resolv.write_text(f"search x\nnameserver {nameserver}\nnameserver 9.9.9.9")
    script = start_script(str(source), str(target), f"cat {target}", brackets=brackets)
    script = script.replace("/etc/resolv.conf", str(resolv))
    done = subprocess.run(
        ["sh", "-c", script],
        env={"PATH": "/usr/bin:/bin", "NODE_ADDRESS": node},
        capture_output=True,
        text=True,
    )
    assert done.stdout == f"{expected}\n", done.stderr
    resolv.write_text("search x\n")
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True)
    assert done.returncode != 0
    assert "has no nameserver" in done.stderr
