"""The secret a mailbox at a provider is opened with: a password, or an OAuth client's secret.

It is sealed in our database, or in a file or credential of the machine. It is asked for at every connect, so
that a changed one is used at the next. Must not: log or keep it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from mailhub.errors import SealBroken
from mailhub.intake.imap.faults import CannotLogIn
from mailhub.keys import Keys
from storage.sources.imap_sources import ImapSource

SECRET_BYTES = 4096


def seal(keys: Keys, source_id: int, secret: str) -> bytes:
    """A secret as ``imap_source`` holds it: of use for this source alone, under a key that is not in the database."""
    return keys.seal("secrets", secret.encode(), bound_to=_bound(source_id))


def secret_of(source: ImapSource, keys: Keys, environment: Mapping[str, str] = os.environ) -> str:
    """The secret in the clear, "" where there is none. Raises ``CannotLogIn`` when it cannot be had."""
    kind, _, name = source.secret_from.partition(":")
    if kind == "none":
        return ""
    if kind == "sealed":
        return _opened(source, keys)
    if kind == "credential":
        directory = environment.get("CREDENTIALS_DIRECTORY", "")
        if not directory:
            raise CannotLogIn(f"no systemd credentials were handed in: LoadCredential={name} in the unit")
        return _read(Path(directory) / name)

    return _read(Path(name))


def _opened(source: ImapSource, keys: Keys) -> str:
    try:
        return keys.open("secrets", source.secret or b"", bound_to=_bound(source.id)).decode()
    except (SealBroken, UnicodeDecodeError):
        raise CannotLogIn("the stored password does not open with this root key: give it again") from None


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(SECRET_BYTES).decode().rstrip("\r\n")
    except (OSError, UnicodeDecodeError, ValueError):
        raise CannotLogIn(f"the password in {path} cannot be read by mailhub") from None


def _bound(source_id: int) -> bytes:
    return b"imap:%d" % source_id
