from __future__ import annotations

import datetime
import socket
import ssl
import stat
import threading
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from cryptography.x509.verification import PolicyBuilder, Store

from poscloud.local import certificates
from poscloud.local.certificates import LIFETIME, Pki

NOW = datetime.datetime.now(datetime.UTC)


@pytest.fixture
def pki(tmp_path: Path) -> Pki:
    made = Pki(tmp_path / "pki")
    assert made.ensure(NOW)
    return made


def load(pki: Pki, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pki.certificate(name).read_bytes())


@pytest.mark.parametrize(("server", "authority"), [("apiserver", "ca"), ("etcd", "etcd-ca")])
def test_a_client_that_knows_the_authority_accepts_the_server(pki: Pki, server: str, authority: str) -> None:
    ours, theirs = socket.socketpair()
    accept = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    accept.load_cert_chain(pki.certificate(server), pki.key(server))
    thread = threading.Thread(target=lambda: accept.wrap_socket(theirs, server_side=True).close())
    thread.start()
    context = ssl.create_default_context(cafile=str(pki.certificate(authority)))
    with context.wrap_socket(ours, server_hostname="127.0.0.1") as connection:
        assert connection.version() in ("TLSv1.2", "TLSv1.3")
    thread.join(5)


@pytest.mark.parametrize(
    ("name", "authority"),
    [
        ("admin", "ca"),
        ("user", "ca"),
        ("kube-controller-manager", "ca"),
        ("kube-scheduler", "ca"),
        ("kwok", "ca"),
        ("etcd-client", "etcd-ca"),
    ],
)
def test_clients_are_signed_by_their_own_authority_only(pki: Pki, name: str, authority: str) -> None:
    other = "etcd-ca" if authority == "ca" else "ca"
    load(pki, name).verify_directly_issued_by(load(pki, authority))
    with pytest.raises(ValueError, match="does not match"):
        load(pki, name).verify_directly_issued_by(load(pki, other))


def test_the_chain_verifies_for_the_server(pki: Pki) -> None:
    builder = PolicyBuilder().store(Store([load(pki, "ca")])).time(NOW)
    chain = builder.build_server_verifier(x509.DNSName("localhost")).verify(load(pki, "apiserver"), [])
    assert chain[-1] == load(pki, "ca")


@pytest.mark.parametrize(
    ("name", "user", "group"),
    [("admin", "poscloud-admin", "system:masters"), ("user", "poscloud", "poscloud:operators")],
)
def test_who_somebody_is(pki: Pki, name: str, user: str, group: str) -> None:
    subject = load(pki, name).subject
    assert [a.value for a in subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == [user]
    assert [a.value for a in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)] == [group]


def test_all_files_are_private(pki: Pki) -> None:
    assert stat.S_IMODE(pki.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in pki.folder.iterdir()} == {0o600}


def test_valid_ones_are_kept(pki: Pki) -> None:
    before = pki.fingerprint()
    assert not pki.ensure(NOW + datetime.timedelta(days=300))
    assert pki.fingerprint() == before


def test_those_about_to_expire_are_renewed_and_the_tokens_key_is_not(pki: Pki) -> None:
    authority, tokens = pki.certificate("ca").read_bytes(), pki.service_account_key.read_bytes()
    later = NOW + LIFETIME - datetime.timedelta(days=1)
    assert pki.ensure(later)
    assert load(pki, "admin").not_valid_after_utc > later
    assert pki.certificate("ca").read_bytes() == authority
    assert pki.service_account_key.read_bytes() == tokens


def test_a_pair_torn_apart_by_a_kill_is_made_anew(pki: Pki) -> None:
    pki.key("admin").write_bytes(pki.key("kwok").read_bytes())
    assert pki.ensure(NOW)
    load(pki, "admin").verify_directly_issued_by(load(pki, "ca"))


def test_a_new_authority_signs_all_anew(pki: Pki) -> None:
    pki.certificate("ca").write_text("broken")
    assert pki.ensure(NOW)
    for name in ("apiserver", "admin", "kwok"):
        load(pki, name).verify_directly_issued_by(load(pki, "ca"))


def test_validity(pki: Pki, tmp_path: Path) -> None:
    validity = pki.validity()
    assert validity is not None
    assert validity[0] <= NOW < validity[1]
    assert Pki(tmp_path / "none").validity() is None


def groups(pki: Pki, name: str) -> tuple[list[str], list[str]]:
    subject = load(pki, name).subject
    return tuple(  # type: ignore[return-value]
        [str(part.value) for part in subject.get_attributes_for_oid(kind)]
        for kind in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME)
    )


def test_what_only_reads_is_no_administrator(tmp_path: Path) -> None:
    pki = Pki(tmp_path / "pki", real=1)
    pki.ensure(NOW)
    assert groups(pki, "kube-proxy") == (["system:kube-proxy"], [])
    assert groups(pki, "coredns") == (["poscloud:coredns"], [])
    assert groups(pki, "kubelet-real1") == (["system:node:real1"], ["system:nodes"])


def test_a_certificate_with_the_rights_of_an_earlier_version_is_made_anew(
    tmp_path: Path,
) -> None:
    pki = Pki(tmp_path / "pki", real=1)
    old = certificates._Request("kube-proxy", "ca", "system:kube-proxy", "system:masters")
    pki.ensure(NOW)
    pki._make(old, NOW)
    before = load(pki, "kubelet-real1")
    assert pki.ensure(NOW) and not pki.ensure(NOW)
    assert groups(pki, "kube-proxy") == (["system:kube-proxy"], [])
    assert load(pki, "kubelet-real1") == before
