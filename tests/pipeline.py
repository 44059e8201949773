"""The CI templates' jobs, run line by line as they stand, in checkouts as a runner makes them."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

import yaml

from poscloud.local.paths import cache_root
from tests.workspace import ROOT

GITLAB = ROOT / "templates" / "gitlab" / "poscloud.yml"
GITEA = ROOT / "templates" / "gitea" / "poscloud.yaml"
INPUT = re.compile(r"\$\[\[ inputs\.(\w+) \]\]")
EXPRESSION = re.compile(r"\$\{\{ ([\w.]+) \}\}")

PYTHON = """\
#!{python}
# python3 as the runner's image has it, where a new virtual environment has what this one has.
import os, subprocess, sys
real = {python!r}
if sys.argv[1:3] != ["-m", "venv"]:
    os.execv(real, [real, *sys.argv[1:]])
folder = sys.argv[3]
subprocess.run([real, "-m", "venv", "--without-pip", folder], check=True)
packages = f"{{folder}}/lib/python{{sys.version_info[0]}}.{{sys.version_info[1]}}/site-packages"
open(f"{{packages}}/here.pth", "w").write(os.getcwd() + "\\nimport site; site.addsitedir({packages!r})\\n")
pip = f"{{folder}}/bin/pip"
open(pip, "w").write({pip!r}.replace("VENV", os.path.abspath(folder)))
os.chmod(pip, 0o755)
"""

PIP = """\
#!VENV/bin/python
# What pip would do, without a network: the packages are there, and poscloud is the checkout.
import os, re, sys, tomllib
arguments = [a for a in sys.argv[1:] if a != "--quiet"]
assert arguments[0] == "install", arguments
if arguments[1] == "-r":
    assert os.path.getsize(arguments[2]), arguments
else:
    assert arguments[1] == "-e", arguments
    extras = re.fullmatch(r"\\.\\[([a-z0-9,]+)\\]", arguments[2])[1].split(",")
    known = tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]
    assert set(extras) <= set(known), extras
    open("VENV/bin/poscloud", "w").write("#!VENV/bin/python\\nfrom poscloud.cli.app import main\\nmain()\\n")
    os.chmod("VENV/bin/poscloud", 0o755)
