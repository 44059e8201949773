"""Images built for real by buildah, one on the other, pushed to a real registry; revisions of real Subversion."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import tarfile
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from poscloud.errors import PosCloudError
from poscloud.images.revision import revision
from tests.servers import golang
from tests.servers.buildah import NAMES, write_builder
from tests.servers.debian import packages
from tests.servers.running import accepts, free_port, running

pytestmark = pytest.mark.servers

POSCLOUD = Path(sys.executable).with_name("poscloud")
SHELL = ("sh", "bash", "chown", "mkdir", "ln", "id", "cat", "ls", "echo", "chmod", "cp", "printf")
JAVA = '#!/bin/sh\necho "java $* as $(id -un)"\n'
PYTHON = """#!/bin/sh
mkdir -p .venv/bin
printf '#!/bin/sh\\ncp "$4" installed\\n' > .venv/bin/pip
chmod 755 .venv/bin/pip
"""

IMAGES = """\
images:
  dac-task: {context: app, kind: java, base: jdk, jar: target/dac-task.jar, before: [sh, -c, "mkdir -p target; echo jar > target/dac-task.jar"]}
  jdk: {context: app, kind: image, base: scratch, add: {rootfs.tar: /}, repository: "{registry}/base/{name}", env: {PATH: "/bin:/usr/bin"}}
  posp: {context: app, kind: c, base: jdk, libraries: lib_c.tar.gz, start_script: start.sh, timezone: Asia/Shanghai}
  hydra: {context: app, kind: python, base: jdk, entrypoint: entrypoint.sh}
  dac-web: {context: app, kind: webapp, base: jdk, war: dac-web.war, tomcat: /opt/tomcat, needs: [dac-task]}
"""  # noqa: E501


@dataclass
class Builds:
    """A project with images, and what builds them."""

    root: Path
    environment: dict[str, str]
    registry: str

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=self.root, env=self.environment, capture_output=True, text=True, check=False
        )

    def ok(self, *command: str) -> str:
        done = self.run(*command)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def ask(self, path: str) -> Any:
        """Ask the registry."""
        accept = (
            "application/vnd.oci.image.manifest.v1+json,application/vnd.docker.distribution.manifest.v2+json"
        )
        request = urllib.request.Request(f"http://{self.registry}/v2/{path}", headers={"Accept": accept})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def config(self, repository: str, tag: str) -> dict[str, Any]:
        """Return a pushed image's configuration, as a node that pulls it sees it."""
        manifest = self.ask(f"{repository}/manifests/{tag}")
        found: dict[str, Any] = self.ask(f"{repository}/blobs/{manifest['config']['digest']}")["config"]
        return found


def write_root(file: Path, busybox: Path) -> None:
    """Write a root file system with a shell, the user deploy, and stand-ins for java and python3."""
    texts = {
        "etc/passwd": "root:x:0:0::/:/bin/sh\ndeploy:x:1000:1000::/home/deploy:/bin/sh\n",
        "etc/group": "root:x:0:\ndeploy:x:1000:\n",
        "usr/bin/java": JAVA,
        "usr/bin/python3": PYTHON,
    }
    with tarfile.open(file, "w") as archive:
        archive.add(busybox, "bin/busybox")
        for name in SHELL:
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(link)
        for name, text in texts.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(text), 0o755
            archive.addfile(info, io.BytesIO(text.encode()))


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builds]:
    root, home, port = tmp_path_factory.mktemp("project"), tmp_path_factory.mktemp("home"), free_port()
    environment, registry = write_builder(home), f"127.0.0.1:{port}"
    app = root / "app"
    for folder in (root / "stacks", app):
        folder.mkdir()
    (root / "Pulumi.yaml").write_text("name: poscloud\nruntime: python\n")
    (root / "stacks" / "stage.yaml").write_text(
        f"registry: {registry}/wbyh\nservices:\n  # the scheduler\n  dac-task: java # first\n  dac-web: webapp\n"
    )
    (root / "images.yaml").write_text(IMAGES)
    (root / ".gitignore").write_text("target/\n.poscloud/\n")
    write_root(app / "rootfs.tar", packages(*NAMES).program("busybox"))
    for name in ("requirements.txt", "start.sh", "entrypoint.sh", "dac-web.war"):
        (app / name).write_text(f"{name}\n")
    with tarfile.open(app / "lib_c.tar.gz", "w:gz") as archive:
        archive.add(app / "start.sh", "lib/libposp.so")
    found = Builds(root, environment, registry)
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "a"]):
        found.ok("git", "-c", "user.name=a", "-c", "user.email=a@example.com", *words)
    command = [golang.build("registry"), registry]
    with running(command, home / "registry.log", lambda: accepts(port)):
        yield found


