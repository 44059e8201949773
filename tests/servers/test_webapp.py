"""A rendered Tomcat: what its init containers copy is served, with the manifest's heap, until it is asked to stop."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import urllib.request
from pathlib import Path

import pytest

from poscloud.spec import EnvironmentSpec
from tests.servers.debian import packages
from tests.servers.rendered import manifest, program
from tests.servers.running import free_port, running

pytestmark = pytest.mark.servers

WEBAPPS = "/usr/local/tomcat/webapps"
PAGE = '<%@ page session="false" %><%= Runtime.getRuntime().maxMemory() >> 20 %> MiB'
SERVER_XML = """\
<Server port="-1"><Service name="Catalina">
  <Connector port="{port}" address="127.0.0.1"/>
  <Engine name="Catalina" defaultHost="localhost"><Host name="localhost" appBase="webapps">
    <Valve className="org.apache.catalina.valves.AccessLogValve" directory="logs" pattern="common"/>
  </Host></Engine>
</Service></Server>
"""


def lay_out(base: Path, images: Path, home: Path, port: int) -> None:
    """Make Tomcat's folders, and what two images of applications hold: a WAR file and a folder."""
    for folder in ("conf", "logs", "temp", "work", "webapps"):
        (base / folder).mkdir(parents=True)
    for file in ("web.xml", "logging.properties"):
        shutil.copy(home / "etc" / file, base / "conf")
    (base / "conf/server.xml").write_text(SERVER_XML.format(port=port))
    (images / "app/admin").mkdir(parents=True)
    (images / "app/admin/index.jsp").write_text(PAGE)
    shutil.make_archive(str(images / "app/shop"), "zip", images / "app/admin")
    (images / "app/shop.zip").rename(images / "app/shop.war")


def test_tomcat_serves_the_copied_applications_with_the_rendered_heap(tmp_path: Path) -> None:
    debian, port = packages("tomcat10", "openjdk-17-jre-headless"), free_port()
    base, images = tmp_path / "base", tmp_path / "images"
    home = debian.root / "usr/share/tomcat10"
    lay_out(base, images, home, port)

    webapps = {
        "ROOT": {"image": "shop:v3", "path": "/app/shop.war"},
        "admin": {"image": "admin:v3", "path": "/app/admin"},
    }
    part = {"kind": "webapp", "webapps": webapps, "resources": {"limits": {"memory": "1Gi"}}}
    spec = EnvironmentSpec.model_validate({"name": "test", "services": {"tomcat": part}})
    pod = manifest(spec, "Deployment", "tomcat")["spec"]["template"]["spec"]
    for container in pod["initContainers"]:
        *shell, script = container["command"]
        assert WEBAPPS in script and "'/app/" in script
        script = script.replace(WEBAPPS, f"{base}/webapps").replace("'/app/", f"'{images}/app/")
        subprocess.run([*shell, script], check=True)

    def get(path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
            return str(answer.read().decode())

    def answers() -> bool:
        try:
            return bool(get("/")) and bool(get("/admin/"))
        except OSError:
            return False

    rendered = program(spec, "tomcat", {})
    (java,) = (debian.root / "usr/lib/jvm").glob("java-17-openjdk-*/")
    image = {
        "PATH": f"{home}/bin:{os.environ['PATH']}",
        "CATALINA_HOME": str(home),
        "CATALINA_BASE": str(base),
    }
    image |= {"JRE_HOME": str(java), "LD_LIBRARY_PATH": debian.environment["LD_LIBRARY_PATH"]}
    command = ["env", *rendered.command]  # found on the image's PATH, as the container runtime does
    log = tmp_path / "stdout.log"
    with running(command, log, answers, env={**rendered.env, **image}) as process:
        assert get("/") == get("/admin/") == "768 MiB"
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(timeout=30) == 128 + signal.SIGTERM
    assert "Stopping service [Catalina]" in log.read_text()
    written = [file for file in (base / "logs").iterdir() if file.stat().st_size]
    assert len(written) > 1  # JULI's and the access log
    for file in written:  # the sidecar is another user
        assert file.stat().st_mode & stat.S_IROTH, f"{file.name}: {file.stat().st_mode:o}"
