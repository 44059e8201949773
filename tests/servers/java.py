"""Java programs by Maven, into the cache; Java and Maven from Debian where they are not installed."""

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
"""Java's own for every truststore; it protects nothing."""


def java() -> Path:
    """Return the program ``java``: the installed one, or Debian's extracted into the cache."""
    installed = None if os.environ.get("POSCLOUD_SERVERS_DEBIAN") else shutil.which("java")
    return Path(installed) if installed else _home(_from_debian()) / "bin" / "java"


def jars(pom: Path) -> Path:
    """Return the folder with the jars that ``pom`` names and all they need; fails where they cannot be had."""
    digest = hashlib.sha256(pom.read_bytes()).hexdigest()[:12]
    entry = cache_root() / "servers" / f"jars-{digest}"
    reporter = ConsoleReporter(sys.__stderr__)
    with claim(entry, reporter) as made:
        if made is not None:
            maven, environment = _maven(made)
            goal = ["dependency:copy-dependencies", f"-DoutputDirectory={made}", "-f", str(pom)]
            with reporter.step(f"jars of {pom.parent.name}/{pom.name}"):
                done = subprocess.run(
                    [*maven, "-q", "-B", *goal],
                    env=environment,
                    capture_output=True,
                    text=True,
                    timeout=900,
                    check=False,
                )
            assert done.returncode == 0, done.stdout + done.stderr
    return entry


def _from_debian() -> Packages:
    return packages("maven", "default-jre-headless")


def _home(found: Packages) -> Path:
    return next(
        folder for folder in (found.root / "usr/lib/jvm").iterdir() if (folder / "bin/java").is_file()
    )


def _maven(folder: Path) -> tuple[list[str], dict[str, str]]:
    """Return the command of Maven and its environment."""
    if not os.environ.get("POSCLOUD_SERVERS_DEBIAN") and shutil.which("mvn"):
        return ["mvn"], dict(os.environ)
    found = _from_debian()
    # What makes Java's list of certificate authorities is run when the package is installed, which it is not.
    trusted = folder / "trusted.p12"
    trusted.write_bytes(_truststore())
    options = f"-Djavax.net.ssl.trustStore={trusted} -Djavax.net.ssl.trustStorePassword={TRUST_PASSWORD}"
    home = {"JAVA_HOME": str(_home(found)), "MAVEN_HOME": str(found.root / "usr/share/maven")}
    launcher = found.root / "usr/share/maven/bin/mvn"
    settings = Path("/etc/maven/settings.xml")
    own = ["-gs", str(settings)] if settings.is_file() else []
    return ["sh", str(launcher), *own], {**found.environment, **home, "MAVEN_OPTS": options}


def _truststore() -> bytes:
    authorities = ssl.create_default_context().get_ca_certs(binary_form=True)
    certificates = [
        pkcs12.PKCS12Certificate(x509.load_der_x509_certificate(der), str(i).encode())
        for i, der in enumerate(authorities)
    ]
    return pkcs12.serialize_java_truststore(certificates, BestAvailableEncryption(TRUST_PASSWORD.encode()))
