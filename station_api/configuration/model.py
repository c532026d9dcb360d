"""Every key of the configuration: type, limits, default, environment variable, meaning.

In: nothing. Out: `Settings`, frozen pydantic models, a section a class. docs/configuration.md
and the example file are written from these models, so a key cannot be there undocumented.
Secrets stand in files of their own: the configuration only names them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.fields import FieldInfo

from engraver.errors import InputError

FFL_FORM = re.compile(r"[1-9]-\d{2}-\d{3}-(0[1236789]|1[01])-\d[A-HJ-M]-\d{5}")
"""A federal firearms licence as printed on the licence: region, district, county, type of
licence, year and month of expiry (a letter, I left out), sequence [B]."""


def check_ffl(number: str) -> str:
    """Return a licence number as it is; refuse what cannot be one.

    >>> check_ffl("9-77-067-07-6A-12345")
    '9-77-067-07-6A-12345'
    """
    if number and not FFL_FORM.fullmatch(number):
        raise ValueError(
            "a federal firearms licence reads R-DD-CCC-TT-YM-NNNNN (region, district, county, type "
            "01-03 or 06-11, year and month letter of expiry, sequence)"
        )
    return number


def _lines(found: object) -> object:
    """Take a list of the file as the tuple that it is in frozen settings."""
    if not isinstance(found, list | tuple) or not all(isinstance(one, str) for one in found):
        raise ValueError("it takes a list of texts")
    return tuple(found)


def check_witnesses(lines: tuple[str, ...]) -> tuple[str, ...]:
    """Return witnesses as they were written; refuse what is none."""
    if lines:
        from station_api.neighbours import read_neighbours  # cryptography, where it is needed

        try:
            read_neighbours(lines)
        except InputError as error:
            raise ValueError(str(error)) from None
    return lines


def _key(default: Any, what: str, example: Any = None, **more: Any) -> Any:
    env = more.pop("env", None)
    secret = more.pop("secret", False)
    shape = more.pop("shape", "")
    return Field(
        default=default,
        description=what,
        json_schema_extra={"env": env, "secret": secret, "example": example, "shape": shape},
        **more,
    )


class Section(BaseModel):
    """What the sections share: values cannot change, unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class StationKeys(Section):
    """Which station this is and where it keeps its data."""

    name: str = _key(
        "S1",
        "name of the station in every record; it stays the same for as long as its log lives",
        env="PINMARK_STATION",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$",
        shape="1 to 32 letters A-Z, digits, . _ or -, the first a letter or a digit",
    )
    home: Path | None = _key(
        None,
        "folder of records, keys, profiles, registry and scans; without it a folder of the user's "
        "own",
        "/var/lib/pinmark",
        env="PINMARK_HOME",
    )


class LicenceKeys(Section):
    """Who is licensed to make what is marked here."""

    licensee: str = _key("", "name on the licence", "Example Arms, Inc.", max_length=200)
    number: Annotated[str, AfterValidator(check_ffl)] = _key(
        "", "federal firearms licence number, as printed", "9-77-067-07-6A-12345"
    )
    premises: str = _key(
        "", "address of the licensed premises", "1 Example Road, Reno NV", max_length=300
    )
    gs1_prefix: str = _key(
        "",
        "GS1 company prefix, 6 to 12 digits; with it EPCIS events name firearms by GIAI",
        "0614141",
        pattern=r"^([0-9]{6,12})?$",
        shape="6 to 12 digits",
    )


class RecordsKeys(Section):
    """Where the records are."""

    database_url: str | None = _key(
        None,
        "a database server in place of the SQLite file in the station's folder; without a password",
        "postgresql://pinmark@plant/pinmark",
        env="PINMARK_DATABASE_URL",
    )
    database_url_file: Path | None = _key(
        None,
        "file with the whole URL, password included, mode 600; it goes before database_url",
        "/etc/pinmark/database-url",
        env="PINMARK_DATABASE_URL_FILE",
        secret=True,
    )


class LogKeys(Section):
    """The transparency log."""

    origin: str | None = _key(
        None,
        "name of the log, unique in the world; without it pinmark.local/ and the station's name",
        "example.com/pinmark/S1",
        env="PINMARK_LOG_ORIGIN",
        min_length=1,
        max_length=200,
        pattern=r"^[^\s+]+$",
        shape="a text without blanks and without +",
    )
    key_file: Path | None = _key(
        None,
        "file with the signing key, mode 600, made on first use; without it log.key in the "
        "station's folder",
        "/var/lib/pinmark/log.key",
        env="PINMARK_LOG_KEY_FILE",
        secret=True,
    )


