"""The parts of the toolchain: which programs, built from what, and what an installed one must be like."""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from poscloud.local.nodes import architecture
from poscloud.local.versions import Version, known, pinned, sources

CONTROL_PLANE = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
NODE_PROGRAMS = ("kubelet", "kube-proxy")


def system() -> str:
    """The operating system as Go calls it."""
    return "darwin" if sys.platform == "darwin" else platform.system().lower()


@dataclass(frozen=True)
class Build:
    """One ``go build``.

    Attributes:
        name: The folder in ``toolchain/``, and the name of the program it makes.
        version: The version that is built.
        package: The Go package, as seen from that folder.
        variables: Linked into the program with ``-X``.
        packages: About how many packages a build from nothing compiles, for showing how far it is.
        links: Other names of the program.
        extra_script: Module and file of a script that must lie beside the program.
    """

    name: str
    version: str
    package: str
    variables: tuple[tuple[str, str], ...] = ()
    packages: int = 0
    links: tuple[str, ...] = ()
    extra_script: tuple[str, str, str] | None = None

    @property
    def folder(self) -> Path:
        """The Go module it is built in."""
        return sources() / self.name

    @property
    def ldflags(self) -> str:
        """The linker's flags: no debug information, and the version."""
        return " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in self.variables)])

    @property
    def key(self) -> str:
        """The folder in the cache: changes with everything that makes a different program."""
        digest = hashlib.sha256()
        sources_of = ("go.mod", "go.sum", *sorted(file.name for file in self.folder.glob("*.go")))
        for name in sources_of:
            file = self.folder / name
            if file.exists() and not name.endswith("_test.go"):
                digest.update(file.read_bytes())
        digest.update(json.dumps([self.package, self.ldflags, self.links, system(), architecture()]).encode())
        return f"{self.name}-{self.version}-{digest.hexdigest()[:12]}"

    @property
    def programs(self) -> tuple[str, ...]:
        """All names the build can be called by."""
        script = (self.extra_script[2].rpartition("/")[2],) if self.extra_script else ()
        return (self.name, *self.links, *script)


@dataclass(frozen=True)
class Probe:
    """How the version of an installed program is found out and judged.

    Attributes:
        program: The program.
        arguments: What makes it tell its version.
        accept: Whether that version can be used.
        expected: What is accepted, in words.
    """

    program: str
    arguments: tuple[str, ...]
    accept: Callable[[Version], bool]
    expected: str


@dataclass(frozen=True)
class Part:
    """What is chosen as a whole: all of it from one place.

    Attributes:
        name: The part.
        version: The pinned version.
        probes: Programs whose version is checked when they are found on PATH.
        companions: Programs that must lie beside the first one found on PATH.
        builds: What is built when neither PATH nor a release has it.
    """

    name: str
    version: str
    probes: tuple[Probe, ...]
    companions: tuple[str, ...]
    builds: tuple[Build, ...]

    @property
    def programs(self) -> tuple[str, ...]:
        """What the part must offer, whichever way it came."""
        return (*(probe.program for probe in self.probes), *self.companions)


def _near(version: str) -> Callable[[Version], bool]:
    """Within one minor version, as Kubernetes supports it for kubectl."""
    wanted = known(version)
    return lambda found: found[0] == wanted[0] and abs(found[1] - wanted[1]) <= 1


def _same_minor(version: str) -> Callable[[Version], bool]:
    wanted = known(version)
    return lambda found: found[:2] == wanted[:2]


def parts() -> tuple[Part, ...]:
    """All parts, in the order they are installed."""
    return _pulumi(), _kubernetes(), _kwok()


def node_builds() -> tuple[Build, ...]:
    """What real nodes need beside the parts; built only when they are asked for."""
    return (
        Build("sandbox", pinned("sandbox"), ".", packages=150),
        Build("coredns", pinned("coredns"), ".", packages=900),
    )


def _pulumi() -> Part:
    version, low, high = pinned("pulumi"), pinned("pulumi", "minimum"), pinned("pulumi", "below")
    script = pinned("pulumi-language-python", "exec")
    sdk = "github.com/pulumi/pulumi/sdk/v3"
    return Part(
        name="pulumi",
        version=version,
        probes=(
            Probe("pulumi", ("version",), lambda v: known(low) <= v < known(high), f">= {low}, < {high}"),
        ),
        companions=("pulumi-language-python", "pulumi-language-python-exec"),
        builds=(
            Build(
                "pulumi", version, "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
                variables=((f"{sdk}/go/common/version.Version", f"v{version}"),), packages=1612,
            ),
            Build(
                "pulumi-language-python", pinned("pulumi-language-python"),
                f"{sdk}/python/cmd/pulumi-language-python", packages=550,
                extra_script=("pulumi", f"{sdk}@v{script}", "python/cmd/pulumi-language-python-exec"),
            ),
        ),
    )  # fmt: skip


def _kubernetes() -> Part:
    version, etcd = pinned("kubernetes"), pinned("etcd")
    major, minor, _ = known(version)
    component_base = "k8s.io/component-base/version"
    same = _same_minor(version)
    expected = f"{major}.{minor}"
    plain = ("--version",)
    return Part(
        name="kubernetes",
        version=version,
        probes=(
            Probe("kube-apiserver", plain, same, expected),
            Probe("kube-controller-manager", plain, same, expected),
            Probe("kube-scheduler", plain, same, expected),
            Probe("etcd", plain, _same_minor(etcd), ".".join(etcd.split(".")[:2])),
            Probe("kubectl", ("version", "--client"), _near(version), f"within one minor version of {expected}"),
        ),
        companions=(),
        builds=(
            Build(
                "kubernetes", version, ".",
                variables=(
                    (f"{component_base}.gitVersion", f"v{version}"),
                    (f"{component_base}.gitMajor", str(major)),
                    (f"{component_base}.gitMinor", str(minor)),
                ),
                packages=2591, links=(*CONTROL_PLANE, *NODE_PROGRAMS),
            ),
        ),
    )  # fmt: skip


def _kwok() -> Part:
    version = pinned("kwok")
    # The simulator reads the stage files of its own version.
    probe = Probe("kwok", ("--version",), _same_minor(version), ".".join(version.split(".")[:2]))
    return Part(
        "kwok", version, (probe,), (), (Build("kwok", version, "sigs.k8s.io/kwok/cmd/kwok", packages=1300),)
    )
