"""Signed notes, checkpoints, cosignatures, proofs and tiles against their published vectors."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engraver.errors import NoteError, ProofError
from station_api.transparency import cosignature, merkle, note, proof, tiles
from station_api.transparency.checkpoint import (
    Checkpoint,
    open_checkpoint,
    parse_checkpoint,
    sign_checkpoint,
)
from station_api.transparency.note import Algorithm, Signature

GOLDEN = Path(__file__).parents[2] / "golden" / "transparency"


def golden(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((GOLDEN / name).read_text())
    return loaded


NOTE = golden("note.json")
TEXT, PETER_LINE, ENOCH_LINE = NOTE["text"], NOTE["peter_line"], NOTE["enoch_line"]
PETER = note.parse_verifier_key(NOTE["peter_vkey"])
ENOCH = note.parse_verifier_key(NOTE["enoch_vkey"])


def counted_bytes(n: int) -> bytes:
    return bytes(range(n))


def mangled(text: str) -> list[str]:
    """Every proper substring, and every text with one character raised by one."""
    cut = [text[i:j] for i in range(len(text) + 1) for j in range(i + 1, len(text) + 1)]
    raised = [text[:i] + chr(ord(c) + 1) + text[i + 1 :] for i, c in enumerate(text)]
    return [one for one in cut if one != text] + raised


def test_no_mangled_public_key_is_accepted() -> None:
    """As in golang.org/x/mod: no substring of a vkey and no vkey one off is a key."""
    assert PETER.text() == NOTE["peter_vkey"]
    for one in [
        *mangled(NOTE["peter_vkey"]),
        NOTE["wrong_length_vkey"],
        NOTE["unknown_algorithm_vkey"],
    ]:
        with pytest.raises(NoteError):
            note.parse_verifier_key(one)


def test_no_mangled_private_key_is_accepted_or_shown() -> None:
    """The same for signing keys, and no error repeats the secret."""
    key = note.parse_signer_key(NOTE["peter_skey"])
    assert key.text() == NOTE["peter_skey"]
    assert "secret" in repr(key) and str(key.seed) not in repr(key)
    for one in mangled(NOTE["peter_skey"])[::7]:
        with pytest.raises(NoteError) as refused:
            note.parse_signer_key(one)
        assert one[-20:] not in str(refused.value) or len(one) < 20


def test_signing_gives_the_published_note() -> None:
    """Signing the published text with the published key gives the published bytes."""
    signer = note.parse_signer_key(NOTE["peter_skey"])
    want = TEXT + "\n" + PETER_LINE
    assert note.sign_note(TEXT, [signer]) == want
    stale = Signature("PeterNeumann", PETER.key_id, b"bad")
    assert note.sign_note(TEXT, [signer], [stale]) == want
    with pytest.raises(NoteError, match="malformed note"):
        note.sign_note("abc", [signer])
    with pytest.raises(NoteError, match="cannot stand"):
        note.sign_note(TEXT, [], [Signature("a+b", b"1234", b"x")])


def test_open_verifies_the_known_and_keeps_the_unknown() -> None:
    """Known keys verify, strangers are kept apart, and with no known key nothing opens."""
    both = f"{TEXT}\n{PETER_LINE}{ENOCH_LINE}"
    opened = note.open_note(both.encode(), [PETER])
    assert opened.text == TEXT
    assert [s.name for s in opened.verified] == ["PeterNeumann"]
    assert [s.name for s in opened.unverified] == ["EnochRoot"]
    assert opened.signed_by(PETER) and not opened.signed_by(ENOCH)
    assert len(note.open_note(both, [PETER, ENOCH]).verified) == 2
    with pytest.raises(ProofError, match="none of the keys"):
        note.open_note(both, [])
    with pytest.raises(NoteError, match="ambiguous key EnochRoot"):
        note.open_note(f"{TEXT}\n{ENOCH_LINE}", [ENOCH, PETER, ENOCH])
    assert note.open_note(f"{TEXT}\n{PETER_LINE}", [ENOCH, PETER, ENOCH]).verified
    with pytest.raises(ProofError, match="invalid signature for key PeterNeumann"):
        note.open_note(f"{TEXT}\n{PETER_LINE[:60]}ABCD{PETER_LINE[60:]}", [PETER])
    odd = ENOCH_LINE[:60] + "ABCD" + ENOCH_LINE[60:]
    many = note.open_note(f"{TEXT}\n{PETER_LINE * 2}{ENOCH_LINE * 2}{odd}", [PETER])
    assert (len(many.verified), len(many.unverified)) == (1, 2)


@pytest.mark.parametrize(
    "message",
    [
        TEXT,
        TEXT + "\n",
        TEXT + "\n" + PETER_LINE[:-1],
        "\x01" + TEXT + "\n" + PETER_LINE,
        b"\xff" + (TEXT + "\n" + PETER_LINE).encode(),
        TEXT + "\n" + PETER_LINE.replace("PeterNeumann", "Bad Name"),
        TEXT + "\n" + PETER_LINE + "Unexpected line.\n",
        TEXT + "\n" + PETER_LINE * 101,
        "",
        "\n\n",
    ],
)
def test_malformed_notes_are_refused(message: str | bytes) -> None:
    """Every malformed message of the published test is refused as malformed."""
    with pytest.raises(NoteError, match="malformed note"):
        note.open_note(message, [PETER])


@given(st.text(max_size=200))
def test_no_text_crashes_the_parsers(text: str) -> None:
    """Whatever is thrown at them, the parsers answer with NoteError or a value."""
    for parse in (
        note.split_note,
        note.parse_verifier_key,
        note.parse_signer_key,
        parse_checkpoint,
        proof.parse_proof,
        tiles.parse_tile_path,
        cosignature.parse_add_checkpoint,
    ):
        try:
            parse(text)
        except NoteError:
            continue


def test_published_log_is_rebuilt_byte_for_byte() -> None:
    """From the entries and the key of Tessera's test log come its very checkpoints."""
    log = golden("tessera_log.json")
    signer, key = note.parse_signer_key(log["skey"]), note.parse_verifier_key(log["vkey"])
    assert signer.verifier() == key
    leaves = [merkle.leaf_hash(entry.encode()) for entry in log["entries"]]
    opened = {}
    for size, message in log["checkpoints"].items():
        mine = Checkpoint(key.name, int(size), merkle.grow(leaves[: int(size)]).root())
        assert sign_checkpoint(mine, [signer]) == message
        opened[int(size)], _ = open_checkpoint(message, [key], key.name)
        assert opened[int(size)] == mine
    assert len(opened) == 10
    with pytest.raises(ProofError, match="is of log"):
        open_checkpoint(log["checkpoints"]["1"], [key], "another.example/log")