"""


class Runner:
    """Runs jobs of one repository.

    Args:
        home: An empty folder.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.origin = home / "origin.git"
        programs = home / "bin"
        programs.mkdir()
        (home / ".cache").write_text(
            "A job without a cache has to fail here, instead of building for ten minutes.\n"
        )
        pip = PIP
        python = programs / "python3"
        base = str(Path(sys.base_prefix) / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}")
        python.write_text(PYTHON.format(python=base, packages=sysconfig.get_path("purelib"), pip=pip))
        python.chmod(python.stat().st_mode | stat.S_IXUSR)
        self.variables = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "HOME": str(home),
            "CI": "true",
        }

    def publish(self, files: Mapping[str, str]) -> None:
        """Make the repository: everything under version control here, and these files."""
        work = self.home / "work"
        work.mkdir()
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
        names = [name for name in listed.decode().split("\0") if name and (ROOT / name).exists()]
        for name in names:
            if not name.startswith(("tests/", "bench/", "stacks/", "docs/")):
                (work / name).parent.mkdir(parents=True, exist_ok=True)
                (work / name).write_bytes((ROOT / name).read_bytes())
        for name, text in files.items():
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            (work / name).write_text(text)
        as_alice = ("-c", "user.name=alice", "-c", "user.email=alice@example.com")
        for words in (
            ["init", "--quiet", "--bare", "--initial-branch", "main", str(self.origin)],
            ["init", "--quiet", "--initial-branch", "main"],
            ["add", "--all"],
            ["add", "--force", *files],
            [*as_alice, "commit", "--quiet", "--message", "The environments"],
            ["push", "--quiet", str(self.origin), "main"],
        ):
            subprocess.run(["git", *words], cwd=work, check=True)

    def checkout(self) -> Path:
        """Return a fresh clone, without a branch, where the one of the job before was."""
        folder = self.home / "checkout"
        if folder.exists():
            shutil.rmtree(folder)
        subprocess.run(["git", "clone", "--quiet", "--depth", "20", self.origin.as_uri(), folder], check=True)
        subprocess.run(["git", "checkout", "--quiet", "--detach"], cwd=folder, check=True)
        return folder

    def run(
        self, lines: list[str], folder: Path, variables: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Run lines in one shell."""
        return subprocess.run(
            ["sh", "-eu", "-c", "\n".join(lines)],
            cwd=folder,
            env={**self.variables, **variables},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )


def gitlab(inputs: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return the jobs of GitLab's template, each with what it extends."""
    header, body = GITLAB.read_text().split("\n---\n")
    described = yaml.safe_load(header)["spec"]["inputs"]
    values = {name: given["default"] for name, given in described.items() if "default" in given} | dict(
        inputs
    )
    document = yaml.safe_load(INPUT.sub(lambda found: values[found[1]], body))
    jobs = {name: job for name, job in document.items() if not name.startswith(".")}
    return {name: document.get(job.get("extends"), {}) | job for name, job in jobs.items()}


def run_gitlab(runner: Runner, job: Mapping[str, Any], given: Mapping[str, str]) -> str:
    """Run a job as GitLab's runner does; it has to succeed.

    Returns:
        What it printed.
    """
    folder = runner.checkout()
    assert set(job["cache"]["paths"]) == {".cache/poscloud", ".cache/pip"}
    assert all((folder / file).is_file() for file in job["cache"]["key"]["files"])
    restore(folder)
    variables = {"GITLAB_CI": "true", "CI_PROJECT_DIR": str(folder), **given}
    for name, text in job["variables"].items():
        variables[name] = Template(text).safe_substitute(variables)
    done = runner.run([*job.get("before_script", ()), *job["script"]], folder, variables)
    assert done.returncode == 0, done.stdout + done.stderr
    for path in job.get("artifacts", {}).get("paths", ()):
        assert (folder / path).exists(), path
    return done.stdout + done.stderr


def gitea() -> dict[str, Any]:
    """Return the workflow of Gitea's template."""
    found: dict[str, Any] = yaml.safe_load(GITEA.read_text())
    return found


def run_gitea(
    runner: Runner,
    workflow: Mapping[str, Any],
    name: str,
    expressions: Mapping[str, str],
    given: Mapping[str, str],
) -> str:
    """Run a job as Gitea's runner does; every step has to succeed.

    Args:
        runner: Runs it.
        workflow: The workflow.
        name: The job's.
        expressions: What stands for ``${{ … }}``; what is not there is empty, as on Gitea.
        given: Variables that the runner sets.

    Returns:
        What it printed.
    """
    folder = runner.checkout()
    known = {"github.workspace": str(folder), **expressions}
    job, printed, kept = workflow["jobs"][name], "", []
    files = {name: folder / ".git" / name for name in ("GITHUB_PATH", "GITHUB_ENV")}
    for file in files.values():
        file.touch()
    variables = {"GITHUB_ACTIONS": "true", "GITEA_ACTIONS": "true", **given}
    variables |= {name: str(file) for name, file in files.items()}

    def valued(texts: Mapping[str, Any]) -> dict[str, str]:
        return {
            key: EXPRESSION.sub(lambda found: known.get(found[1], ""), str(text))
            for key, text in texts.items()
        }

    for where in (workflow, job):
        variables |= valued(where.get("env", {}))
    known |= {f"env.{key}": text for key, text in variables.items()}
    for step in job["steps"]:
        if "run" not in step:
            kept += used(step, folder)
            continue
        assert not EXPRESSION.search(step["run"]), "text of others would be run as code"
        path = [*reversed(files["GITHUB_PATH"].read_text().split()), runner.variables["PATH"]]
        set_before = dict(line.split("=", 1) for line in files["GITHUB_ENV"].read_text().splitlines())
        words = variables | set_before | valued(step.get("env", {})) | {"PATH": ":".join(path)}
        done = runner.run(step["run"].splitlines(), folder, words)
        printed += done.stdout + done.stderr
        assert done.returncode == 0, f"{step['name']}: {printed}"
    assert [path for path in kept if not (folder / path).exists()] == []
    return printed


def used(step: Mapping[str, Any], folder: Path) -> list[str]:
    """Do what an action of others does, and return the paths that it keeps at the end."""
    if step["uses"].startswith("actions/cache@"):
        assert set(step["with"]["path"].split()) == {".cache/poscloud", ".cache/pip"}
        restore(folder)
    elif step["uses"].startswith("actions/upload-artifact@"):
        return [step["with"]["path"]]
    else:
        assert step["uses"].startswith("actions/checkout@"), step
    return []


def restore(folder: Path) -> None:
    """Put what an earlier run has left in the cache into a checkout."""
    (folder / ".cache").mkdir()
    (folder / ".cache" / "poscloud").symlink_to(cache_root())