class WitnessesKeys(Section):
    """Neighbours that cosign this station's checkpoints (C2SP tlog-witness)."""

    neighbours: Annotated[
        tuple[str, ...], BeforeValidator(_lines), AfterValidator(check_witnesses)
    ] = _key(
        (),
        "witnesses that each new checkpoint is sent to, at most 8: a list of texts, each the "
        "address, a space, and the key that `pinmark log key --witness` prints there",
        (
            "https://s2.example:8080/v1/log "
            "pinmark.local/S2/witness+95d39c67+BAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4",
        ),
    )
    every_s: int = _key(
        60, "s between two checkpoints to one witness; nothing is sent without news", ge=1, le=86400
    )
    ca_file: Path | None = _key(
        None,
        "certificates that those of witnesses are verified by, PEM; without it the system's",
        "/etc/pinmark/plant-ca.crt",
    )


class PlantKeys(Section):
    """The plant's database, to which a station with its own records is linked (docs/plant.md)."""

    database_url: str | None = _key(
        None, "server that orders are claimed at and the log is copied to; without a password",
        "postgresql://pinmark@plant/pinmark", env="PINMARK_PLANT_URL",
    )  # fmt: skip
    database_url_file: Path | None = _key(
        None, "file with the whole URL, password included, mode 600; it goes before database_url",
        "/etc/pinmark/plant-url", env="PINMARK_PLANT_URL_FILE", secret=True,
    )  # fmt: skip
    name: str = _key("plant", "[station] name of the plant's own service", max_length=32)
    orders_ahead: int = _key(20, "orders held here, to mark while it is away", ge=0, le=500)
    every_s: int = _key(5, "s between two looks at the plant", ge=1, le=3600)


class KeysKeys(Section):
    """Machine keys."""

    pepper_file: Path | None = _key(
        None,
        "file with the secret by which machine keys are looked up, mode 600, made on first use; "
        "without it keys.pepper in the station's folder",
        "/var/lib/pinmark/keys.pepper",
        env="PINMARK_KEY_PEPPER_FILE",
        secret=True,
    )


class ServiceKeys(Section):
    """The service and the pages, `pinmark serve`."""

    host: str = _key("127.0.0.1", "address to listen on", env="PINMARK_HOST", min_length=1)
    port: int = _key(8080, "TCP port; 0 takes a free one", env="PINMARK_PORT", ge=0, le=65535)
    tls_cert: Path | None = _key(
        None, "certificate chain, PEM", "/etc/pinmark/tls.crt", env="PINMARK_TLS_CERT"
    )
    tls_key: Path | None = _key(
        None,
        "its key, PEM, readable by the service alone",
        "/etc/pinmark/tls.key",
        env="PINMARK_TLS_KEY",
        secret=True,
    )
    plain: bool = _key(
        False,
        "listen on a network without TLS, because a proxy or a tunnel encrypts",
        env="PINMARK_PLAIN",
    )
    docs: bool = _key(False, "serve /docs and /openapi.json", env="PINMARK_DOCS")


class EngraverKeys(Section):
    """The controller that the service marks with."""

    port: str | None = _key(
        None,
        "serial device, or socket://host:port; without it the service marks nothing",
        "/dev/pinmark-controller",
        env="PINMARK_ENGRAVER_PORT",
        min_length=1,
    )
    recipe: str = _key(
        "default",
        "recipe whose machine profile the controller's settings are held against by the doctor",
        env="PINMARK_RECIPE",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$",
        shape="the name of a profile: letters A-Z, digits, _ or -, at most 64",
    )
    panel: str | None = _key(
        None,
        "profile of the station's contacts and lamps; without it the one that the machine of "
        "recipe names",
        "gpio-two-channel",
        env="PINMARK_PANEL",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$",
        shape="the name of a profile: letters A-Z, digits, _ or -, at most 64",
    )


class ScannerKeys(Section):
    """The station's own scanners of bar codes; a keyboard wedge at a page needs no key."""

    serial: Path | None = _key(
        None,
        "serial scanner; set its suffix to CR",
        "/dev/pinmark-scanner",
        env="PINMARK_SCANNER_SERIAL",
    )
    baud: int = _key(9600, "speed of the serial scanner", ge=1200, le=921_600)
    hid: Path | None = _key(
        None,
        "event device of a scanner that is a keyboard; taken for the station alone, suffix Enter, "
        "US layout",
        "/dev/input/by-id/usb-scanner-event-kbd",
        env="PINMARK_SCANNER_HID",
    )


