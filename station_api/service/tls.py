"""TLS from two files: looked at before anything listens, so that what is wrong is said once.

In: the paths of a certificate chain and its key, PEM. Out: nothing, or one line that names the
file, what is wrong with it and what to do. A certificate that has ended locks every client out, and
one that has not begun often means that the clock is wrong; both refuse the start.
"""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from engraver.errors import InputError

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def refuse_in_the_clear(host: str, *, tls: bool, plain: bool) -> None:
    """Refuse an address from which passwords would cross a network in the clear.

    Raises
    ------
    InputError
        If they would.
    """
    if host not in LOOPBACK and not tls and not plain:
        raise InputError(
            f"--host {host} would send passwords in the clear; give --tls-cert and --tls-key, "
            "or --plain where a proxy or a tunnel encrypts"
        )


def check_tls(certificate: Path | None, key: Path | None, now: datetime | None = None) -> None:
    """Refuse a certificate without key, files that are none or no pair, and times that are wrong.

    Raises
    ------
    InputError
        Naming the file, the fault and the remedy.
    """
    if certificate is None and key is None:
        return
    if certificate is None or key is None:
        raise InputError("TLS takes both files; give --tls-cert and --tls-key")
    chain = _read_chain(certificate)
    _read(key, "the TLS key")
    try:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key, password="")  # or OpenSSL asks at a terminal
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise InputError(
                f"{key} is not the key of {certificate}; give the pair that was made together"
            ) from error
        raise InputError(
            f"{certificate} and {key} cannot be used for TLS ({error.reason or error}); "
            "the key has to be PEM without a passphrase"
        ) from error
    _check_times(certificate, chain[0], now or datetime.now(UTC))


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{what} {path} cannot be read: {error.strerror}") from error


def _read_chain(path: Path) -> list[x509.Certificate]:
    data = _read(path, "the TLS certificate")
    try:
        return x509.load_pem_x509_certificates(data)
    except ValueError as error:
        raise InputError(
            f"{path} holds no certificate in PEM; give the chain, own first"
        ) from error


def _check_times(path: Path, own: x509.Certificate, now: datetime) -> None:
    begin, end = own.not_valid_before_utc, own.not_valid_after_utc
    if now > end:
        raise InputError(f"{path} ended on {end:%Y-%m-%d %H:%M} UTC; renew it, no client takes it")
    if now < begin:
        raise InputError(
            f"{path} begins on {begin:%Y-%m-%d %H:%M} UTC and the clock says "
            f"{now:%Y-%m-%d %H:%M}; set the clock, or wait"
        )
