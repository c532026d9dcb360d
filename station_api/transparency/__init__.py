"""The transparency log: trees, notes, checkpoints, tiles, proofs, witnesses.

Pure functions on bytes; who reads disks, keys or clocks lives outside this package. Authority:
RFC 9162 and RFC 6962 (hashing and proofs), C2SP signed-note, tlog-checkpoint, tlog-tiles,
tlog-proof, tlog-cosignature and tlog-witness.
"""
