"""Every key, by purpose, derived from one root key (HKDF-SHA256, RFC 5869). The only place that knows the root.

Durable state: ``root.key`` in the data directory, 32 bytes as hex, mode 0600, made by ``create`` and never
changed; or the systemd credential ``mailhub-root-key``, which wins. Whoever loses it loses signed reply
addresses, identities of messages already filed (duplicates are no longer seen) and receipts: keep a copy away
from the backups. The database holds the key of the purpose "check", so that a wrong root is seen before it is
used (``house.recognise_key``). Must not: log, print or store any key.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mailhub.errors import ConfigurationError, SealBroken

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

KEY_BYTES = 32
NONCE_BYTES = 12
FILE_NAME = "root.key"
CREDENTIAL = "mailhub-root-key"

PURPOSES = {
    "reply-token": "signs the reply addresses and our Message-IDs",
    "identity": "hashes the identity of messages",
    "references": "hashes Message-IDs for threading",
    "features": "seeds the hashing of the filter's features",
    "tombstone": "hashes what was erased",
    "receipts": "signs receipts of erasure and deletion",
    "anchors": "signs the journal's anchors",
    "backups": "encrypts backups",
    "secrets": "encrypts passwords we must be able to use",
    "attempts": "hashes who tried to log in, and from where",
    "answers": "encrypts answers kept for requests that are sent again",
    "letters": "encrypts letters until they have left (mailhub.outbound.letters)",
    "letter-rate": "hashes whom a letter that anybody can ask for went to, and of what kind",
    "check": "recognises the root key itself (storage.proof.key_checks)",
}


class Keys:
    """Derives keys. Holds the root in memory and shows it to nobody."""

    def __init__(self, root: bytes) -> None:
        if len(root) != KEY_BYTES:
            raise ConfigurationError(f"the root key must be {KEY_BYTES} bytes, not {len(root)}")
        self._root = root

    def __repr__(self) -> str:
        return "Keys(...)"

    def derive(self, purpose: str) -> bytes:
        """The 32-byte key of a purpose, the same in every process of this installation; KeyError for an unknown one."""
        if purpose not in PURPOSES:
            raise KeyError(purpose)
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        info = b"mailhub/1/" + purpose.encode("ascii")
        return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(self._root)

    def seal(self, purpose: str, plain: bytes, *, bound_to: bytes) -> bytes:
        """Encrypt a short value (AES-256-GCM, SP 800-38D): 12 bytes of nonce, then the ciphertext and its tag.

        ``bound_to`` says whose value it is; ``open`` refuses it as anybody else's. Raises KeyError like ``derive``.
        """
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + AESGCM(self.derive(purpose)).encrypt(nonce, plain, bound_to)

    def open(self, purpose: str, sealed: bytes, *, bound_to: bytes) -> bytes:
        """What ``seal`` was given. Raises ``SealBroken`` when it was changed, or sealed for something else."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            return AESGCM(self.derive(purpose)).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to)
        except (InvalidTag, ValueError):
            raise SealBroken(
                f"a sealed value ({PURPOSES[purpose]}) cannot be opened with this root key"
            ) from None

    def escrow(self, public: bytes) -> bytes:
        """The root key, sealed for the private half of ``public`` (X25519, RFC 7748) alone: ``recover`` opens it."""
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        single_use = X25519PrivateKey.generate()
        ours = single_use.public_key().public_bytes_raw()
        return ours + AESGCM(_agreed(single_use, public, ours + public)).encrypt(
            bytes(NONCE_BYTES), self._root, None
        )

    def signer(self, purpose: str) -> Ed25519PrivateKey:
        """The key pair of a purpose (Ed25519, RFC 8032); who verifies needs only its public half."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self.derive(purpose))


def new_recovery_key() -> tuple[bytes, bytes]:
    """(private, public) halves of a new recovery key, 32 bytes each; the private one is handed out and not kept."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    private = X25519PrivateKey.generate()
    return private.private_bytes_raw(), private.public_key().public_bytes_raw()


