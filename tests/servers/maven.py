"""Java applications of our own, built by Maven into the cache; JDK and Maven from Debian where none are installed."""

from __future__ import annotations

import hashlib
import os
import shutil
import ssl
import subprocess
import sys
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from poscloud.local.cache import claim
from poscloud.local.paths import cache_root
from poscloud.local.progress import ConsoleReporter
from tests.servers.debian import packages

HERE = Path(__file__).parent
TRUST_PASSWORD = "changeit"
"""The one every Java has; the file holds public certificates."""


def java_home() -> Path:
    """Return the folder of a JDK: the installed one's, or Debian's, extracted into the cache."""
    compiler = shutil.which("javac")
    if compiler:
        return Path(compiler).resolve().parents[1]
    found = packages("default-jdk-headless")
    return next(p.parents[1] for p in sorted(found.root.glob("usr/lib/jvm/*/bin/javac")))


def built(folder: str, *artifacts: str) -> list[Path]:
    """Return files that Maven makes of ``tests/servers/<folder>``; fails where its dependencies cannot be had.

    Args:
        folder: Holds ``pom.xml``.
        artifacts: Paths of the files in it, once it is built; their names must differ.
    """
    source = HERE / folder
    digest = hashlib.sha256()
    for file in sorted(f for f in source.rglob("*") if f.is_file() and "target" not in f.parts):
        digest.update(file.read_bytes())
    entry = cache_root() / "servers" / f"{folder}-{digest.hexdigest()[:12]}"
    reporter = ConsoleReporter(sys.__stderr__)
    with claim(entry, reporter) as made:
        if made is not None:
            work = made / "work"
            shutil.copytree(source, work, ignore=shutil.ignore_patterns("target"))
            with reporter.step(f"building {folder}"):
                _package(work)
            for artifact in artifacts:
                shutil.move(work / artifact, made)
            shutil.rmtree(work)
    return [entry / Path(artifact).name for artifact in artifacts]


def _package(folder: Path) -> None:
    installed = shutil.which("mvn")
    environment = {**os.environ, "JAVA_HOME": str(java_home())}
    command = [installed or "", "-q", "-B", "-ntp"]
    if not installed:
        found = packages("maven")
        home = found.root / "usr/share/maven"
        command[0] = str(home / "bin/mvn")
        environment |= {
            "MAVEN_HOME": str(home),
            "MAVEN_OPTS": f"{os.environ.get('MAVEN_OPTS', '')} {_trust(folder)}",
        }
    done = subprocess.run(
        [*command, "package"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _trust(folder: Path) -> str:
    """Return options for the machine's certificate authorities: Debian lists them for Java only when it installs."""
    authorities = ssl.create_default_context().get_ca_certs(binary_form=True)
    entries = [
        pkcs12.PKCS12Certificate(x509.load_der_x509_certificate(der), f"{i}".encode())
        for i, der in enumerate(authorities)
    ]
    file = folder / "authorities.p12"
    encryption = BestAvailableEncryption(TRUST_PASSWORD.encode())
    file.write_bytes(pkcs12.serialize_java_truststore(entries, encryption))
    return f"-Djavax.net.ssl.trustStore={file} -Djavax.net.ssl.trustStorePassword={TRUST_PASSWORD}"
