"""The exception tree of the whole project.

A bad mark is a result; an exception means we do not know, or were asked for the impossible.

    PinmarkError
    |-- InputError            the input is bad (exit 2); nothing was recorded
    |   |-- OrderError        a work order or an order file
    |   |-- RegistryError     makes, models, serial templates, blocks
    |   |-- CodeError         symbols, formats, reads
    |   |-- ProfileError      machines, lasers, materials, parts, fixtures, recipes
    |   |-- DesignError       what was asked does not fit the part, the beam or the machine
    |   |-- ProgramError      a G-code program a controller would refuse
    |   |-- ScanError         a height map that cannot be read or is no height map
    |   |-- PortError         a port that does not exist, is busy or talks to a stranger
    |   |-- AlreadyMarkedError  this serial or this code has a mark, or an attempt at one
    |   |-- NoteError         a signed note, checkpoint, key, tile or proof that cannot be parsed
    |   |-- StorageError      the database cannot be read or written; nothing was changed
    |   |   `-- FullDiskError the disk is full; make room, then do it again
    |   |-- LeaseError        a work order claimed by another station, or a claim that ran out
    |   |-- NotReleasedError  a recipe that may not be used on firearms
    |   |-- MissingError      something asked for by a name or number that nobody has
    |   `-- ConflictError     a change of something that somebody else changed meanwhile
    |-- ProofError            a proof or a signature that does not hold (exit 1)
    `-- UnknownStateError     what the laser has done is in doubt (exit 3)

Every message gives the value, the unit, the limit and the remedy, on one line.
"""

from __future__ import annotations


class PinmarkError(Exception):
    """Base of every error pinmark raises on purpose; its text is one line for a person."""

    exit_code = 2


class InputError(PinmarkError):
    """The input is bad: nothing was recorded and the laser stayed off."""


class OrderError(InputError):
    """A work order that cannot be read or names something impossible."""


class RegistryError(InputError):
    """A make, model or serial outside the registry, or a registry that contradicts itself."""


class CodeError(InputError):
    """Symbols outside the alphabet, a wrong length, an index outside its format."""


class ProfileError(InputError):
    """A profile with a missing, negative or meaningless figure; names file and key."""


class DesignError(InputError):
    """A mark that does not fit its part, its beam or its machine; says what would fit."""


class ProgramError(InputError):
    """A program that this controller would refuse or misunderstand."""


class ScanError(InputError):
    """A height map that cannot be read, or is not the height map of a mark."""


class PortError(InputError):
    """A port that does not exist, is busy, or has no known controller behind it."""


class PortLostError(PortError):
    """A port that vanished while it was in use: unplugged, closed, stuck."""


class AlreadyMarkedError(InputError):
    """A serial or a code that was marked, or may have been: never mark it twice."""


class NoteError(InputError):
    """A signed note, a checkpoint, a key, a tile or a proof file that cannot be parsed."""


class StorageError(InputError):
    """The database or the disk refused; the transaction was rolled back whole."""


class FullDiskError(StorageError):
    """There is no room left on a disk; make some and do it again, nothing was changed."""


class LeaseError(InputError):
    """A work order that another station holds, or a claim that has run out."""


class MissingError(InputError):
    """A name, a number or an id that is not known here."""


class ConflictError(InputError):
    """A change that was asked for on the ground of a state that is no more."""


class NotReleasedError(InputError):
    """A recipe that may not be used on firearms: never released, changed since, withdrawn."""


class ProofError(PinmarkError):
    """A proof or a signature that was read and does not hold: a result about the log."""

    exit_code = 1


class UnknownStateError(PinmarkError):
    """What the laser has done is in doubt; a person has to look at the pin."""

    exit_code = 3
