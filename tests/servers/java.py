"""Java programs by Maven, into the cache; JDK and Maven from Debian where they are not installed."""

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
from tests.servers.debian import Packages, packages

HERE = Path(__file__).parent
TRUST_PASSWORD = "changeit"
"""Java's own for every truststore; the file holds public certificates."""


def java_home() -> Path:
    """Return the folder of a JDK: the installed one's, or Debian's, extracted into the cache."""
    compiler = _installed("javac")
    if compiler:
        return compiler.resolve().parents[1]
    return next(p.parents[1] for p in sorted(_from_debian().root.glob("usr/lib/jvm/*/bin/javac")))


def java() -> Path:
    """Return the program ``java``."""
    return java_home() / "bin" / "java"


def jars(pom: Path) -> Path:
    """Return the folder with the jars that ``pom`` names and all they need; fails where they cannot be had."""
    digest = hashlib.sha256(pom.read_bytes()).hexdigest()[:12]
    entry = cache_root() / "servers" / f"jars-{digest}"
    reporter = ConsoleReporter(sys.__stderr__)
    with claim(entry, reporter) as made:
        if made is not None:
            with reporter.step(f"jars of {pom.parent.name}/{pom.name}"):
                goal = ["dependency:copy-dependencies", f"-DoutputDirectory={made}", "-f", str(pom)]
                _maven(goal, made)
    return entry


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
                _maven(["package"], work)
            for artifact in artifacts:
                shutil.move(work / artifact, made)
            shutil.rmtree(work)
    return [entry / Path(artifact).name for artifact in artifacts]


def _installed(name: str) -> Path | None:
    """Return an installed program; none where ``POSCLOUD_SERVERS_DEBIAN`` asks for Debian's in any case."""
    found = None if os.environ.get("POSCLOUD_SERVERS_DEBIAN") else shutil.which(name)
    return Path(found) if found else None


def _from_debian() -> Packages:
    return packages("maven", "default-jdk-headless")


def _maven(goal: list[str], folder: Path) -> None:
    """Run Maven in ``folder``, which is part of a cache entry that is being made."""
    command, environment = ["mvn"], {**os.environ, "JAVA_HOME": str(java_home())}
    if not _installed("mvn"):
        found = _from_debian()
        home = found.root / "usr/share/maven"
        options = f"{os.environ.get('MAVEN_OPTS', '')} {_trust(folder)}"
        environment = {**found.environment, **environment, "MAVEN_HOME": str(home), "MAVEN_OPTS": options}
        settings = Path("/etc/maven/settings.xml")
        command = ["sh", str(home / "bin/mvn"), *(["-gs", str(settings)] if settings.is_file() else [])]
    done = subprocess.run(
        [*command, "-q", "-B", "-ntp", *goal],
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
    certificates = [
        pkcs12.PKCS12Certificate(x509.load_der_x509_certificate(der), str(i).encode())
        for i, der in enumerate(authorities)
    ]
    file = folder / "trusted.p12"
    encryption = BestAvailableEncryption(TRUST_PASSWORD.encode())
    file.write_bytes(pkcs12.serialize_java_truststore(certificates, encryption))
    return f"-Djavax.net.ssl.trustStore={file} -Djavax.net.ssl.trustStorePassword={TRUST_PASSWORD}"
