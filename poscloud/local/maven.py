"""Jars by Maven, into the cache; JDK and Maven from Debian where they are not installed."""

from __future__ import annotations

import hashlib
import os
import shutil
import ssl
import subprocess
from pathlib import Path

from poscloud.errors import DeployError
from poscloud.local.cache import claim
from poscloud.local.debian import Packages, packages
from poscloud.local.paths import cache_root
from poscloud.local.progress import Reporter

DEBIAN = "POSCLOUD_SERVERS_DEBIAN"
"""Set: Debian's JDK and Maven are taken even where others are installed."""

TIMEOUT = 900
"""Seconds that Maven may take."""

TRUST_PASSWORD = "changeit"
"""Java's own for every truststore; the file holds public certificates."""


def java_home() -> Path:
    """Return the folder of a JDK: the installed one's, or Debian's, extracted into the cache."""
    compiler = _installed("javac")
    if compiler:
        return compiler.resolve().parents[1]
    return next(p.parents[1] for p in sorted(_from_debian().root.glob("usr/lib/jvm/*/bin/javac")))


def jars(pom: Path, reporter: Reporter) -> Path:
    """Return the folder with the jars that ``pom`` names and all they need.

    Raises:
        DeployError: They cannot be had.
    """
    digest = hashlib.sha256(pom.read_bytes()).hexdigest()[:12]
    entry = cache_root() / "servers" / f"jars-{digest}"
    with claim(entry, reporter) as made:
        if made is not None:
            goal = ["dependency:copy-dependencies", f"-DoutputDirectory={made}", "-f", str(pom)]
            maven(goal, made)
    return entry


def maven(goal: list[str], folder: Path) -> None:
    """Run Maven in ``folder``, which is part of a cache entry that is being made.

    Raises:
        DeployError: It fails.
    """
    command, environment = ["mvn"], {**os.environ, "JAVA_HOME": str(java_home())}
    if not _installed("mvn"):
        found = _from_debian()
        home = found.root / "usr/share/maven"
        options = f"{os.environ.get('MAVEN_OPTS', '')} {_trust(folder)}"
        environment = {**found.environment, **environment, "MAVEN_HOME": str(home), "MAVEN_OPTS": options}
        settings = Path("/etc/maven/settings.xml")
        command = ["sh", str(home / "bin/mvn"), *(["-gs", str(settings)] if settings.is_file() else [])]
    try:
        done = subprocess.run(
            [*command, "-q", "-B", "-ntp", *goal],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise DeployError(
            f"Maven did not end within {TIMEOUT} s ({' '.join(goal[:1])})", hint="run this again"
        ) from None
    finally:
        (folder / "trusted.p12").unlink(missing_ok=True)
    if done.returncode != 0:
        words = "\n".join(f"    {line}" for line in (done.stdout + done.stderr).strip().splitlines()[-8:])
        raise DeployError(f"Maven failed ({' '.join(goal[:1])}):\n{words}")


def _installed(name: str) -> Path | None:
    found = None if os.environ.get(DEBIAN) else shutil.which(name)
    return Path(found) if found else None


def _from_debian() -> Packages:
    return packages("maven", "default-jdk-headless")


def _trust(folder: Path) -> str:
    """Return options for the machine's certificate authorities: Debian lists them for Java only when it installs."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

    authorities = ssl.create_default_context().get_ca_certs(binary_form=True)
    certificates = [
        pkcs12.PKCS12Certificate(x509.load_der_x509_certificate(der), str(i).encode())
        for i, der in enumerate(authorities)
    ]
    file = folder / "trusted.p12"
    encryption = BestAvailableEncryption(TRUST_PASSWORD.encode())
    file.write_bytes(pkcs12.serialize_java_truststore(certificates, encryption))
    return f"-Djavax.net.ssl.trustStore={file} -Djavax.net.ssl.trustStorePassword={TRUST_PASSWORD}"
