"""A secure lab's certificates (by `cryptography`), users and client settings. Made once, kept with the lab, 0600."""

import os
import secrets
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from eosctl.core.errors import UsageError

ADMIN, LIMITED = "admin", "limited"
CLIENT_NAME = "eosctl-client"
_DAYS = 3_650


def make_security(folder: Path) -> dict[str, str]:
    """Writes CA, broker and client certificates below `folder`; returns the passwords by user."""
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives.asymmetric import ec
    except ImportError:
        raise UsageError(
            "no_lab_extra", "The lab's parts are not installed.", hint="pip install 'eosctl[lab]'"
        ) from None
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca = _certificate("eosctl lab CA", ca_key.public_key(), "eosctl lab CA", ca_key, authority=True)
    _write(folder / "ca.pem", _pem(ca))
    for name, file in (("localhost", "broker"), (CLIENT_NAME, "client")):
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
        certificate = _certificate(name, key.public_key(), "eosctl lab CA", ca_key, names=names)
        _write(folder / f"{file}.key.pem", _key_pem(key))
        _write(folder / f"{file}.cert.pem", _pem(certificate) + _pem(ca))
        _write(folder / f"{file}.keystore.pem", _key_pem(key) + _pem(certificate) + _pem(ca))
    return {ADMIN: secrets.token_urlsafe(16), LIMITED: secrets.token_urlsafe(16)}


def scram_settings(folder: Path, user: str, password: str) -> dict[str, str]:
    """librdkafka properties of a SCRAM user."""
    return {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": user,
        "sasl.password": password,
        "ssl.ca.location": str(folder / "ca.pem"),
    }


def certificate_settings(folder: Path) -> dict[str, str]:
    """librdkafka properties of the client certificate, for the SSL listener."""
    return {
        "security.protocol": "SSL",
        "ssl.ca.location": str(folder / "ca.pem"),
        "ssl.certificate.location": str(folder / "client.cert.pem"),
        "ssl.key.location": str(folder / "client.key.pem"),
    }


def write_properties(file: Path, settings: dict[str, str]) -> None:
    """A `.properties` file that only its owner can read."""
    _write(file, "".join(f"{key}={value}\n" for key, value in settings.items()).encode())


def _certificate(
    name: str, key: Any, issuer: str, issuer_key: Any, *, names: Any = None, authority: bool = False
) -> Any:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(issuer))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=_DAYS))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if authority:
        builder = builder.add_extension(_authority_usage(), critical=True)
    if names is not None:
        builder = builder.add_extension(names, critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _authority_usage() -> Any:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _name(common: str) -> Any:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _pem(certificate: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return bytes(certificate.public_bytes(Encoding.PEM))


def _key_pem(key: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _write(file: Path, content: bytes) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(content)