@pytest.mark.parametrize(
    "text",
    ["", "o\n1\n", "o\n-1\nAAAA\n", "o\n01\n{h}\n", "o\n1\nAAAA\n", "o\n1\n{h}\n\n", "o\n1\n{h}"],
)
def test_malformed_checkpoints_are_refused(text: str) -> None:
    """Signs, leading zeros, short hashes, empty lines and missing newlines are refused."""
    good = base64.b64encode(bytes(32)).decode()
    with pytest.raises(NoteError):
        parse_checkpoint(text.format(h=good))
    assert parse_checkpoint(f"o\n1\n{good}\nextension\n").extensions == ("extension",)


def test_cosignature_vectors() -> None:
    """Published cosigner keys parse, published times are read, plain signatures have none."""
    data = golden("cosignature.json")
    assert note.parse_verifier_key(data["ed25519_vkey"]).algorithm is Algorithm.ED25519
    key = note.parse_verifier_key(data["cosignature_vkey"])
    assert key.algorithm is Algorithm.COSIGNATURE
    for bad in data["bad_vkeys"]:
        with pytest.raises(NoteError):
            note.parse_verifier_key(bad)
    raw = base64.b64decode(data["cosignature"])
    assert cosignature.cosigned_at_s(Signature("w", raw[:4], raw[4:])) == data["cosigned_at_s"]
    raw = base64.b64decode(data["plain_signature"])
    with pytest.raises(NoteError, match="no time"):
        cosignature.cosigned_at_s(Signature("w", raw[:4], raw[4:]))


def test_cosignature_covers_time_and_extensions() -> None:
    """A changed time or a changed extension line breaks a cosignature."""
    witness = note.generate_key("w.example", counted_bytes, Algorithm.COSIGNATURE)
    text = golden("cosignature.json")["checkpoint_text"] + "Extendo\n"
    signed = note.sign_note(text, [witness], at_s=1_700_000_000)
    opened = note.open_note(signed, [witness.verifier()])
    assert cosignature.cosigned_at_s(opened.verified[0]) == 1_700_000_000
    with pytest.raises(ProofError):
        note.open_note(signed.replace("Extendo", "Extend0"), [witness.verifier()])
    one = opened.verified[0]
    later = Signature(one.name, one.key_id, (1_700_000_001).to_bytes(8, "big") + one.signature[8:])
    with pytest.raises(ProofError):
        note.open_note(text + "\n" + later.line(), [witness.verifier()])


