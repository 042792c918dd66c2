"""The server's certificate: its own is made once, kept beside its data, and pinned by invitations through its fingerprint.

One that an authority issued is not pinned: it is renewed every few months, and a pin would lock every laptop out.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

_LASTS = timedelta(days=3650)


def own_certificate(folder: Path, host: str) -> tuple[Path, Path]:
    """Paths of the certificate and its key, made if they are not there. Only its fingerprint is ever trusted."""
    certificate, key = folder / "server-cert.pem", folder / "server-key.pem"
    if not (certificate.exists() and key.exists()):
        _make(certificate, key, host)
    return certificate, key


def fingerprint(certificate: Path) -> str:
    """SHA-256 of the certificate as it travels, in hexadecimal."""
    text = certificate.read_text(encoding="ascii")
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    first = text[text.index(begin):text.index(end) + len(end)]  # the server's own comes before its issuers'
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(first)).hexdigest()


def is_self_signed(certificate: Path) -> bool:
    """Whether nobody but the certificate itself vouches for it, so that only a pin can make it trusted."""
    from cryptography import x509

    first = x509.load_pem_x509_certificates(certificate.read_bytes())[0]
    return first.issuer == first.subject


def pin(certificate: Path) -> str | None:
    """The fingerprint that invitations carry; None where an authority vouches for the certificate."""
    return fingerprint(certificate) if is_self_signed(certificate) else None


def _make(certificate: Path, key: Path, host: str) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    secret = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Alumni Desk server")])
    now = datetime.now(UTC)
    try:
        subject: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        subject = x509.DNSName(host if host.isascii() else host.encode("idna").decode())
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(secret.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _LASTS)
        .add_extension(x509.SubjectAlternativeName([subject, x509.DNSName("localhost")]), critical=False)
        .sign(secret, hashes.SHA256())
    )
    private = secret.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    certificate.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(key, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as out:
        out.write(private)
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
