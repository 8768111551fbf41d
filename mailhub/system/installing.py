"""The unit files as they come with the package, and where they belong. Job: files -> what to write, and writing it.

``units/`` is the checkout's ``systemd/`` (a link there, package data in the wheel): one source. A file is replaced only
when it differs, through a new file beside it, so that a second run changes nothing and a crash leaves no half file.
Must not: overwrite a configuration. Sources: systemd.unit(5), sysusers.d(5), tmpfiles.d(5).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mailhub.errors import ConfigurationError

UNITS = Path(__file__).parent / "units"
PACKAGED_COMMAND = "/usr/bin/mailhub"  # as the files have it
PROGRAM_TREES = ("/usr", "/opt")  # ExecPaths= of the units: nothing else is executed
DROP_INS = {
    "no-network": "no network of its own, for mail handed in by LMTP",
    "admin-group": "operators who are not root",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitFile:
    """One file: where it belongs, what it says, and its permissions."""

    path: Path
    text: str
    mode: int = 0o644
    keep: bool = False  # one that is there is the administrator's


def files(command: str, drop_ins: Sequence[str] = ()) -> Iterator[UnitFile]:
    """What to install for a program at ``command``."""
    units = Path("/etc/systemd/system")
    for source in sorted((*UNITS.glob("*.service"), *UNITS.glob("*.socket"), *UNITS.glob("*.timer"))):
        text = source.read_text(encoding="utf-8").replace(PACKAGED_COMMAND, command)
        yield UnitFile(path=units / source.name, text=text)

    for kind in ("sysusers.d", "tmpfiles.d"):
        yield UnitFile(path=Path("/etc") / kind / "mailhub.conf", text=_read(f"{kind}/mailhub.conf"))
    yield UnitFile(path=Path("/etc/mailhub/mailhub.toml"), text=_read("mailhub.toml"), keep=True)

    for name in drop_ins:
        path = units / "mailhub.service.d" / f"{name}.conf"
        yield UnitFile(path=path, text=_read(f"examples/{name}.conf"))


def require_reachable(command: str) -> None:
    """Raise ``ConfigurationError`` where the units' sandbox would not run a program."""
    if not any(Path(command).is_relative_to(tree) for tree in PROGRAM_TREES):
        trees = " or ".join(PROGRAM_TREES)
        raise ConfigurationError(
            f"the service executes programs below {trees} only, and {command} is elsewhere: install mailhub there,"
            " for example in a virtual environment /opt/mailhub"
        )


def _read(name: str) -> str:
    return (UNITS / name).read_text(encoding="utf-8")


def install(file: UnitFile, root: Path) -> str:
    """Write one file below ``root``: "written", "changed", "unchanged" or "kept". Raises ``ConfigurationError``."""
    path = root / file.path.relative_to("/")
    try:
        present = path.read_text(encoding="utf-8") if path.exists() else None
        if present == file.text:
            return "unchanged"
        if present is not None and file.keep:
            return "kept"
        _make_readable(path.parent)
        fresh = path.with_name(f".{path.name}.new")
        fresh.write_text(file.text, encoding="utf-8")
        fresh.chmod(file.mode)
        fresh.replace(path)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}") from None

    return "written" if present is None else "changed"


def _make_readable(directory: Path) -> None:
    """A directory, with those above it, that everybody may enter and its owner alone may change, with any umask."""
    if not directory.exists():
        _make_readable(directory.parent)
        directory.mkdir()
        directory.chmod(0o755)
