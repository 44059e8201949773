"""Which pages' shell blocks are run, together with what, and which of their lines are not, with the reason.

A test of tests/unit/test_blocks.py holds that each line of each page is in one of the tables here;
tests/e2e/test_pages.py runs them.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

UNTIL = Path(__file__).with_name("untilline.py")
BRIEFLY = f"{shlex.quote(sys.executable)} {shlex.quote(str(UNTIL))}"
"""Runs a command until its first line, and ends it as Ctrl-C does."""


@dataclass(frozen=True)
class Page:
    """A page whose shell blocks are run, in order.

    Attributes:
        name: The page.
        instead: What stands for something in it that is an example only: a placeholder, an address, another's program.
        codes: What a line begins with → the exit code it has here, and why that is right is said beside it.
        admin: Its kubectl is the cluster's administrator, as the page says.
        plain: Its shell is not an activated one: a job's, or one that has a kubeconfig of its own.
        variables: What its reader's shell has.
    """

    name: str
    instead: Mapping[str, str] = field(default_factory=dict)
    codes: Mapping[str, int] = field(default_factory=dict)
    admin: bool = False
    plain: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)


NO_MYSQL = {"poscloud db status": 4, "poscloud reinit-mysql": 4}
"""A simulated container has none, which is said; with a real one these are run by tests/real/test_commands.py."""

ELSEWHERE = {
    "README.md": "tests/e2e/test_readme.py",
    "docs/quickstart.md": "tests/e2e/test_readme.py",
    "docs/install.md": "tests/e2e/test_package.py",
}
"""Pages whose shell blocks are run by a test of their own, in a fresh clone or an empty folder."""

SCENARIOS: dict[str, tuple[Page, ...]] = {
    # An environment as it stands in stacks/, up: what people do with it.
    "wbyh-stage": (
        Page("docs/check.md"),
        Page("docs/report.md"),
        Page("docs/editor.md"),
        Page("docs/components/team-access.md", admin=True),
        Page("docs/drift.md"),
        Page("docs/environment.md"),
        Page(
            "docs/images.md",
            # The test's project is no working copy, whose revision would be the tag.
            instead={"image render -s wbyh-stage dac-task ": "image render -s wbyh-stage dac-task --tag v1 "},
        ),
        Page("docs/environments.md"),
        Page(
            "docs/import.md",
            # No helm here: what a chart made once. The namespace of the page is that of our own stack.
            instead={
                "helm template shop ./chart -n shop": "cat chart.yaml",
                "--namespace wbyh-stage": "--namespace by-hand",
                "list.conf": "list.conf --force",
            },
            plain=True,
            variables={"KUBECONFIG": "office.kubeconfig"},
            # Something is different, and listed.
            codes={
                "helm template": 1,
                "poscloud import --namespace": 1,
                "poscloud import wbyh-stage-base.yml": 1,
            },
        ),
    ),
    "dac-test": (
        Page(
            "docs/components/mysql.md",
            instead={"reinit-mysql -s dac-test": "reinit-mysql -s dac-test --confirm dac-test"},
            codes=NO_MYSQL,
        ),
        Page(
            "docs/daily-commands.md",
            instead={
                # The blocks after it are of an environment that is up.
                "delete-all -s dac-test  ": "delete-all -s dac-test --yes && poscloud up -s dac-test  ",
                "poscloud forward": f"{BRIEFLY} poscloud forward",
                # Commands of a simulated container run on this machine, in a folder that is empty at first.
                "/home/deploy/logs/api.log": "/etc/hostname",
                "api:/tmp/": "api:.",
                "reinit-mysql -s dac-test  ": "reinit-mysql -s dac-test --confirm dac-test  ",
            },
            codes={**NO_MYSQL, "poscloud exec api": 2},
        ),
    ),
    "prod": (
        Page(
            "docs/state.md",
            instead={
                "postgres://…": "file://$PWD/elsewhere",
                "preview -s prod  ": "preview -s prod --expect-no-changes  ",  # as its comment says
            },
        ),
        Page("docs/releases.md"),
        Page("docs/secrets.md"),
    ),
    # What needs no large environment.
    "small": (
        Page("docs/recovery.md"),
        Page("docs/access.md", admin=True),
        Page("docs/components/janitor.md", admin=True),
        Page("docs/components/node-guard.md", admin=True),
        Page("examples/apps/README.md"),
    ),
    "merge-requests": (
        Page(
            "docs/merge-requests.md",
            instead={
                "postgres://…": "file://$PWD/team",
                "PULUMI_CONFIG_PASSPHRASE=…": "PULUMI_CONFIG_PASSPHRASE=of-the-team",
                "poscloud up -s wbyh-stage": "poscloud up -s wbyh-stage --yes",  # it asks, as it is not the local one
                "KUBECONFIG=…": "KUBECONFIG=$PWD/office.kubeconfig",
                "POSCLOUD_BASELINE_KEY=…": "POSCLOUD_BASELINE_KEY=not-a-real-key-of-a-baseline",
            },
            plain=True,
            variables={"POSCLOUD_BASELINE_KEY": "not-a-real-key-of-a-baseline"},
        ),
    ),
    "local-cluster": (Page("docs/local-cluster.md"), Page("docs/real-nodes.md")),
}
"""Name → pages that are run one after the other in a project of the test's own."""

