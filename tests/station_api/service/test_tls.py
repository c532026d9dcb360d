"""TLS by file: real handshakes, what is wrong with a pair, and no password in the clear."""

from __future__ import annotations

import http.client
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from engraver.errors import InputError
from station_api.app import make_app
from station_api.service import server
from station_api.service.service import Service
from station_api.service.tls import check_tls
from tests.conftest import wait_until

WAIT_S = 60.0
Run = Callable[..., subprocess.CompletedProcess[str]]
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority of these tests."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    def issue(self, folder: Path, name: str, begin: datetime, end: datetime) -> tuple[Path, Path]:
        """Write a certificate for this machine and its key; return their paths."""
        key = ec.generate_private_key(ec.SECP256R1())
        hosts = [x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("localhost")]
        made = (
            _builder(name, self.certificate.subject, begin, end)
            .public_key(key.public_key())
            .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        paths = folder / f"{name}.crt", folder / f"{name}.key"
        paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
        paths[1].write_bytes(pem(key))
        return paths


def pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(
    name: str, issuer: x509.Name, begin: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(issuer)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
    )


@pytest.fixture(scope="module")
def authority() -> Authority:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    made = (
        _builder("plant", named("plant"), now - DAY, now + 30 * DAY)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Authority(key, made)


@pytest.fixture
def pair(authority: Authority, tmp_path: Path) -> tuple[Path, Path]:
    now = datetime.now(UTC)
    return authority.issue(tmp_path, "station", now - DAY, now + DAY)


@contextmanager
def serving(service: Service, pair: tuple[Path, Path]) -> Iterator[int]:
    """Serve over TLS on a free port of every address; yield it."""
    check_tls(*pair)
    listener = server.listen("0.0.0.0", 0, tls=True, plain=False)
    made = server.make_server(make_app(service, tls=True), *pair)
    thread = threading.Thread(target=made.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        wait_until(lambda: made.started or not thread.is_alive(), WAIT_S)
        yield listener.getsockname()[1]
    finally:
        made.should_exit = True
        thread.join()
        listener.close()


def trusting(authority: Authority) -> ssl.SSLContext:
    """A client that knows this authority alone."""
    text = authority.certificate.public_bytes(serialization.Encoding.PEM).decode()
    return ssl.create_default_context(cadata=text)


def test_a_client_that_knows_the_authority_is_served_and_nobody_else(
    service: Service, authority: Authority, pair: tuple[Path, Path]
) -> None:
    """1.2 and 1.3 with the name checked; 1.1, strangers and plain HTTP get no answer."""
    with serving(service, pair) as port:
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = trusting(authority)
            context.minimum_version = context.maximum_version = version
            client = http.client.HTTPSConnection("127.0.0.1", port, timeout=WAIT_S, context=context)
            client.request("GET", "/v1/health")
            reply = client.getresponse()
            assert reply.status == 200
            assert "max-age=" in reply.headers["strict-transport-security"]
            client.close()
        with pytest.raises(ssl.SSLError):
            shake_hands(port, old(trusting(authority)))
        with pytest.raises(ssl.SSLCertVerificationError):
            shake_hands(port, ssl.create_default_context())
        with socket.create_connection(("127.0.0.1", port), WAIT_S) as plain:
            plain.sendall(b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n")
            assert not plain.recv(1000).startswith(b"HTTP/")


def shake_hands(port: int, context: ssl.SSLContext) -> None:
    with (
        socket.create_connection(("127.0.0.1", port), WAIT_S) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as secure,
    ):
        secure.sendall(b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n")
        secure.recv(1)


def old(context: ssl.SSLContext) -> ssl.SSLContext:
    """Let a client speak nothing newer than TLS 1.1, as far as its own OpenSSL lets it."""
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


def test_what_is_wrong_with_the_files_is_one_line(
    authority: Authority, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    """Missing, garbage, another's key, a passphrase, over, not begun: named with the remedy."""
    certificate, key = pair
    now = datetime.now(UTC)
    over = authority.issue(tmp_path, "over", now - 9 * DAY, now - 2 * DAY)
    early = authority.issue(tmp_path, "early", now + 2 * DAY, now + 9 * DAY)
    other = authority.issue(tmp_path, "other", now - DAY, now + DAY)
    garbage = tmp_path / "garbage.pem"
    garbage.write_bytes(b"\x00no pem\xff")
    cases: list[tuple[Path | None, Path | None, str]] = [
        (certificate, None, "TLS takes both files"),
        (tmp_path / "none.crt", key, r"none\.crt cannot be read: No such file"),
        (certificate, tmp_path / "none.key", r"key .*none\.key cannot be read: No such file"),
        (garbage, key, r"garbage\.pem holds no certificate"),
        (certificate, garbage, "cannot be used for TLS"),
        (certificate, other[1], r"other\.key is not the key of .*station\.crt"),
        (*over, r"over\.crt ended on .*renew it"),
        (*early, r"early\.crt begins on .*set the clock"),
    ]
    for given, its_key, words in cases:
        with pytest.raises(InputError, match=words) as refused:
            check_tls(given, its_key)
        assert "\n" not in str(refused.value)
    check_tls(None, None)
    check_tls(*pair)


def test_a_locked_key_asks_nobody(
    pair: tuple[Path, Path],
    tmp_path: Path,
    pinmark: Run,
) -> None:
    """A key with a passphrase is refused by the command, which has no terminal to ask at."""
    locked = tmp_path / "locked.key"
    locked.write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"open sesame"),
        )
    )
    done = pinmark("serve", "--port", "0", "--tls-cert", pair[0], "--tls-key", locked)
    assert done.returncode == 2
    assert "without a passphrase" in done.stderr


def test_no_password_crosses_a_network_in_the_clear(
    pinmark: Run,
) -> None:
    """Plain HTTP is refused off loopback, but where somebody says that a proxy encrypts."""
    for host in ("0.0.0.0", "::", "192.0.2.1"):
        done = pinmark("serve", "--host", host, "--port", "0")
        assert done.returncode == 2
        assert "in the clear" in done.stderr and "--tls-cert" in done.stderr
    for words in ({"tls": True, "plain": False}, {"tls": False, "plain": True}):
        server.listen("0.0.0.0", 0, **words).close()
    server.listen("127.0.0.1", 0, tls=False, plain=False).close()
