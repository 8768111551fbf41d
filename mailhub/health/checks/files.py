"""Files, keys, disk and clock of this machine, as `mailhub doctor` sees them. Opens nothing for writing."""

from __future__ import annotations

import ctypes
import os
import pwd
import shutil
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from mailhub import clock, keys
from mailhub.config import Config
from mailhub.errors import ConfigurationError, MailhubError
from mailhub.health.checks.finding import Finding, failure, warning, well
from mailhub.system.certificates import mail_context

CREDSTORE = Path(
    "/etc/credstore"
)  # where the unit's credentials come from; a doctor runs outside of the unit
CREDENTIALS = Path("/run/credentials")
LOOKED_AT = 1000  # files of the data directory
EXPIRES_DAYS = 14
CLOCK_ERROR = 5  # adjtimex(2): not synchronised
TIMEX_BYTES = 208  # of struct timex; more is given, the kernel writes no further
FIRST_YEAR = 2026  # a clock before it was never set


def root_key_environment() -> Mapping[str, str]:
    """The environment to look for the root key in: as the unit would have it."""
    if "CREDENTIALS_DIRECTORY" not in os.environ and (CREDSTORE / keys.CREDENTIAL).is_file():
        return {"CREDENTIALS_DIRECTORY": str(CREDSTORE)}
    return os.environ


def check_key(config: Config) -> Iterator[Finding]:
    """The root key can be read, and by nobody else."""
    try:
        keys.load(config.storage.directory, root_key_environment())
    except MailhubError as error:
        yield failure(
            "root key", str(error), "put your copy of it back; for a new installation run `mailhub init`"
        )
    else:
        yield well("root key", "there, and private")


def check_directory(config: Config) -> Iterator[Finding]:
    """The data directory is closed to others, and every file in it belongs to whom the directory belongs to."""
    directory = config.storage.directory
    try:
        state = directory.stat()
        present = [
            (path, path.lstat()) for path, _ in zip(directory.iterdir(), range(LOOKED_AT), strict=False)
        ]
    except OSError as error:
        yield failure(
            "directory", f"{directory}: {error.strerror}", "run `mailhub init`, as root or as its owner"
        )
        return

    owner = _user(state.st_uid)
    if state.st_mode & 0o007:
        yield failure("directory", f"{directory} is open to everybody", f"chmod 0700 {directory}")

    foreign = [path for path, each in present if each.st_uid != state.st_uid]
    if foreign:
        text = f"{foreign[0]} does not belong to {owner}, as the directory does"
        yield failure("directory", text, f"chown -R {owner}: {directory}")

    loose = [path for path, each in present if path.suffix in (".key", ".sqlite3") and each.st_mode & 0o077]
    if loose:
        yield failure("directory", f"{loose[0]} is open to others", f"chmod 0600 {loose[0]}")
    if not (state.st_mode & 0o007 or foreign or loose):
        yield well("directory", f"{directory}, of {owner}, private")


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def check_disk(config: Config) -> Iterator[Finding]:
    """There is room, in bytes and in files."""
    directory = config.storage.directory
    reserve = config.storage.reserve_bytes
    cure = f"make room in {directory}, or move it to a larger disk"

    try:
        free = shutil.disk_usage(directory).free
        state = os.statvfs(directory)
    except OSError as error:
        yield failure("disk", f"{directory}: {error.strerror}", "run `mailhub init`")
        return

    words = f"{free // 2**20} MiB free, {reserve // 2**20} MiB are kept in reserve"
    if free < reserve:
        yield failure("disk", f"{words}: mail is deferred", cure)
    elif free < 4 * reserve:
        yield warning("disk", words, cure)
    elif state.f_files and state.f_favail < 1000:
        yield failure("disk", f"only {state.f_favail} more files can be made", cure)
    else:
        yield well("disk", words)


