"""Certificates of the local control plane, made on this machine and kept in one private folder.

Two authorities: one for the API server and its clients, one for etcd alone. With a single one, everybody to
whom the cluster ever signed a certificate could read etcd directly.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from poscloud.local.access import GROUP, USER
from poscloud.local.paths import private_directory, write_private

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

AUTHORITY_LIFETIME = datetime.timedelta(days=3650)
LIFETIME = datetime.timedelta(days=365)
# Renewed this long before the end, so that a cluster started today does not fail tomorrow.
MARGIN = datetime.timedelta(days=30)

SERVER_NAMES = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
                "kubernetes.default.svc.cluster.local")  # fmt: skip


@dataclass(frozen=True)
class _Request:
    """One certificate to be made.

    Attributes:
        name: File name without ending.
        authority: File name of the authority that signs it.
        common_name: The user or server it stands for.
        group: The user's group; empty for servers.
        hosts: Names and addresses of a server; empty for clients.
    """

    name: str
    authority: str
    common_name: str
    group: str = ""
    hosts: tuple[str, ...] = ()


# The components act as administrators: RBAC's own roles are written only seconds after the first start, and a
# cluster of one person on one machine gains nothing from keeping its parts apart. Their names still differ, so
# that the audit log says who did what. Not so the person: "user" is who runs pulumi and kubectl, with the roles of
# access.py; "admin" is for the control plane's own upkeep.
_REQUESTS = (
    _Request(
        "apiserver", "ca", "kube-apiserver", hosts=(*SERVER_NAMES, "127.0.0.1", "10.96.0.1", "10.200.0.1")
    ),
    _Request("admin", "ca", "poscloud-admin", "system:masters"),
    _Request("user", "ca", USER, GROUP),
    _Request("kube-controller-manager", "ca", "system:kube-controller-manager", "system:masters"),
    _Request("kube-scheduler", "ca", "system:kube-scheduler", "system:masters"),
    _Request("kwok", "ca", "kwok", "system:masters"),
    _Request("kubelet", "ca", "simulated-kubelet", hosts=("127.0.0.1",)),
    _Request("etcd", "etcd-ca", "etcd", hosts=("localhost", "127.0.0.1")),
    _Request("etcd-client", "etcd-ca", "kube-apiserver"),
)


NAME_SERVER = "poscloud:coredns"
"""The name server of real nodes, as a user."""


def node_address(number: int) -> str:
    """The address of a node with real containers; numbers begin with 1."""
    return f"10.200.0.{number}"


def node_name(number: int) -> str:
    """The name of a node with real containers; numbers begin with 1."""
    return f"real{number}"


def _real_requests(count: int) -> tuple[_Request, ...]:
    """What nodes with real containers need beside the rest."""
    if not count:
        return ()
    nodes = [(node_name(number), node_address(number)) for number in range(1, count + 1)]
    return (
        _Request("apiserver-kubelet", "ca", "kube-apiserver-kubelet", "system:masters"),
        # These two are there when RBAC's roles are, and act as themselves: system:node-proxier is bound to the one
        # by Kubernetes, the other's role is in realnodes/dns.py.
        _Request("kube-proxy", "ca", "system:kube-proxy"),
        _Request("coredns", "ca", NAME_SERVER),
        *(_Request(f"kubelet-{name}", "ca", f"system:node:{name}", "system:nodes") for name, _ in nodes),
        *(_Request(f"{name}-server", "ca", name, hosts=(name, address)) for name, address in nodes),
    )


class Pki:
    """The folder of keys and certificates.

    Args:
        folder: Where they are; made private.
        real: For how many nodes with real containers.
    """

    def __init__(self, folder: Path, real: int = 0) -> None:
        self.folder = folder
        self._requests = (*_REQUESTS, *_real_requests(real))

    def certificate(self, name: str) -> Path:
        """The certificate file of that name."""
        return self.folder / f"{name}.crt"

    def key(self, name: str) -> Path:
        """The private key file of that name."""
        return self.folder / f"{name}.key"

    @property
    def service_account_key(self) -> Path:
        """Signs service account tokens; never renewed, since that would end every token."""
        return self.key("service-account")

    def ensure(self, now: datetime.datetime | None = None) -> bool:
        """Make what is missing, unreadable or soon to expire.

        Args:
            now: The current time; for tests.

        Returns:
            Whether anything was made, so that running components must be restarted.
        """
        moment = now or datetime.datetime.now(datetime.UTC)
        private_directory(self.folder)
        changed = False
        renewed: set[str] = set()
        for name in ("ca", "etcd-ca"):
            if not self._valid(name, moment):
                self._make_authority(name, moment)
                renewed.add(name)
                changed = True
        for request in self._requests:
            if request.authority in renewed or not self._stands_for(request, moment):
                self._make(request, moment)
                changed = True
        if not self.service_account_key.exists():
            write_private(self.service_account_key, _pem(_new_key()))
            changed = True
        return changed

    def validity(self) -> tuple[datetime.datetime, datetime.datetime] | None:
        """From when until when all certificates are valid; ``None`` when one is missing."""
        begins, ends = [], []
        for name in ("ca", "etcd-ca", *(request.name for request in self._requests)):
            try:
                certificate = self._load(name)
            except (OSError, ValueError):
                return None
            begins.append(certificate.not_valid_before_utc)
            ends.append(certificate.not_valid_after_utc)
        return max(begins), min(ends)

    def fingerprint(self) -> str:
        """Changes when any certificate does, so that components are restarted with the new ones."""
        digest = hashlib.sha256()
        for file in sorted(self.folder.glob("*.crt")):
            digest.update(file.read_bytes())
        return digest.hexdigest()

    def _load(self, name: str) -> x509.Certificate:
        from cryptography import x509

        return x509.load_pem_x509_certificate(self.certificate(name).read_bytes())

    def _load_key(self, name: str) -> EllipticCurvePrivateKey:
        from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        key = load_pem_private_key(self.key(name).read_bytes(), password=None)
        if not isinstance(key, EllipticCurvePrivateKey):
            raise ValueError(f"{self.key(name)} is not an elliptic curve key")
        return key

    def _stands_for(self, request: _Request, now: datetime.datetime) -> bool:
        """Whether there is a valid certificate, of that user and group: an earlier version may have had others."""
        wanted = _name(request.common_name, request.group)
        return self._valid(request.name, now) and self._load(request.name).subject == wanted

    def _valid(self, name: str, now: datetime.datetime) -> bool:
        try:
            certificate = self._load(name)
            matches = self._load_key(name).public_key() == certificate.public_key()
        except (OSError, ValueError):
            # A set-up killed between the two files leaves a pair that does not match: made anew.
            return False
        return (
            matches
            and certificate.not_valid_before_utc <= now
            and certificate.not_valid_after_utc > now + MARGIN
        )

    def _make_authority(self, name: str, now: datetime.datetime) -> None:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes

        key = _new_key()
        subject = _name(f"poscloud local {name}")
        public = key.public_key()
        certificate = (
            _builder(subject, subject, public, now, AUTHORITY_LIFETIME)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(sign_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .sign(key, hashes.SHA256())
        )
        self._store(name, key, certificate)

    def _make(self, request: _Request, now: datetime.datetime) -> None:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes
        from cryptography.x509.oid import ExtendedKeyUsageOID

        authority, authority_key = self._load(request.authority), self._load_key(request.authority)
        key = _new_key()
        purposes = [ExtendedKeyUsageOID.CLIENT_AUTH]
        if request.hosts:
            # etcd's own gateway calls its server with the server's certificate, hence both purposes.
            purposes.append(ExtendedKeyUsageOID.SERVER_AUTH)
        subject = _name(request.common_name, request.group)
        builder = (
            _builder(subject, authority.subject, key.public_key(), now, LIFETIME)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(sign_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
            )
        )
        if request.hosts:
            builder = builder.add_extension(_alternative_names(request.hosts), critical=False)
        self._store(request.name, key, builder.sign(authority_key, hashes.SHA256()))

    def _store(self, name: str, key: EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        from cryptography.hazmat.primitives.serialization import Encoding

        write_private(self.key(name), _pem(key))
        write_private(self.certificate(name), certificate.public_bytes(Encoding.PEM))


def _new_key() -> EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())


def _pem(key: EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    # The API server reads the public half out of this older form, but not out of PKCS #8.
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


def _name(common_name: str, group: str = "") -> x509.Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if group:
        attributes.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, group))
    return x509.Name(attributes)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public: object,
    now: datetime.datetime,
    lifetime: datetime.timedelta,
) -> x509.CertificateBuilder:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

    assert isinstance(public, EllipticCurvePublicKey)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        # Five minutes back: the clock of a virtual machine may be corrected right after the start.
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + lifetime)
    )


def _usage(*, sign_certificates: bool) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=sign_certificates, crl_sign=sign_certificates,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _alternative_names(hosts: Sequence[str]) -> x509.SubjectAlternativeName:
    from cryptography import x509

    def general(host: str) -> x509.GeneralName:
        try:
            return x509.IPAddress(ip_address(host))
        except ValueError:
            return x509.DNSName(host)

    return x509.SubjectAlternativeName([general(host) for host in hosts])
