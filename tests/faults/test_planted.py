"""Secrets planted wherever one can be given: no command writes one anywhere, however it ends.

They are in the cluster's Secrets, where they belong, and encrypted in configuration and state.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from poscloud.local.paths import cache_root
from tests.faults.arena import Arena, Outcome
from tests.faults.proxy import PASS, Fault, Request
from tests.planted import Listing, Planted

pytestmark = [pytest.mark.faults, pytest.mark.fault(24), pytest.mark.long]

STACK = "planted"
TEXT = """\
secrets: {app: [word], git: [username, password], nexus: [username, password], cert: [tls.crt, tls.key]}
backing:
  redis: {password: true}
  mysql: {databases: [dac], user: dac}
  mongo: {password: true}
  ledger: {kind: mysql, external: {host: db.example.com, port: 3307}, databases: [a], user: b}
services:
  web: {kind: java, filebeat: false, uses: [redis, mysql, mongo, ledger], env: {WORD: {secret: app, key: word}}}
  geo:
    {kind: java, filebeat: false, jar: {url: 'https://nexus.example.com/{service}-{version}.jar', credentials: nexus,
     jdk: 'harbor.example.com/jdk:17'}}
  mail:
    kind: java
    filebeat: {elasticsearch: {hosts: ['http://elk:9200'], username: u, password: {secret: app, key: word}}}
  confirm:
    {kind: c, runenv: pre, filebeat: false, git: {repository: 'http://git.example.com/a.git', revision: abcdef1,
     credentials: git}}