def test_proof_file_vectors() -> None:
    """Proof files are written and refused as in transparency-dev/formats, and round-trip."""
    data = golden("tlog_proof.json")
    for one in data["marshal"]:
        made = [hashlib.sha256(text.encode()).digest() for text in one["hash_of"]]
        extra = one["extra"].encode() if one["extra"] else None
        mine = proof.TlogProof(one["index"], tuple(made), one["checkpoint"], extra)
        encoded = [base64.b64encode(h).decode() for h in made] + [""] * 2
        want = one["want"].format(
            h0=encoded[0], h1=encoded[1], extra=base64.b64encode(extra or b"").decode()
        )
        assert mine.text() == want, one["name"]
        assert proof.parse_proof(want) == mine
    for one in data["refused"]:
        with pytest.raises(NoteError, match=one["says"]):
            proof.parse_proof(one["proof"])


def small_log(size: int) -> tuple[list[bytes], dict[merkle.Coordinate, bytes], note.SignerKey]:
    leaves = [merkle.leaf_hash(b"entry %d" % n) for n in range(size)]
    frontier, nodes = merkle.Frontier(), {}
    for leaf in leaves:
        frontier, made = frontier.append(leaf)
        nodes |= {(n.level, n.index): n.hash for n in made}
    return leaves, nodes, note.generate_key("log.example/s1", counted_bytes)


def checkpoint_of(leaves: list[bytes], key: note.SignerKey) -> str:
    return sign_checkpoint(Checkpoint(key.name, len(leaves), merkle.grow(leaves).root()), [key])


def test_proof_file_verifies_and_each_damage_is_named() -> None:
    """A proof verifies with the public key alone; wrong leaf, key, log or root are each named."""
    leaves, nodes, key = small_log(13)
    path = merkle.inclusion_proof(5, 13, lambda wanted: [nodes[w] for w in wanted])
    made = proof.TlogProof(5, tuple(path), checkpoint_of(leaves, key))
    found, _ = proof.verify_proof(proof.parse_proof(made.text()), leaves[5], [key.verifier()])
    assert found.size == 13
    with pytest.raises(ProofError, match="not in this log"):
        proof.verify_proof(made, leaves[6], [key.verifier()])
    with pytest.raises(ProofError, match="none of the keys"):
        proof.verify_proof(made, leaves[5], [PETER])
    with pytest.raises(ProofError, match="is of log"):
        proof.verify_proof(made, leaves[5], [key.verifier()], "other")
    forged = made.checkpoint.replace("\n13\n", "\n14\n")
    with pytest.raises(ProofError, match="invalid signature"):
        proof.verify_proof(proof.TlogProof(5, made.hashes, forged), leaves[5], [key.verifier()])


def test_witness_answers_as_the_specification_says() -> None:
    """Statuses 200, 400, 403, 404, 409 and 422 of tlog-witness, each for its reason."""
    leaves, nodes, key = small_log(13)
    witness_key = note.generate_key("witness.example/w1", counted_bytes, Algorithm.COSIGNATURE)
    trusted = {key.name: [key.verifier()]}

    def ask(body: str, seen: dict[str, cosignature.Seen]) -> cosignature.WitnessReply:
        return cosignature.witness(body, trusted, seen, witness_key, 1_800_000_000)

    def body(old: int, path: list[bytes], message: str) -> str:
        return cosignature.AddCheckpoint(old, tuple(path), message).text()

    early, late = checkpoint_of(leaves[:5], key), checkpoint_of(leaves, key)
    first = ask(body(0, [], early), {})
    assert first.status == 200 and first.seen is not None and first.seen.size == 5
    whole, opened = cosignature.attach(early, first.body, [witness_key.verifier()])
    assert cosignature.cosigned_at_s(opened.verified[0]) == 1_800_000_000
    assert len(note.open_note(whole, [key.verifier(), witness_key.verifier()]).verified) == 2

    seen = {key.name: cosignature.Seen(5, merkle.grow(leaves[:5]).root())}
    path = merkle.consistency_proof(5, 13, lambda wanted: [nodes[w] for w in wanted])
    assert ask(body(5, path, late), seen).status == 200
    assert ask(body(5, [], early), seen).status == 200  # the same again is no fork
    assert ask(body(5, path[:-1], late), seen).status == 422
    assert ask(body(0, [bytes(32)], early), {}).status == 422
    assert ask(body(0, [], late), seen) == cosignature.WitnessReply(409, "5\n")
    fork = checkpoint_of([*leaves[:4], merkle.leaf_hash(b"another history")], key)
    assert ask(body(5, [], fork), seen).status == 409
    assert ask(body(13, [], early), {key.name: cosignature.Seen(13, b"")}).status == 400
    assert ask("old x\n\n" + late, seen).status == 400
    assert ask("nonsense", seen).status == 400
    stranger = note.generate_key(key.name, lambda n: bytes(n))
    assert ask(body(5, path, checkpoint_of(leaves, stranger)), seen).status == 403
    other = note.generate_key("other.example", counted_bytes)
    assert ask(body(0, [], checkpoint_of(leaves, other)), seen).status == 404