def recover(private: bytes, escrowed: bytes) -> bytes:
    """The root key out of what ``Keys.escrow`` made; raises ``SealBroken`` for another recovery key."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    theirs = escrowed[:KEY_BYTES]
    sealed = escrowed[KEY_BYTES:]
    try:
        own = X25519PrivateKey.from_private_bytes(private)
        agreed = _agreed(own, theirs, theirs + own.public_key().public_bytes_raw())
        return AESGCM(agreed).decrypt(
            bytes(NONCE_BYTES), sealed, None
        )  # the key is used once: so is its nonce
    except (InvalidTag, ValueError):
        raise SealBroken("the root key cannot be opened with this recovery key") from None


def _agreed(own: X25519PrivateKey, theirs: bytes, transcript: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    shared = own.exchange(X25519PublicKey.from_public_bytes(theirs))
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=transcript, info=b"mailhub/1/recovery").derive(
        shared
    )


def create(directory: Path, root: bytes | None = None, *, name: str = FILE_NAME) -> bool:
    """Make the root key file, durably, if there is none; True when it was made. OSError leaves no half-written key.

    ``root`` is a key that was recovered; without it a new one is made. Under another ``name``: a key of its own, for
    what is to become unreadable when the file goes.
    """
    path = directory / name
    if path.exists():
        return False

    fresh = directory / f"{name}.{secrets.token_hex(8)}.new"
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)

    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write((root or secrets.token_bytes(KEY_BYTES)).hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(fresh, path)  # a rename would replace the key that somebody made meanwhile
    except FileExistsError:
        return False
    finally:
        fresh.unlink()

    _sync_directory(directory)
    return True


def present(directory: Path, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether there is a root key at all, as credential or as file; ``load`` says whether it can be used."""
    credentials = environment.get("CREDENTIALS_DIRECTORY")
    in_credentials = bool(credentials) and (Path(str(credentials)) / CREDENTIAL).is_file()
    return in_credentials or (directory / FILE_NAME).exists()


def load_file(path: Path) -> Keys:
    """Keys of their own, from a file that ``create`` made; raises ``ConfigurationError`` when it cannot be read."""
    return Keys(_read(path))


def destroy(path: Path) -> None:
    """Remove a key file for good, durably: what it sealed can be read by nobody any more. Nothing when it is gone."""
    path.unlink(missing_ok=True)
    if path.parent.exists():
        _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def load(directory: Path, environment: Mapping[str, str] = os.environ) -> Keys:
    """Read the root key; raises ``ConfigurationError`` when it is missing, malformed, or readable by others."""
    return Keys(load_root(directory, environment))


def load_root(directory: Path, environment: Mapping[str, str] = os.environ) -> bytes:
    """The root key itself, for who restores a data directory; raises as ``load`` does."""
    credentials = environment.get("CREDENTIALS_DIRECTORY")
    if credentials and (path := Path(credentials) / CREDENTIAL).is_file():
        return _read(path)
    path = directory / FILE_NAME
    _refuse_readable_by_others(path)
    return _read(path)


def _refuse_readable_by_others(path: Path) -> None:
    try:
        mode = path.stat().st_mode & 0o777
    except FileNotFoundError:
        raise ConfigurationError(f"there is no root key {path}: run `mailhub init` first") from None
    except OSError as error:
        raise ConfigurationError(f"the root key {path} cannot be read: {error.strerror}") from None
    if mode & 0o077:
        raise ConfigurationError(
            f"the root key {path} is open to others (mode {mode:04o}): chmod 0600 {path}"
        )


def _read(path: Path) -> bytes:
    try:
        return bytes.fromhex(path.read_text(encoding="ascii").strip())
    except OSError as error:
        raise ConfigurationError(f"the root key {path} cannot be read: {error.strerror}") from None
    except ValueError:
        raise ConfigurationError(
            f"the root key {path} is damaged: it must be {2 * KEY_BYTES} hex digits"
        ) from None
