"""TLS on both sides: contexts that verify by default, and a certificate of our own for development."""

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from msgspec import Struct

from interlock.app.secrets import exposure, write_private
from interlock.model import OurFault

# PostgreSQL 17 and later require it of direct TLS, and older clients do not mind.
_ALPN: Final = ["postgresql"]
_LOCAL_NAMES: Final = ("localhost", "127.0.0.1", "::1")
_LIFETIME: Final = timedelta(days=825)
SOON_DAYS: Final = 14
_CLOCK_SKEW: Final = timedelta(hours=1)


class TlsRefused(OurFault):
    """A certificate, key or authority file that cannot be used."""


class Certificate(Struct, frozen=True, kw_only=True):
    """The files of one identity: the chain and its key in PEM, and the authority that clients must trust."""

    chain: Path
    key: Path
    authority: Path


def development_certificate(directory: Path, *, now: int, names: tuple[str, ...] = _LOCAL_NAMES) -> Certificate:
    """The certificate for `names` in `directory`, made with an authority of its own when it is not there yet.

    The authority's key is thrown away: it can never sign anything else. `now` is in microseconds since the epoch.
    """
    made = Certificate(chain=directory / "server.pem", key=directory / "server.key", authority=directory / "ca.pem")
    if made.key.exists():
        return made
    start = datetime.fromtimestamp(now / 1_000_000, UTC) - _CLOCK_SKEW
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority_name = _name("Interlock development authority")
    authority = (
        _draft(authority_name, authority_name, authority_key, authority_key, start)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    leaf = (
        _draft(_name(names[0]), authority_name, key, authority_key, start)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    directory.mkdir(mode=0o755, parents=True, exist_ok=True)
    made.authority.write_bytes(authority.public_bytes(Encoding.PEM))
    made.chain.write_bytes(leaf.public_bytes(Encoding.PEM) + authority.public_bytes(Encoding.PEM))
    # Last, because its presence says that all is there.
    write_private(made.key, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return made


def server_context(chain: Path, key: Path) -> ssl.SSLContext:
    """TLS 1.2 or later towards clients.

    A renewed certificate takes another context: OpenSSL keeps one certificate for each type of key, and a context that
    has been given both may go on showing the old one. A key that others can read is refused, as PostgreSQL does.
    """
    if (problem := exposure(key)) is not None:
        raise TlsRefused(problem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(_ALPN)
    try:
        context.load_cert_chain(chain, key)
    except (OSError, ssl.SSLError) as error:
        raise TlsRefused(
            f"`{chain}` with key `{key}` cannot be used ({error}): check that they belong together"
        ) from error
    return context


def leaf_der(chain: Path) -> bytes:
    """The first certificate of a PEM file in DER: what channel binding is computed from."""
    return _leaf(chain).public_bytes(Encoding.DER)


def days_left(chain: Path, *, now: int) -> int:
    """Whole days until the first certificate of a PEM file ends; negative when it has. `now`: microseconds, epoch."""
    return (_leaf(chain).not_valid_after_utc - datetime.fromtimestamp(now / 1_000_000, UTC)).days


def _leaf(chain: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(chain.read_bytes())
    except (OSError, ValueError) as error:
        raise TlsRefused(
            f"`{chain}` holds no certificate ({error}): name a PEM file that begins with the server's"
        ) from error


def client_context(*, verify_name: bool, authority: Path | None) -> ssl.SSLContext:
    """TLS towards a target, verified against `authority` or, without one, the machine's trusted authorities."""
    try:
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=authority)
    except (OSError, ssl.SSLError) as error:
        raise TlsRefused(f"the authority `{authority}` cannot be used ({error}): name a PEM file") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = verify_name
    context.set_alpn_protocols(_ALPN)
    return context


def unverified_context() -> ssl.SSLContext:
    """TLS that anybody in between can open and close again: for `tls = "require"` without an authority."""
    context = client_context(verify_name=False, authority=None)
    context.verify_mode = ssl.CERT_NONE
    return context


def _draft(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    start: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + _LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