def test_strangers_cosignatures_are_not_attached() -> None:
    """Lines of unknown witnesses are dropped, forged ones refused."""
    leaves, _, key = small_log(3)
    message = checkpoint_of(leaves, key)
    witness_key = note.generate_key("w", counted_bytes, Algorithm.COSIGNATURE)
    stranger = note.generate_key("x", lambda n: bytes(n), Algorithm.COSIGNATURE)
    text, _ = note.split_note(message)
    line = Signature("x", stranger.verifier().key_id, stranger.sign(text, 1)).line()
    with pytest.raises(ProofError):
        cosignature.attach(message, line, [witness_key.verifier()])
    good = Signature("w", witness_key.verifier().key_id, witness_key.sign(text, 1)).line()
    whole, _ = cosignature.attach(message, line + good, [witness_key.verifier()])
    assert whole == message + good


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (tiles.Tile(0, 0), "tile/0/000"),
        (tiles.Tile(0, 1234067), "tile/0/x001/x234/067"),
        (tiles.Tile(3, 5, 1), "tile/3/005.p/1"),
        (tiles.Tile(None, 1000, 255), "tile/entries/x001/000.p/255"),
    ],
)
def test_tile_paths(tile: tiles.Tile, path: str) -> None:
    """Tile paths are written and read as C2SP tlog-tiles spells them."""
    assert tile.path() == path
    assert tiles.parse_tile_path(path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/0",
        "tile/0/x000/001",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/8/000",
        "tile/0/001/000",
        "tile/-1/000",
        "tile/0/000\n",
        "/tile/0/000",
    ],
)
def test_other_spellings_of_tile_paths_are_refused(path: str) -> None:
    """A path that is not the one spelling of a tile is no path."""
    with pytest.raises(NoteError):
        tiles.parse_tile_path(path)


@given(st.lists(st.binary(max_size=40), max_size=256))
def test_bundles_round_trip(entries: list[bytes]) -> None:
    """A bundle gives back its entries; cut anywhere inside, it is refused."""
    packed = tiles.write_bundle(entries)
    assert tiles.read_bundle(packed) == entries
    if entries:
        with pytest.raises(NoteError, match="cut short"):
            tiles.read_bundle(packed[:-1])


def test_tiles_cover_the_tree() -> None:
    """Every tile of a tree of 1,000 leaves is made of stored nodes, the partial ones too."""
    leaves = [merkle.leaf_hash(n.to_bytes(4, "big")) for n in range(1000)]
    frontier, nodes = merkle.Frontier(), {}
    for leaf in leaves:
        frontier, made = frontier.append(leaf)
        nodes |= {(n.level, n.index): n.hash for n in made}
    found = tiles.tiles_of(1000)
    assert [t.path() for t in found if t.level == 1] == ["tile/1/000.p/3"]
    assert [t.path() for t in found if t.level == 0][-1] == "tile/0/003.p/232"
    assert all(tiles.tile_in_tree(t, 1000) for t in found)
    assert not tiles.tile_in_tree(tiles.Tile(0, 3, 233), 1000)
    for tile in found:
        if tile.level is not None:
            data = b"".join(nodes[where] for where in tile.coordinates())
            assert len(tiles.read_hash_tile(data, tile)) == tile.width
    with pytest.raises(NoteError, match="bytes"):
        tiles.read_hash_tile(b"", found[-1])
