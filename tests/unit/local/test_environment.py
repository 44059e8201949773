from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from poscloud.local.environment import pulumi_environment, write_activate
from poscloud.local.paths import ProjectPaths

SHELLS = [shell for shell in ("sh", "bash", "zsh", "dash") if shutil.which(shell)]


def run(shell: str, script: str, **variables: str) -> str:
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **variables}
    flags = ["-f"] if shell == "zsh" else []
    done = subprocess.run(
        [shell, *flags, "-eu", "-c", script], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_plain_pulumi_finds_everything_here(paths: ProjectPaths) -> None:
    env = pulumi_environment(paths, base={"PATH": "/usr/bin:/bin"})
    assert env["PATH"].split(":") == [str(paths.venv / "bin"), str(paths.bin), "/usr/bin", "/bin"]
    assert env["PULUMI_BACKEND_URL"] == f"file://{paths.state}?metadata=skip"
    assert env["PULUMI_CONFIG_PASSPHRASE_FILE"] == str(paths.passphrase)
    assert env["PULUMI_HOME"] == str(paths.pulumi_home)
    assert env["KUBECONFIG"] == str(paths.kubeconfig)
    assert env["PULUMI_SKIP_UPDATE_CHECK"] == "true"


def test_the_engine_is_told_a_user_that_no_file_names(
    paths: ProjectPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(number: int) -> None:
        raise KeyError(f"uid not found: {number}")

    assert "USER" not in pulumi_environment(paths, base={"PATH": "/bin"})
    monkeypatch.setattr("pwd.getpwuid", unknown)
    assert pulumi_environment(paths, base={"PATH": "/bin"})["USER"] == f"uid-{os.getuid()}"
    assert "USER" not in pulumi_environment(paths, base={"PATH": "/bin", "USER": "mine"})
    assert '\n[ -n "${USER:-}" ] || export USER=' in write_activate(paths).read_text()


def test_path_does_not_grow(paths: ProjectPaths) -> None:
    once = pulumi_environment(paths, base={"PATH": "/bin"})
    assert pulumi_environment(paths, base=once)["PATH"] == once["PATH"]


@pytest.mark.parametrize("name", ["PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"])
def test_the_users_own_settings_win(paths: ProjectPaths, name: str) -> None:
    base = {"PATH": "/bin", name: "x", "PULUMI_BACKEND_URL": "s3://bucket", "PULUMI_PARALLEL": "8"}
    env = pulumi_environment(paths, base=base)
    assert not {"PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_PARALLEL"} & env.keys()


def test_another_cluster_keeps_its_kubeconfig(paths: ProjectPaths) -> None:
    assert "KUBECONFIG" not in pulumi_environment(paths, context="production", base={"PATH": "/bin"})


@pytest.mark.parametrize("shell", SHELLS)
def test_activating_sets_the_same_and_deactivating_takes_it_back(paths: ProjectPaths, shell: str) -> None:
    file = write_activate(paths)
    names = list(pulumi_environment(paths, base={"PATH": ""}))
    show = "; ".join(f'echo "{name}=${{{name}-unset}}"' for name in names)
    before, inside, after = (
        dict(line.split("=", 1) for line in block.splitlines())
        for block in run(
            shell,
            f"{show}; echo ==; . '{file}'; {show}; echo ==; poscloud_deactivate; {show}",
            KUBECONFIG="/mine",
        ).split("==\n")
    )
    assert inside == pulumi_environment(paths, base={"PATH": before["PATH"], "KUBECONFIG": "/mine"})
    assert after == before
    assert after["KUBECONFIG"] == "/mine"
    assert after["PULUMI_HOME"] == "unset"


@pytest.mark.parametrize("shell", SHELLS)
def test_activating_twice_changes_nothing_more(paths: ProjectPaths, shell: str) -> None:
    file = write_activate(paths)
    out = run(
        shell, f"echo $PATH; . '{file}'; . '{file}'; echo $PATH; poscloud_deactivate; echo $PATH"
    ).splitlines()
    assert out[1] == f"{paths.venv / 'bin'}:{paths.bin}:{out[0]}"
    assert out[2] == out[0]


@pytest.mark.parametrize("shell", SHELLS)
def test_activating_respects_a_backend_chosen_before(paths: ProjectPaths, shell: str) -> None:
    file = write_activate(paths)
    script = f". '{file}'; echo $PULUMI_BACKEND_URL ${{PULUMI_CONFIG_PASSPHRASE_FILE-unset}}"
    out = run(shell, script, PULUMI_BACKEND_URL="s3://bucket", PULUMI_CONFIG_PASSPHRASE="x")
    assert out.split() == ["s3://bucket", "unset"]


def test_a_checkout_with_blanks_and_quotes_in_its_path(paths: ProjectPaths) -> None:
    odd = ProjectPaths(paths.root / "it's a $HOME")
    odd.root.mkdir()
    file = write_activate(odd)
    out = run("sh", '. "$FILE"; echo "$PULUMI_HOME"; poscloud_deactivate', FILE=str(file))
    assert out.strip() == str(odd.pulumi_home)