SHARE = {"small", "merge-requests"}
"""Scenarios that ``make test`` runs; the others are run by ``make test-docs``."""

NOT_RUN: dict[tuple[str, str], str] = {
    ("README.md", "make test"): "the test that runs the README is a part of it",
    ("docs/images.md", "poscloud image build"): "needs buildah and a project: tests/servers/test_images.py",
    ("docs/images.md", "poscloud image push"): "the same",
    ("docs/environments.md", "poscloud env create feature/PAY-12 --from wbyh-stage --with"): (
        "needs a forge: tests/unit/engine/environments/test_builds.py, tests/servers/test_gitea.py"
    ),
    (
        "docs/components/mysql.md",
        "zcat SNAPSHOT",
    ): "needs a MySQL that runs: tests/servers/test_reinit_mysql.py",
    ("docs/daily-commands.md", "poscloud exec mysql"): "needs a MySQL that runs: tests/real/test_commands.py",
    ("docs/daily-commands.md", "poscloud shell"): "needs a terminal: tests/e2e/test_shell.py",
    ("docs/state.md", "createuser"): "needs a PostgreSQL: tests/servers/test_postgresql.py",
    ("docs/state.md", "createdb"): "the same",
    ("docs/state.md", "export PULUMI_BACKEND_URL='postgres"): "the same",
    ("docs/state.md", "poscloud up -s prod"): "the same",
    ("docs/state.md", "export AWS_"): "needs an S3 store: tests/servers/test_s3.py",
    ("docs/state.md", "export PULUMI_BACKEND_URL='s3"): "the same",
    ("docs/state.md", ".venv/bin/pip install"): "would change the tests' own packages; the extra is there",
    ("docs/forges.md", ".venv/bin/pip install"): "the same",
    (
        "docs/install.md",
        "make dist",
    ): "needs a checkout with its packages: tests/e2e/test_package.py builds the wheel",
    (
        "docs/install.md",
        "docker build",
    ): "needs a registry's base image: tests/image builds it on another one",
    ("docs/import.md", "pulumi "): "needs a namespace that nobody made by a stack: tests/e2e/test_import.py",
    ("docs/import.md", "poscloud up"): "the same",
    (
        "examples/apps/README.md",
        "sh examples/apps/build.sh",
    ): "needs Maven and cc: tests/servers/test_sample_apps.py",
    (
        "docs/real-nodes.md",
        "poscloud cluster up --nodes real",
    ): "needs root and packages: tests/real (make test-real)",
    ("docs/real-nodes.md", "make up NODES=real"): "the same",
    ("docs/real-nodes.md", "apt-get"): "changes the machine",
    (
        "docs/real-nodes.md",
        "poscloud cluster images --build",
    ): "makes images for minutes: tests/real/conftest.py",
    (
        "docs/real-nodes.md",
        "sh examples/apps/build.sh",
    ): "needs Maven and cc: tests/servers/test_sample_apps.py",
    ("docs/real-nodes.md", "poscloud up -s shop-small"): "needs real nodes: tests/real/test_shop.py",
}
"""Page and beginning of a line → why it is not run. All of them are read as command lines (tests/pages/lines.py)."""


def not_run(page: str, line: str) -> str:
    """Return why a line of a page is not run; empty: it is."""
    return next(
        (why for (name, begin), why in NOT_RUN.items() if name == page and line.startswith(begin)), ""
    )


def scenario_of(page: str) -> str:
    """Return the scenario that runs a page; empty: none does."""
    return next((name for name, pages in SCENARIOS.items() if page in {p.name for p in pages}), "")