def check_clock(*, newest: int | None, started: tuple[float, float]) -> Iterator[Finding]:
    """The clock is set, kept by somebody, not behind what is stored, and did not jump while we looked.

    ``newest``: the newest delivery, microseconds UTC; ``started``: (time.time(), time.monotonic()) some seconds ago.
    """
    cure = "apt-get install systemd-timesyncd (or chrony), then `timedatectl`"
    now = clock.now()
    jumped = abs((time.time() - started[0]) - (time.monotonic() - started[1]))

    if datetime.fromtimestamp(now / clock.SECOND, UTC).year < FIRST_YEAR:
        yield failure("clock", f"it says {clock.to_iso(now)}", cure)
    elif newest is not None and newest > now + 300 * clock.SECOND:
        text = f"it says {clock.to_iso(now)}, but the newest mail came at {clock.to_iso(newest)}"
        yield failure("clock", text, cure)
    elif jumped > 1:
        yield warning("clock", f"it jumped by {jumped:.0f} s while this ran", cure)
    elif _unsynchronised():
        yield warning("clock", "nobody keeps it: the kernel calls it not synchronised", cure)
    else:
        yield well("clock", clock.to_iso(now))


def _unsynchronised() -> bool:
    """What adjtimex(2) says; False where it cannot be asked."""
    adjtimex = getattr(ctypes.CDLL(None), "adjtimex", None)
    return adjtimex is not None and adjtimex(ctypes.create_string_buffer(2 * TIMEX_BYTES)) == CLOCK_ERROR


def check_certificates(config: Config, hostname: str, *, smtp_open: bool) -> Iterator[Finding]:
    """Each certificate fits its key, is valid for some time yet, and names this host."""
    for door, certificate, key in (
        ("smtp", config.smtp.tls_certificate, config.smtp.tls_key),
        ("https", config.https.certificate, config.https.key),
    ):
        if certificate or key:
            yield _certificate(f"{door} TLS", Path(certificate), Path(key), hostname)
    if smtp_open and not config.smtp.tls_certificate:
        yield warning(
            "smtp TLS", "no certificate: mail comes in unencrypted", "set smtp.tls_certificate, smtp.tls_key"
        )


def _certificate(name: str, path: Path, key: Path, hostname: str) -> Finding:
    renew = "renew it (certbot renew) and `systemctl reload mailhub`"
    try:
        mail_context(path, key)
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except (ConfigurationError, OSError, ValueError) as error:
        return failure(
            name, str(error), "give certificate chain and key as PEM files that the service's user may read"
        )

    left = (certificate.not_valid_after_utc - datetime.now(UTC)).days
    if left < 0:
        return failure(name, f"{path} expired on {certificate.not_valid_after_utc:%Y-%m-%d}", renew)
    if left < EXPIRES_DAYS:
        return warning(name, f"{path} expires in {left} days", renew)
    if not any(_matches(each, hostname) for each in _names(certificate)):
        cure = "set smtp.hostname to a name in it, or get one for this name"
        return warning(name, f"{path} does not name {hostname}", cure)

    return well(name, f"{path}, {left} days left")


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return found.value.get_values_for_type(x509.DNSName)


def _matches(pattern: str, hostname: str) -> bool:
    """RFC 6125 6.4.3: a wildcard is the whole first label."""
    first, _, rest = hostname.lower().partition(".")
    return pattern.lower() in (hostname.lower(), f"*.{rest}" if first else "")


def check_secrets(config: Config) -> Iterator[Finding]:
    """The relay's password can be read, and not by everybody."""
    if not config.relay.password_file:
        return

    path = Path(config.relay.password_file)
    if path.is_relative_to(CREDENTIALS):
        path = CREDSTORE / path.name  # it is there only while the service runs, and only for it

    try:
        mode = path.stat().st_mode
        readable = os.access(path, os.R_OK)
    except OSError as error:
        yield failure(
            "credentials", f"relay.password_file: {path}: {error.strerror}", f"put the password into {path}"
        )
        return

    if mode & 0o007:
        yield failure(
            "credentials", f"relay.password_file: {path} is open to everybody", f"chmod 0600 {path}"
        )
    elif not readable:
        yield warning("credentials", f"relay.password_file: you cannot read {path}", "run this as root")
    else:
        yield well("credentials", f"relay.password_file: {path}")
