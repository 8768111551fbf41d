"""Keys by purpose: derived, private, and refused when they are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailhub import keys
from mailhub.errors import ConfigurationError, SealBroken


def test_each_purpose_has_its_own_key_for_ever() -> None:
    """Keys of different purposes differ, and the same root gives the same keys in every process (fixed values)."""
    made = keys.Keys(bytes(range(32)))
    derived = {purpose: made.derive(purpose) for purpose in keys.PURPOSES}
    assert len(set(derived.values())) == len(keys.PURPOSES)
    assert {len(key) for key in derived.values()} == {32}
    assert derived["reply-token"].hex()[:16] == "c51763f8ccfc3557"


def test_unknown_purpose_is_an_error() -> None:
    """A purpose that is not in the list has no key."""
    with pytest.raises(KeyError):
        keys.Keys(bytes(32)).derive("something")


def test_keys_show_nothing() -> None:
    """The root never gets into a log by repr."""
    root = bytes(range(32))
    assert repr(keys.Keys(root)) == "Keys(...)"


def test_create_makes_a_private_file_once(tmp_path: Path) -> None:
    """The first call makes the key with mode 0600; the second leaves it alone."""
    assert keys.create(tmp_path) is True
    before = (tmp_path / "root.key").read_bytes()
    assert (tmp_path / "root.key").stat().st_mode & 0o777 == 0o600
    assert keys.create(tmp_path) is False
    assert (tmp_path / "root.key").read_bytes() == before


def test_leftover_of_a_stopped_create_is_replaced(tmp_path: Path) -> None:
    """A create that was stopped half-way does not stop the next one."""
    (tmp_path / "root.key.new").write_text("half")
    assert keys.create(tmp_path) is True
    keys.load(tmp_path, {}).derive("identity")


def test_a_key_made_meanwhile_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two that make a key at once the first wins: the second leaves that key and no file of its own."""
    path, exists = tmp_path / "root.key", Path.exists

    def too_early(each: Path) -> bool:
        return exists(each) and each != path

    path.write_text("the other one's")
    monkeypatch.setattr(Path, "exists", too_early)
    assert keys.create(tmp_path) is False
    assert path.read_text() == "the other one's"
    assert [each.name for each in tmp_path.iterdir()] == ["root.key"]


def test_key_open_to_others_is_refused(tmp_path: Path) -> None:
    """A root key that others may read is no secret: the daemon does not start."""
    keys.create(tmp_path)
    (tmp_path / "root.key").chmod(0o640)
    with pytest.raises(ConfigurationError, match="open to others"):
        keys.load(tmp_path, {})


@pytest.mark.parametrize(
    ("content", "fault"), [("zz", "damaged"), ("abcd", "must be 32 bytes"), (None, "mailhub init")]
)
def test_missing_or_damaged_key_is_refused(tmp_path: Path, content: str | None, fault: str) -> None:
    """What is wrong with the key is said, with what to do."""
    if content is not None:
        (tmp_path / "root.key").write_text(content)
        (tmp_path / "root.key").chmod(0o600)
    with pytest.raises(ConfigurationError, match=fault):
        keys.load(tmp_path, {})


def test_credential_wins_over_the_file(tmp_path: Path) -> None:
    """A key handed in by systemd is used, and no file is needed."""
    (tmp_path / keys.CREDENTIAL).write_text("01" * 32)
    loaded = keys.load(tmp_path / "nowhere", {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert loaded.derive("identity") == keys.Keys(b"\1" * 32).derive("identity")


@pytest.mark.parametrize(
    "change", ["a flipped bit", "another owner", "another root", "another purpose", "too short"]
)
def test_a_sealed_value_opens_only_as_it_was_sealed(change: str) -> None:
    """What was sealed comes back for its owner, and for nobody and nothing else."""
    own = keys.Keys(bytes(32))
    sealed = own.seal("secrets", b"hunter2", bound_to=b"mailbox:1")
    assert b"hunter2" not in sealed
    assert own.open("secrets", sealed, bound_to=b"mailbox:1") == b"hunter2"
    other = keys.Keys(b"\1" * 32) if change == "another root" else own
    purpose = "backups" if change == "another purpose" else "secrets"
    bound_to = b"mailbox:2" if change == "another owner" else b"mailbox:1"
    changed = {"a flipped bit": sealed[:-1] + bytes([sealed[-1] ^ 1]), "too short": sealed[:5]}.get(
        change, sealed
    )
    with pytest.raises(SealBroken):
        other.open(purpose, changed, bound_to=bound_to)


def test_each_signing_purpose_has_a_key_pair_of_its_own() -> None:
    """A signature made for receipts is none for anchors, and the same root always gives the same pair."""
    pairs = {
        keys.Keys(bytes(32)).signer(purpose).public_key().public_bytes_raw()
        for purpose in ("receipts", "anchors")
    }
    again = keys.Keys(bytes(32)).signer("receipts").public_key().public_bytes_raw()
    assert len(pairs) == 2
    assert again in pairs
