"""Promises of OPC UA over a network: real clients, of which only those that are known read."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from engraver.errors import InputError, PortError
from station_api.records import Records
from tests.station_api.links.test_links import WAIT_S, free_port

asyncua = pytest.importorskip("asyncua", reason="the extra pinmark[opcua] is not installed")

from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256  # noqa: E402

from station_api.links import opcua, opcua_security  # noqa: E402


def made(folder: Path, name: str, days: int = 30, key: object | None = None) -> tuple[Path, Path]:
    """Write a certificate that signs itself, DER, and its key; return their paths."""
    own = key or rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(own.public_key())  # type: ignore[attr-defined]
        .serial_number(7)
        .not_valid_before(now - timedelta(days=60))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(
            x509.SubjectAlternativeName([x509.UniformResourceIdentifier(f"urn:{name}")]), False
        )
        .sign(own, hashes.SHA256())  # type: ignore[arg-type]
    )
    paths = folder / f"{name}.der", folder / f"{name}.key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.DER))
    paths[1].write_bytes(
        own.private_bytes(  # type: ignore[attr-defined]
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths


def test_only_a_known_client_reads(tmp_path: Path) -> None:
    """Signed and encrypted by a stranger's own certificate, or in the clear: turned away."""
    records = Records(tmp_path / "station.db")
    known, stranger = made(tmp_path, "known"), made(tmp_path, "stranger")
    (tmp_path / "clients").mkdir()
    (tmp_path / "clients" / "mes.der").write_bytes(known[0].read_bytes())
    endpoint = f"opc.tcp://127.0.0.1:{free_port()}"
    pair = opcua_security.read_pair(*made(tmp_path, "station"))
    clients = opcua_security.read_clients(tmp_path / "clients")

    async def read(own: tuple[Path, Path] | None) -> object:
        client = asyncua.Client(endpoint)
        if own is not None:
            await client.set_security(SecurityPolicyBasic256Sha256, str(own[0]), str(own[1]))
        async with client:
            index = await client.get_namespace_index(opcua.NAMESPACE)
            path = [f"{index}:pinmark", f"{index}:Station"]
            return await (await client.nodes.objects.get_child(path)).read_value()

    async def session() -> None:
        stop, ready = asyncio.Event(), asyncio.Event()
        server = asyncio.create_task(
            opcua.serve(records, endpoint, stop, ready, pair=pair, clients=clients)
        )
        await asyncio.wait_for(ready.wait(), WAIT_S)
        try:
            assert await asyncio.wait_for(read(known), WAIT_S) == "S1"
            with pytest.raises(asyncua.ua.UaError, match="Untrusted"):
                await asyncio.wait_for(read(stranger), WAIT_S)
            with pytest.raises((asyncua.ua.UaError, ConnectionError)):
                await asyncio.wait_for(read(None), WAIT_S)
            second = asyncio.Event()
            with pytest.raises(PortError, match="name another --endpoint"):
                await opcua.serve(records, endpoint, stop, second)
        finally:
            stop.set()
            await server

    asyncio.run(session())
    records.close()


def test_what_is_no_pair_is_said(tmp_path: Path) -> None:
    """A missing file, another kind of file, another's key, an elliptic key, an ended one."""
    certificate, key = made(tmp_path, "station")
    other = made(tmp_path, "other")[1]
    ended = made(tmp_path, "ended", days=-1)
    curve = made(tmp_path, "curve", key=ec.generate_private_key(ec.SECP256R1()))
    read = opcua_security.read_pair
    for pair, said in (
        ((tmp_path / "nowhere", key), "cannot be read"),
        ((key, key), "no certificate"),
        ((certificate, certificate), "no key in PEM"),
        ((certificate, other), "not the key of"),
        (curve, "no RSA key"),
        (ended, "renew it"),
    ):
        with pytest.raises(InputError, match=said):
            read(*pair)
    (tmp_path / "none").mkdir()
    for folder, said in ((tmp_path / "none", "is empty"), (certificate, "is no folder")):
        with pytest.raises(InputError, match=said):
            opcua_security.read_clients(folder)
