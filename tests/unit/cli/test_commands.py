"""The command line as a person meets it: output, exit codes, and what is not imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from poscloud.load import known_stacks
from tests.write_golden import GOLDEN, ROOT

POSCLOUD = Path(sys.executable).with_name("poscloud")


def run(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run([POSCLOUD, *arguments], cwd=cwd, capture_output=True, text=True, check=False)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: poscloud\nruntime: python\n")
    (tmp_path / "stacks").mkdir()
    return tmp_path


def test_validate_says_what_it_checked() -> None:
    done = run("validate", "-s", "wbyh-stage")
    assert (done.returncode, done.stdout) == (0, "wbyh-stage: valid, 20 components, 69 objects\n")


def test_render_prints_the_golden_manifests() -> None:
    assert run("render", "-s", "dev").stdout == (GOLDEN / "dev.yaml").read_text()


def test_render_writes_one_file_a_component_and_clears_its_own_old_ones(project: Path) -> None:
    stack = project / "stacks" / "env.yaml"
    stack.write_text("backing: {redis: {}}\nservices: {a: java, b: java}\n")
    run("render", "-s", "env", "--out", "out", cwd=project)
    (project / "out" / "env" / "app" / "mine.yaml").write_text("kind: Mine\n")
    stack.write_text("backing: {redis: {}}\nservices: {a: java}\n")
    done = run("render", "-s", "env", "--out", "out", cwd=project)
    files = sorted(str(f.relative_to(project / "out" / "env")) for f in (project / "out").rglob("*.yaml"))
    assert files == ["00-namespace.yaml", "app/a.yaml", "app/mine.yaml", "stateful-sets/redis.yaml"]
    kinds = [m["kind"] for m in yaml.safe_load_all((project / "out/env/app/a.yaml").read_text())]
    assert kinds == ["Service", "Deployment"]
    assert done.stdout == ""
    base = (project / "out/env/00-namespace.yaml").read_text()
    assert [m["kind"] for m in yaml.safe_load_all(base)] == [
        "Namespace",
        "LimitRange",
    ]  # no empty pull secret
    assert "# kubectl -n env create secret generic myregistrykey" in base


def test_the_schema_is_the_committed_one() -> None:
    assert json.loads(run("schema").stdout) == json.loads(
        (ROOT / "schemas/environment.schema.json").read_text()
    )


def test_an_unknown_stack_ends_with_6_and_names_the_known_ones() -> None:
    done = run("up", "-s", "wbyh-stag")
    assert done.returncode == 6
    assert f"known stacks: {', '.join(known_stacks(ROOT))}" in done.stderr
    assert "did you mean 'wbyh-stage'?" in done.stderr


def test_bad_input_ends_with_2_before_anything_is_installed(project: Path) -> None:
    (project / "stacks" / "env.yaml").write_text("services:\n  a: {kind: java, replcas: 2}\n  b: jva\n")
    done = run("up", "-s", "env", cwd=project)
    assert done.returncode == 2
    assert "stacks/env.yaml:2:19: 'replcas' is not a field here [unknown-field]" in done.stderr
    assert "stacks/env.yaml:3:6: services.b: 'jva' is not one of " in done.stderr
    assert "2 problems found" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (project / ".poscloud").exists()


def test_what_rendering_finds_ends_with_2_before_a_cluster_is_made(project: Path) -> None:
    (project / "stacks" / "env.yaml").write_text("services: {a: {kind: java, overrides: {Ingress: {}}}}\n")
    for command in ("validate", "render", "up"):
        done = run(command, "-s", "env", cwd=project)
        assert done.returncode == 2
        assert "stacks/env.yaml:1:49: overrides has 'Ingress'" in done.stderr
    assert not (project / ".poscloud").exists()


def test_a_path_is_refused_as_a_stack(project: Path) -> None:
    done = run("validate", "-s", "../Pulumi", cwd=project)
    assert (done.returncode, "cannot be a stack's name" in done.stderr) == (6, True)


def test_problems_are_data_with_json(project: Path) -> None:
    (project / "stacks" / "env.yaml").write_text("quta: 1\n")
    done = run("validate", "-s", "env", "--json", cwd=project)
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["schema"], answer["ok"]) == (2, 1, False)
    assert answer["problems"] == [
        {
            "file": "stacks/env.yaml",
            "line": 1,
            "column": 1,
            "code": "unknown-field",
            "message": "'quta' is not a field here",
            "hint": "did you mean 'quota'?",
        }
    ]


def test_outside_a_project_the_error_is_one_line_and_a_hint(tmp_path: Path) -> None:
    done = run("validate", "-s", "x", cwd=tmp_path)
    assert done.returncode == 1
    assert "no Pulumi.yaml" in done.stderr


@pytest.mark.parametrize(
    "command",
    [
        "up",
        "preview",
        "destroy",
        "validate",
        "check",
        "explain",
        "render",
        "schema",
        "doctor",
        "cluster up",
        "cluster logs",
    ],
)
def test_every_command_has_help_with_an_example(command: str) -> None:
    assert f"Example: poscloud {command}" in " ".join(run(*command.split(), "--help").stdout.split())


@pytest.mark.parametrize(
    "command",
    [["validate", "-s", "dev"], ["check", "-s", "dev"], ["render", "-s", "dev"], ["schema"], ["--help"]],
)
def test_commands_without_engine_import_no_pulumi(command: list[str]) -> None:
    program = (
        "import sys\n"
        f"sys.argv = ['poscloud', *{command!r}]\n"
        "from poscloud.cli.app import main\n"
        "try:\n    main()\n"
        "finally:\n    print([m for m in sys.modules if m.split('.')[0] in ('pulumi', 'pulumi_kubernetes', 'grpc')])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith("[]\n")


def test_the_reader_of_a_pipe_may_leave() -> None:
    done = subprocess.run(
        ["sh", "-c", f"{POSCLOUD} render -s wbyh-stage | head -1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("---\n", "")


def test_a_context_that_is_not_there_is_told_before_anything_is_made(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    (project / "stacks" / "env.yaml").write_text("services: {a: java}\n")
    settings = project / "Pulumi.env.yaml"
    settings.write_text("config:\n  poscloud:context: office\n")
    done = run("up", "-s", "env", cwd=project)
    assert done.returncode == 4
    assert "context 'office' (poscloud:context), which cannot be found" in done.stderr
    assert settings.read_text() == "config:\n  poscloud:context: office\n"
    assert not (project / ".poscloud").exists()


def test_the_projects_default_environment_is_taken_but_not_to_destroy(project: Path) -> None:
    (project / "stacks" / "env.yaml").write_text("services: {a: java}\n")
    (project / "poscloud.yaml").write_text("environment: env\n")
    assert run("validate", "--offline", cwd=project).stdout.startswith("env: valid")
    done = run("destroy", "--yes", cwd=project)
    assert (done.returncode, "Missing option" in done.stderr) == (2, True)


def test_databases_are_not_made_anew_by_mistake(project: Path) -> None:
    (project / "stacks" / "env.yaml").write_text("backing: {mysql: {}}\n")
    (project / "poscloud.yaml").write_text("environment: env\n")
    done = run("reinit-mysql", cwd=project)
    assert (done.returncode, "Missing option" in done.stderr) == (2, True)
    done = run("reinit-mysql", "-s", "env", cwd=project)
    assert (done.returncode, done.stdout) == (2, "")
    assert "nothing was done\n  if it is meant: --confirm env; to look first: --preview" in done.stderr


@pytest.fixture
def completing(project: Path) -> Path:
    (project / "poscloud.yaml").write_text("environment: env\n")
    (project / "stacks" / "env.yaml").write_text("services: {pay: java, web: java}\n")
    (project / "stacks" / "other.yaml").write_text("backing: {redis: {}}\n")
    return project


def completed(project: Path, shell: str, line: str) -> str:
    """Return how a shell is told that a line may go on."""
    asked = {
        "bash": {"COMP_WORDS": f"poscloud {line}", "COMP_CWORD": str(len(line.split()))},
        "zsh": {"_TYPER_COMPLETE_ARGS": f"poscloud {line}"},
        "fish": {"_TYPER_COMPLETE_ARGS": f"poscloud {line}", "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
    }[shell]
    environment = {**os.environ, "_POSCLOUD_COMPLETE": f"complete_{shell}", **asked}
    done = subprocess.run(
        [POSCLOUD], cwd=project, env=environment, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("logs pa", "pay"),
        ("status -e o", "other"),
        ("status -e other r", "redis"),
        ("why -e none x", ""),
        ("shell -e env pa", "pay"),
        ("cp -e env pa", "pay:"),
    ],
)
def test_services_and_environments_are_completed(completing: Path, line: str, expected: str) -> None:
    assert completed(completing, "bash", line) == expected


def test_zsh_and_fish_complete_as_bash_does(completing: Path) -> None:
    assert completed(completing, "zsh", "forward -e env pa") == """_arguments '*: :((\"pay\"))'"""
    assert completed(completing, "zsh", "forward -e o") == """_arguments '*: :((\"other\"))'"""
    assert completed(completing, "fish", "forward -e env pa") == "pay"
    assert completed(completing, "fish", "restart -e o") == "other"


def test_bash_itself_completes_with_the_script_that_is_shown(completing: Path) -> None:
    script = """
    PATH="$1:$PATH" _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION=1
    export PATH _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION
    eval "$(poscloud --show-completion bash)"
    COMP_WORDS=(poscloud logs -e env pa) COMP_CWORD=4
    _poscloud_completion poscloud
    echo "${COMPREPLY[@]}; $(complete -p poscloud)"
    """
    done = subprocess.run(
        ["bash", "-c", script, "bash", str(POSCLOUD.parent)],
        cwd=completing,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "pay; complete -o default -F _poscloud_completion poscloud\n"
