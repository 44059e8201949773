"""Row 25: machines that are shut off, tight or set wrong. ``poscloud doctor`` finds each within seconds."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path

import pytest

from poscloud.provider.install import plugin_path, sdk_version
from tests.faults.arena import STACK, Arena, Outcome, shows
from tests.faults.proxy import Fault

pytestmark = [pytest.mark.faults, pytest.mark.fault(25), pytest.mark.long]

DOCTOR = ("poscloud", "doctor")
SECONDS = 5.0
NOWHERE = "http://127.0.0.1:9"
"""A proxy that does not answer."""


def in_own_mounts(arena: Arena, prepare: str, *command: str, **variables: str) -> Outcome:
    """Run a command on the stack where only it sees what ``prepare`` mounts."""
    script = f'{prepare} && exec "$@"'
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    began = time.monotonic()
    done = subprocess.run(
        ["unshare", *user, "--mount", "sh", "-ec", script, "sh", *command, "-s", STACK],
        cwd=arena.workspace.root,
        env=arena.workspace.environment() | arena.variables | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return Outcome(done.returncode, done.stdout + done.stderr, time.monotonic() - began)


@contextmanager
def moved(path: Path) -> Iterator[Path]:
    """Have a path away for a while."""
    aside = path.with_name(f".aside-{path.name}")
    path.rename(aside)
    try:
        yield aside
    finally:
        aside.rename(path)


@pytest.fixture
def plugin(arena: Arena) -> Path:
    return plugin_path(arena.workspace.paths.pulumi_home, sdk_version())


def test_a_machine_as_it_should_be_passes(arena: Arena) -> None:
    done = arena.run(*DOCTOR)
    shows(done, "checks passed", f"kubernetes provider: {sdk_version()} (built-in)", code=0, within=SECONDS,
         forbidden=["FAIL"])  # fmt: skip


def test_the_plugin_is_missing_or_of_another_version(arena: Arena, plugin: Path) -> None:
    with moved(plugin.parent) as aside:
        shows(arena.run(*DOCTOR), str(plugin), f"wanted {sdk_version()}, found none", "poscloud toolchain install",
             within=SECONDS)  # fmt: skip
        other = plugin.parent.with_name("resource-kubernetes-v4.1.0")
        aside.rename(other)
        shows(arena.run(*DOCTOR), str(plugin), f"wanted {sdk_version()}, found 4.1.0", within=SECONDS)
        other.rename(aside)


def test_the_plugin_is_not_executable(arena: Arena, plugin: Path) -> None:
    plugin.chmod(0o644)
    try:
        shows(arena.run(*DOCTOR), f"{plugin} is not executable", f"chmod +x {plugin}", within=SECONDS)
    finally:
        plugin.chmod(0o755)


def test_the_plugin_is_put_back_by_up(present: Arena, plugin: Path) -> None:
    plugin.unlink()
    shows(present.run("poscloud", "up", "--yes"), code=0)
    assert os.access(plugin, os.X_OK)


def test_there_is_no_network(arena: Arena) -> None:
    """Nothing but the checkout's own files: what needs no cluster works, and doctor does not wait."""
    began = time.monotonic()
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    for command, code in ((DOCTOR, 1), (("poscloud", "validate"), 0), (("poscloud", "render"), 0)):
        done = subprocess.run(
            ["unshare", *user, "--net", *command, "-s", STACK],
            cwd=arena.workspace.root,
            env=arena.workspace.environment() | arena.variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        shown = Outcome(done.returncode, done.stdout + done.stderr, time.monotonic() - began)
        phrases = ["network: not needed: everything is installed", "FAIL  target cluster"] if code else []
        shows(shown, *phrases, code=code, within=SECONDS)
        began = time.monotonic()


def test_a_proxy_that_leads_nowhere_does_not_come_between_the_engine_and_its_plugins(present: Arena) -> None:
    proxies = {name: NOWHERE for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy")}
    present.describe(
        present.description.read_text().replace("a: {kind: java,", "a: {kind: java, replicas: 2,")
    )
    shows(present.run("poscloud", "up", "--yes", **proxies), code=0, within=60)


def test_a_proxy_in_front_of_the_cluster_is_told(arena: Arena) -> None:
    far = arena.kubeconfig.with_name("far")
    far.write_text(arena.kubeconfig.read_text().replace(f"127.0.0.1:{arena.proxy.port}", "192.0.2.1:6443"))
    variables = {"HTTPS_PROXY": NOWHERE, "https_proxy": NOWHERE, "POSCLOUD_USER_KUBECONFIG": str(far)}
    done = arena.run(*DOCTOR, **variables)
    shows(done, f"FAIL  proxy: {NOWHERE} does not answer", "https://192.0.2.1:6443 would be reached through it",
         "run: export NO_PROXY=192.0.2.1", within=SECONDS)  # fmt: skip


def test_the_clock_is_an_hour_off(arena: Arena) -> None:
    arena.inject(lambda _: Fault(status=401, date=formatdate(time.time() + 3600, usegmt=True)))
    done = arena.run(*DOCTOR)
    arena.passes()
    shows(done, "this machine is 60 minutes behind", "timedatectl set-ntp true", within=SECONDS)


def test_temporary_files_have_no_room(arena: Arena, tmp_path: Path) -> None:
    full = f"mount -t tmpfs -o size=64k none {tmp_path} && (yes > {tmp_path}/filler || true) 2> /dev/null"
    done = in_own_mounts(arena, full, *DOCTOR, TMPDIR=str(tmp_path))
    shows(done, f"0 MiB free in {tmp_path}", "run: export TMPDIR=FOLDER", within=SECONDS)


def test_the_engine_s_home_is_read_only(arena: Arena) -> None:
    home = arena.workspace.paths.pulumi_home
    mounted = f"mount --bind {home} {home} && mount -o remount,bind,ro {home}"
    done = in_own_mounts(arena, mounted, *DOCTOR)
    shows(
        done,
        f"FAIL  PULUMI_HOME: {home} is not writable",
        f"run: chmod u+w {home}",
        "remount,rw",
        within=SECONDS,
    )
