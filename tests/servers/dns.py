"""Asking a DNS server, over UDP and TCP, and running one with names of the test's own."""

from __future__ import annotations

import signal
import socket
import struct
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers.debian import packages
from tests.servers.running import free_port, running

A, AAAA = 1, 28


def query(name: str, number: int = 1, kind: int = A) -> bytes:
    """Return the question for one record (RFC 1035, 4.1)."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", kind, 1)


def addresses(answer: bytes) -> list[str]:
    """Return the IPv4 addresses in an answer; a server that refuses or knows none gives none."""
    count = struct.unpack(">HHHHHH", answer[:12])[3]
    place = answer.index(b"\0", 12) + 5
    found = []
    for _ in range(count):
        place += 2  # the name, here always a pointer to the question's
        kind, _, _, length = struct.unpack(">HHIH", answer[place : place + 10])
        if kind == A:
            found.append(socket.inet_ntoa(answer[place + 10 : place + 14]))
        place += 10 + length
    return found


def ask_udp(port: int, name: str, seconds: float = 5) -> list[str]:
    """Return the addresses of ``name``, asked for over UDP; an ``OSError`` without an answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(seconds)
        client.connect(("127.0.0.1", port))
        client.send(query(name))
        return addresses(client.recv(4096))


def ask_tcp(port: int, name: str) -> list[str]:
    """Return the addresses of ``name``, asked for over TCP."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        message = query(name)
        client.sendall(struct.pack(">H", len(message)) + message)
        stream = client.makefile("rb")
        (length,) = struct.unpack(">H", stream.read(2))
        return addresses(stream.read(length))


def answers(port: int) -> bool:
    """Whether a DNS server answers on ``port`` of 127.0.0.1, whatever it says."""
    try:
        ask_udp(port, "localhost", 0.5)
    except OSError:
        return False
    return True


@dataclass
class NameServer:
    """A dnsmasq on 127.0.0.1 that knows some names and no others.

    Attributes:
        port: Its port, for TCP and UDP.
        hosts: The file with its names.
        process: dnsmasq.
    """

    port: int
    hosts: Path
    process: subprocess.Popen[bytes]

    def set(self, names: Mapping[str, str]) -> None:
        """Replace all names (name → IPv4 address)."""
        write_hosts(self.hosts, names)
        self.process.send_signal(signal.SIGHUP)


def write_hosts(hosts: Path, names: Mapping[str, str]) -> None:
    """Write a hosts file (name → IPv4 address)."""
    hosts.write_text("".join(f"{address} {name}\n" for name, address in names.items()))


@contextmanager
def name_server(folder: Path, names: Mapping[str, str]) -> Iterator[NameServer]:
    """Run a DNS server with ``names`` (name → IPv4 address) while the context lasts."""
    dnsmasq, port = packages("dnsmasq-base"), free_port()
    hosts = folder / f"hosts-{port}"
    write_hosts(hosts, names)
    words = [
        "--keep-in-foreground",
        "--conf-file=/dev/null",
        "--user=root",
        "--pid-file",
        "--no-resolv",
        "--no-hosts",
        "--local-ttl=3600",  # an hour, for which clients may keep an answer
    ]
    own = [f"--addn-hosts={hosts}", f"--port={port}", "--listen-address=127.0.0.1", "--bind-interfaces"]
    command = [dnsmasq.program("dnsmasq"), *words, *own, "--log-facility=-"]
    log = folder / f"dnsmasq-{port}.log"
    with running(command, log, lambda: answers(port), env=dnsmasq.environment) as process:
        yield NameServer(port, hosts, process)