"""
NAMES = (
    "registryAuth checksumKey app.word git.username git.password nexus.username nexus.password cert.tls.crt "
    "cert.tls.key redis.password mysql.password mysql.root-password mongo.password ledger.password"
).split()
TOKEN = "token of the kubeconfig's plugin"
UP = ("poscloud", "up", "--yes", "--offline")


class Garden:
    """The environment with everything planted, reached through the proxy.

    Attributes:
        outcomes: How each command ended, by what was run.
    """

    def __init__(self, arena: Arena, folder: Path) -> None:
        self.arena, self.folder, self.workspace = arena, folder, arena.workspace
        self.planted = Planted(*NAMES, TOKEN)
        self.listing = Listing(self.planted)
        self.wrong: list[str] = []
        self.file = self.workspace.root / "stacks" / f"{STACK}.yaml"
        self.variables = {
            "POSCLOUD_USER_KUBECONFIG": str(folder / "kubeconfig"),
            "TMPDIR": str(folder / "tmp"),
        }

    def plant(self) -> None:
        (self.folder / "tmp").mkdir()
        self._kubeconfig()
        self.describe()
        settings = f"config:\n  poscloud:context: planted\n  poscloud:cluster: {self.arena.uid}\n"
        (self.workspace.root / f"Pulumi.{STACK}.yaml").write_text(settings)
        for name in NAMES:
            value = self.planted.values[name]
            if name == "registryAuth":
                auth = b64encode(f"robot:{value}".encode()).decode()
                value = json.dumps({"auths": {"harbor.example.com": {"auth": auth, "password": value}}})
            if name.startswith("cert."):
                value = f"-----BEGIN FAKE-----\n{value}\nAAAA\n-----END FAKE-----\n"
            self.run("pulumi", "config", "set", "--secret", f"poscloud:{name}", given=value)

    def _kubeconfig(self) -> None:
        """Write one whose user is a plugin that gives a token."""
        file, plugin = self.folder / "kubeconfig", self.folder / "plugin"
        self.arena.proxy.kubeconfig(file, self.workspace.paths.kubeconfig, "planted")
        status = {"token": self.planted.marks[TOKEN]}
        answer = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}
        (self.folder / "answer").write_text(json.dumps(answer))
        plugin.write_text(f"#!/bin/sh\nexec cat {self.folder}/answer\n")
        plugin.chmod(0o700)
        config = json.loads(file.read_text())
        execute = {"apiVersion": answer["apiVersion"], "command": str(plugin), "interactiveMode": "Never"}
        config["users"][0]["user"] = {"exec": execute}
        file.write_text(json.dumps(config))

    def describe(self, text: str = TEXT) -> None:
        self.file.write_text(text)

    def run(self, *command: str, given: str = "", **variables: str) -> Outcome:
        """Run a command on the stack, and look at what it printed."""
        words = (*command, "-s", STACK)
        done = self.workspace.run(*words, given=given, **(self.variables | variables))
        outcome = Outcome(done.returncode, done.stdout + done.stderr, 0)
        self.look(" ".join(command), outcome)
        return outcome

    def look(self, what: str, outcome: Outcome) -> None:
        if names := self.planted.found(outcome.text):
            (self.folder / f"leak-{len(self.wrong)}").write_text(f"{what}\n{outcome.text}")
            self.wrong.append(f"{', '.join(names)} printed by {what}")

    def ok(self, *command: str) -> None:
        done = self.run(*command)
        assert done.code == 0, f"{command}\n{done.text}"


@pytest.fixture(scope="module")
def garden(arena: Arena, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Garden]:
    arena.passes()
    found = Garden(arena, tmp_path_factory.mktemp("planted"))
    found.describe()
    found.workspace.ok("pulumi", "stack", "init", STACK)
    with found.listing.watched():
        found.plant()
        yield found
    arena.passes()
    found.describe()
    found.workspace.run("poscloud", "destroy", "--yes", "-s", STACK, **found.variables)
    found.workspace.run("pulumi", "stack", "rm", "--force", "--yes", STACK)
    found.file.unlink()


def test_nothing_is_printed_when_all_goes_well(garden: Garden) -> None:
    out = str(garden.folder / "out")
    for command in (
        ("poscloud", "validate", "--offline"), ("poscloud", "render"), ("poscloud", "render", "--out", out),
        ("poscloud", "secret", "list"), ("poscloud", "preview", "--diff"), UP, UP, ("poscloud", "doctor"),
        ("poscloud", "release", "status"), ("pulumi", "stack", "output"), ("pulumi", "stack", "export"),
        ("pulumi", "config"), ("pulumi", "refresh", "--yes", "--diff"), ("pulumi", "preview", "--diff", "--json"),
    ):  # fmt: skip
        garden.ok(*command)
    garden.run("poscloud", "secret", "set", "app.word", given=garden.planted.values["app.word"] + "!")
    garden.ok("pulumi", "up", "--yes", "--diff", "--show-replacement-steps")
    assert garden.wrong == []


@pytest.mark.parametrize(
    ("status", "command"), [(422, ("poscloud", "preview", "--diff")), (403, UP), (409, UP), (401, UP)]
)
def test_nothing_is_printed_when_the_server_quotes_it_back(
    garden: Garden, status: int, command: tuple[str, ...]
) -> None:
    for name in ("app.word", "redis.password"):
        given = f"{garden.planted.values[name]} {status}"
        garden.run("pulumi", "config", "set", "--secret", f"poscloud:{name}", given=given)
    refused = Fault(status=status, message="admission webhook denied", quotes=True)
    garden.arena.inject(
        lambda r: refused if r.method in ("POST", "PATCH") and "/secrets/" in r.path else PASS
    )
    try:
        done = garden.run(*command)
    finally:
        garden.arena.passes()
    assert done.code != 0, done.text
    assert "[secret]" in done.text, done.text
    assert garden.wrong == []


def test_nothing_is_printed_by_a_killed_run_and_the_one_after_it(garden: Garden) -> None:
    garden.run("poscloud", "destroy", "--yes")
    process = garden.arena.start("pulumi", "up", "--yes", "--skip-preview", stack=STACK, **garden.variables)
    first = garden.arena.proxy.writes()

    def kill(request: Request) -> Fault:
        if request.write >= first + 8 and process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
        return PASS

    garden.arena.inject(kill)
    text, _ = process.communicate()
    garden.look("a killed pulumi up", Outcome(process.returncode, text, 0))
    garden.arena.passes()
    garden.ok(*UP)
    assert garden.wrong == []


def test_no_file_has_one(garden: Garden) -> None:
    owned = garden.workspace.paths.cluster
    kept = (garden.folder / "answer", garden.folder / "kubeconfig", owned / "etcd")
    places = [garden.workspace.root, garden.folder, cache_root() / "last-defect.log"]
    found = garden.planted.in_files(*(p for p in places if p.exists()), but=kept)
    assert found == {}
    assert garden.planted.in_files(garden.folder), "it would find none"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_no_listing_of_processes_has_one(garden: Garden) -> None:
    assert garden.listing.sampled > 100
    assert garden.listing.seen["cmdline"] == set()
    assert garden.listing.seen["environ"] == set()