def test_images_are_built_in_order_pushed_and_written_into_the_stack(builds: Builds) -> None:
    commit = builds.ok("git", "rev-parse", "--short=7", "HEAD").strip()
    printed = builds.ok(str(POSCLOUD), "image", "build", "-s", "stage", "--push", "--set-version")
    (tag,) = set(re.findall(r"dac-task\.version: (\S+)", printed))
    assert re.fullmatch(rf"\d{{8}}-\d{{4}}-g{commit}", tag)
    assert sorted(builds.ask("_catalog")["repositories"]) == [
        "wbyh/base/jdk",
        *(f"wbyh/stage-{name}" for name in ("dac-task", "dac-web", "hydra", "posp")),
    ]
    stack = (builds.root / "stacks" / "stage.yaml").read_text()
    assert "  # the scheduler\n" in stack
    assert f"  dac-task: {{kind: java, version: {tag}}} # first\n" in stack

    java = builds.config("wbyh/stage-dac-task", tag)
    assert (java["User"], java["Entrypoint"]) == ("deploy", ["/docker-entrypoint.sh"])
    assert list(java["ExposedPorts"]) == ["9090/tcp"]
    assert "PATH=/bin:/usr/bin" in java["Env"], "it is not built on the base of this run"
    assert java["Labels"]["org.opencontainers.image.version"] == tag
    posp = builds.config("wbyh/stage-posp", tag)
    assert (posp["WorkingDir"].rstrip("/"), posp["Cmd"]) == ("/data/bin", ["/bin/bash", "/data/bin/start.sh"])
    assert "TNS_ADMIN=/data/oracle/network/admin" in posp["Env"]
    assert builds.config("wbyh/stage-dac-web", tag)["Cmd"] == ["/opt/tomcat/bin/catalina.sh", "run"]


def inside(builds: Builds, name: str, *command: str) -> str:
    """Run a command in a container of what was pushed last."""
    reference = json.loads((builds.root / ".poscloud" / "images" / "stage.json").read_text())[name]
    container = builds.ok("buildah", "from", "--tls-verify=false", "--pull-always", reference).strip()
    return builds.ok("buildah", "run", "--env", "JAVA_OPTS=-Xmx1g -Xms1g", container, "--", *command)


def test_what_was_pushed_starts_as_it_should(builds: Builds) -> None:
    started = inside(builds, "dac-task", "/docker-entrypoint.sh", "--debug")
    assert started == "java -Xmx1g -Xms1g -jar /home/deploy/dac-task.jar --debug as deploy\n"
    assert inside(builds, "dac-task", "cat", "/home/deploy/dac-task.jar") == "jar\n"
    assert inside(builds, "posp", "cat", "/data/lib/libposp.so") == "start.sh\n", "ADD did not unpack"
    assert inside(builds, "hydra", "cat", "/data/home/work/hydra/installed") == "requirements.txt\n"
    assert "dac-web.war" in inside(builds, "hydra", "ls", "/data/home/work/hydra")


def test_a_changed_working_copy_is_refused_and_marked_on_demand(builds: Builds) -> None:
    (builds.root / "app" / "start.sh").write_text("changed\n")
    refused = builds.run(str(POSCLOUD), "image", "build", "-s", "stage", "posp")
    assert refused.returncode == 1
    assert "1 changed or new files" in refused.stderr
    printed = builds.ok(str(POSCLOUD), "image", "build", "-s", "stage", "posp", "--dirty")
    assert re.search(r"posp: 127\.0\.0\.1:\d+/wbyh/stage-posp:\d{8}-\d{4}-g[0-9a-f]{7}-dirty\n", printed)
    assert "-dirty" in builds.ok(str(POSCLOUD), "image", "push", "-s", "stage", "posp")


def test_the_revision_of_subversion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = packages("subversion")
    for name, value in found.environment.items():
        monkeypatch.setenv(name, value)

    def svn(*words: str) -> None:
        subprocess.run(["svn", *words], check=True, capture_output=True)

    subprocess.run(["svnadmin", "create", tmp_path / "repository"], check=True)
    copy = tmp_path / "copy"
    svn("checkout", f"file://{tmp_path}/repository", str(copy))
    (copy / "a").write_text("1")
    svn("add", str(copy / "a"))
    svn("commit", "-m", "a", str(copy))
    with pytest.raises(PosCloudError, match="not exactly revision r1: revisions 0 to 1"):
        revision(copy)
    svn("update", str(copy))
    assert revision(copy) == "r1"
    (copy / "b").write_text("2")
    assert revision(copy, dirty=True) == "r1-dirty"
    (copy / "b").unlink()
    (copy / "a").write_text("2")
    with pytest.raises(PosCloudError, match="not exactly revision r1: changed files"):
        revision(copy)
