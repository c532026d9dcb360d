"""Who may read over OPC UA: the server's own certificate and key, and the clients it knows.

In: paths of files. Out: a `Pair` for the server and a validator of clients, or one line that says
what is wrong. A signed and encrypted connection alone keeps nobody out: every client makes its own
certificate, so that over a network only those in a folder are let in. Needs `pinmark[opcua]`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.crypto.validator import CertificateValidatorMethod
from asyncua.ua.status_codes import StatusCodes
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from engraver.errors import InputError


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate in DER and its RSA key in PEM, for Basic256Sha256."""

    certificate: bytes
    key: bytes


def read_pair(certificate: Path, key: Path) -> Pair:
    """Read the server's certificate (DER or PEM) and its key (PEM).

    Raises
    ------
    InputError
        If a file cannot be read or is none, the two are no pair, or the time is over.
    """
    own = read_certificate(certificate)
    text = _bytes(key)
    try:
        private = load_pem_private_key(text, None)
    except (ValueError, TypeError) as error:
        raise InputError(f"{key} holds no key in PEM without a passphrase") from error
    if not isinstance(private, RSAPrivateKey):
        raise InputError(f"{key} is no RSA key, which OPC UA's Basic256Sha256 takes; make one")
    if _public(private.public_key()) != _public(own.public_key()):
        raise InputError(
            f"{key} is not the key of {certificate}; give the pair that was made together"
        )
    if (now := datetime.now(UTC)) > own.not_valid_after_utc:
        ended = f"{own.not_valid_after_utc:%Y-%m-%d %H:%M}"
        raise InputError(f"{certificate} ended on {ended} UTC (it is {now:%Y-%m-%d}); renew it")
    plain = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Pair(own.public_bytes(Encoding.DER), plain)


def read_clients(folder: Path) -> frozenset[bytes]:
    """Return the certificates (DER) of the clients in a folder.

    Raises
    ------
    InputError
        If it is no folder, holds none, or a file in it is no certificate.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder; put the certificates of the clients into one")
    files = sorted(one for one in folder.iterdir() if one.is_file())
    if not files:
        raise InputError(f"{folder} is empty; put the certificate of each client into it")
    return frozenset(read_certificate(one).public_bytes(Encoding.DER) for one in files)


def read_certificate(path: Path) -> x509.Certificate:
    """Read one certificate, DER or PEM.

    Raises
    ------
    InputError
        If it cannot be read or is none.
    """
    data = _bytes(path)
    try:
        if data.startswith(b"-----BEGIN"):
            return x509.load_pem_x509_certificate(data)
        return x509.load_der_x509_certificate(data)
    except ValueError as error:
        raise InputError(f"{path} is no certificate in DER or PEM") from error


def only(clients: frozenset[bytes]) -> CertificateValidatorMethod:
    """Return a validator that lets in the clients with these certificates (DER), in their time."""

    async def validate(shown: x509.Certificate, _: ua.ApplicationDescription) -> None:
        if shown.public_bytes(Encoding.DER) not in clients:
            raise ServiceError(StatusCodes.BadCertificateUntrusted)
        if not shown.not_valid_before_utc <= datetime.now(UTC) <= shown.not_valid_after_utc:
            raise ServiceError(StatusCodes.BadCertificateTimeInvalid)

    return validate


def _public(key: object) -> bytes:
    found: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined]
    return found


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