class ScansKeys(Section):
    """Scans of pins as the profilometer writes them."""

    folder: Path | None = _key(
        None,
        "watched folder: finished X3P files are matched to their marks, inspected and moved into "
        "inspected or kept inside it, with a receipt; a folder of one station alone",
        "/srv/pinmark/scans",
        env="PINMARK_SCANS_FOLDER",
    )
    largest_mb: int = _key(
        512, "size over which a file of the folder is kept unread, MB", ge=1, le=1024
    )


class BackupKeys(Section):
    """Backups of the records (27 CFR 478.125, ATF Ruling 2016-1: daily)."""

    folder: Path | None = _key(
        None,
        "where backups are kept, on another disk than the records",
        "/var/backups/pinmark",
        env="PINMARK_BACKUP_FOLDER",
    )
    keep_days: int = _key(
        90, "days of which every backup is kept; of older ones the last of a month", ge=1, le=36500
    )
    oldest_h: int = _key(
        26, "hours after which the newest backup is too old and the doctor says so", ge=1, le=8760
    )


class LoggingKeys(Section):
    """What the service tells the machine's own journal; no serials, no codes, no secrets."""

    format: Literal["text", "json"] = _key(
        "text",
        "one line of text or one JSON object an event, on standard error",
        env="PINMARK_LOG_FORMAT",
    )
    level: Literal["debug", "info", "warning", "error"] = _key(
        "info", "the least grave event that is written", env="PINMARK_LOG_LEVEL"
    )
    file: Path | None = _key(
        None,
        "a file as well, rotated by size, for machines without a journal",
        "/var/log/pinmark/pinmark.log",
        env="PINMARK_LOG_FILE",
    )
    file_mb: int = _key(10, "size at which the file is rotated, MB", ge=1, le=1000)
    files: int = _key(10, "rotated files that are kept", ge=1, le=1000)


class DoctorKeys(Section):
    """What `pinmark doctor` asks of the machine."""

    disk_free_mb: int = _key(
        500, "free space under which the disk is called full, MB", ge=10, le=10_000_000
    )
    clock_synchronised: bool = _key(
        True, "whether the clock must be synchronised; false on a station without a network"
    )


class MqttKeys(Section):
    """The link to an MQTT broker, `pinmark link mqtt`."""

    password_file: Path | None = _key(
        None,
        "file with the broker's password, mode 600",
        "/etc/pinmark/mqtt-password",
        env="PINMARK_MQTT_PASSWORD_FILE",
        secret=True,
    )


class Settings(Section):
    """The whole configuration."""

    station: StationKeys = StationKeys()
    licence: LicenceKeys = LicenceKeys()
    records: RecordsKeys = RecordsKeys()
    log: LogKeys = LogKeys()
    witnesses: WitnessesKeys = WitnessesKeys()
    plant: PlantKeys = PlantKeys()
    keys: KeysKeys = KeysKeys()
    service: ServiceKeys = ServiceKeys()
    engraver: EngraverKeys = EngraverKeys()
    scanner: ScannerKeys = ScannerKeys()
    scans: ScansKeys = ScansKeys()
    backup: BackupKeys = BackupKeys()
    logging: LoggingKeys = LoggingKeys()
    doctor: DoctorKeys = DoctorKeys()
    mqtt: MqttKeys = MqttKeys()


SECTIONS: dict[str, type[Section]] = {
    name: type(field.default) for name, field in Settings.model_fields.items()
}

SECRETS_OF_THE_ENVIRONMENT = {
    "PINMARK_LOG_KEY": "the log's signing key itself, in place of [log] key_file",
    "PINMARK_KEY_PEPPER": "64 hex digits, in place of [keys] pepper_file",
    "PINMARK_MQTT_PASSWORD": "the broker's password, in place of [mqtt] password_file",
}
"""Variables that hold a secret and have no key in the file: a secret never stands in it."""


def extra(field: FieldInfo) -> dict[str, Any]:
    """Return what a key says beyond its type: ``env``, ``secret``, ``example``, ``shape``."""
    found = field.json_schema_extra
    return dict(found) if isinstance(found, dict) else {}


def environment() -> dict[str, tuple[str, str]]:
    """Return section and key by environment variable."""
    return {
        extra(field)["env"]: (name, key)
        for name, section in SECTIONS.items()
        for key, field in section.model_fields.items()
        if extra(field)["env"]
    }
