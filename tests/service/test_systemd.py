"""The units in systemd/: what systemd itself says of them, and how `mailhub install-systemd` puts them in place."""

from __future__ import annotations

import configparser
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import pytest
from click.testing import CliRunner

from mailhub.api.frame import app
from mailhub.cli.main import root
from mailhub.config import Config
from mailhub.config import file as configuration_file
from mailhub.service.jobs import jobs
from mailhub.system import installing

ROOT = Path(__file__).parents[2]
A_PROGRAM = "/usr/bin/env"  # it is there: `verify` looks
UNITS = sorted(
    path.name for path in (ROOT / "systemd").iterdir() if path.suffix in (".service", ".socket", ".timer")
)
LOOP_EXECUTOR = 32  # most threads of asyncio's own pool (ThreadPoolExecutor)
FIXED = 8  # main, writer, readers of small and large mail, supervisor of mailboxes, scheduler, and some in reserve
EXPOSURE = {(): 1.1, ("no-network",): 0.3, ("admin-group",): 1.2}


@pytest.fixture
def installed(tmp_path: Path, require_service: Callable[[bool, str], None]) -> Callable[..., Path]:
    """Installs below a new directory, with some drop-ins; the folder of the units."""
    require_service(
        shutil.which("systemd-analyze") is not None, "systemd-analyze is not installed (Debian: systemd)"
    )

    def install(*drop_ins: str) -> Path:
        for file in installing.files(A_PROGRAM, drop_ins):
            installing.install(file, tmp_path)
        return tmp_path / "etc/systemd/system"

    return install


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """`systemd-analyze` and what it says."""
    return subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("drop_ins", EXPOSURE)
def test_exposure_stays_low(installed: Callable[..., Path], drop_ins: tuple[str, ...]) -> None:
    """systemd's own measure of the sandbox is at most what the documentation says, in every profile."""
    done = analyze("security", "--offline=true", installed(*drop_ins) / "mailhub.service")
    found = re.search(r"Overall exposure level for mailhub.service: ([\d.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    assert float(found[1]) <= EXPOSURE[drop_ins], done.stdout


def test_backup_unit_is_exposed_as_little(installed: Callable[..., Path]) -> None:
    """The unit that asks for a backup reaches nothing but the admin socket."""
    done = analyze("security", "--offline=true", "--threshold=3", installed() / "mailhub-backup.service")
    assert done.returncode == 0, done.stdout


def test_units_verify_clean(installed: Callable[..., Path]) -> None:
    """`systemd-analyze verify` has nothing to say of any unit, in any profile."""
    folder = installed(*installing.DROP_INS)
    done = analyze("verify", "--recursive-errors=no", *(folder / name for name in UNITS))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_every_open_line_has_its_reason(installed: Callable[..., Path]) -> None:
    """Each directive that `systemd-analyze security` still counts against the unit has its reason in a comment."""
    unit = installed() / "mailhub.service"
    counted = set(re.findall(r"^✗ (\w+)=", analyze("security", "--offline=true", unit).stdout, re.M))
    explained = set(re.findall(r"^# (?:off|left): (\w+)=\w*\. \w", unit.read_text(encoding="utf-8"), re.M))
    assert counted == explained


def test_sockets_are_named_as_the_daemon_asks() -> None:
    """Each socket gives itself to the one unit under the name that the daemon looks for."""
    named = {}
    for name in UNITS:
        if name.endswith(".socket"):
            text = (ROOT / "systemd" / name).read_text(encoding="utf-8")
            assert "Service=mailhub.service" in text
            (named[name],) = re.findall(r"^FileDescriptorName=(.*)$", text, re.M)
    assert named == {f"mailhub-{door}.socket": door for door in ("admin", "https", "lmtp", "smtp")}


def test_shipped_configuration_is_good(tmp_path: Path) -> None:
    """systemd/mailhub.toml has no fault, as it is and with every commented setting switched on."""
    text = (ROOT / "systemd/mailhub.toml").read_text(encoding="utf-8")
    for number, wanted in enumerate((text, re.sub(r"^#(?=\S)", "", text, flags=re.M))):
        path = tmp_path / f"{number}.toml"
        path.write_text(wanted, encoding="utf-8")
        config, faults = configuration_file.read(path, {})
        assert faults == []
    assert config.relay.host == "smtp.example.com"


def install(*arguments: str) -> str:
    """What `mailhub install-systemd ARGUMENTS` prints; fails unless it exits 0."""
    done = CliRunner().invoke(root, ["install-systemd", *arguments], standalone_mode=False)
    assert (done.exception, done.return_value) == (None, 0)
    return done.output


def test_install_systemd_twice_changes_nothing(tmp_path: Path) -> None:
    """The first run writes every file, the second none; a configuration that was edited stays."""
    arguments = ("--apply", "--root", str(tmp_path), "--program", "/opt/mailhub/bin/mailhub", "--json")
    first = json.loads(install(*arguments))["files"]
    assert {each["result"] for each in first} == {"written"}
    unit = tmp_path / "etc/systemd/system/mailhub.service"
    assert "ExecStart=/opt/mailhub/bin/mailhub --config" in unit.read_text(encoding="utf-8")
    configuration = tmp_path / "etc/mailhub/mailhub.toml"
    configuration.write_text("[smtp]\nenabled = true\n", encoding="utf-8")
    unit.write_text("of an older version\n", encoding="utf-8")
    second = {each["path"]: each["result"] for each in json.loads(install(*arguments))["files"]}
    assert second.pop("/etc/mailhub/mailhub.toml") == "kept"
    assert second.pop("/etc/systemd/system/mailhub.service") == "changed"
    assert set(second.values()) == {"unchanged"}
    assert configuration.read_text(encoding="utf-8") == "[smtp]\nenabled = true\n"


def test_install_systemd_prints_what_it_would_write(tmp_path: Path) -> None:
    """--print shows every file with its place, and writes nothing."""
    printed = install("--print", "--root", str(tmp_path), "--drop-in", "no-network")
    for name in UNITS:
        assert f"##### /etc/systemd/system/{name}\n" in printed
    assert "##### /etc/systemd/system/mailhub.service.d/no-network.conf\n" in printed
    assert list(tmp_path.iterdir()) == []


def test_install_systemd_leaves_the_packages_units_alone(tmp_path: Path) -> None:
    """Where the Debian package has put the units, only drop-ins are written."""
    packaged = tmp_path / "usr/lib/systemd/system"
    packaged.mkdir(parents=True)
    (packaged / "mailhub.service").touch()
    install("--apply", "--root", str(tmp_path), "--program", "/usr/bin/mailhub", "--drop-in", "admin-group")
    written = [str(path.relative_to(tmp_path)) for path in (tmp_path / "etc").rglob("*") if path.is_file()]
    assert written == ["etc/systemd/system/mailhub.service.d/admin-group.conf"]


def test_install_systemd_refuses_what_the_sandbox_would_not_run(tmp_path: Path) -> None:
    """A program outside of the trees that the units execute from is refused, with the way out."""
    done = CliRunner().invoke(
        root, ["install-systemd", "--apply", "--root", str(tmp_path), "--program", "/home/a/m"]
    )
    assert "install mailhub there" in str(done.exception)
    assert list(tmp_path.iterdir()) == []


def test_the_service_is_bounded_and_its_bounds_fit_the_configuration() -> None:
    """The unit's tasks hold every thread that the default configuration allows, and its memory ends it whole."""
    unit = configparser.ConfigParser(strict=False, interpolation=None, comment_prefixes=("#",))
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # keys as they are written
    unit.read(ROOT / "systemd/mailhub.service")
    service, config = unit["Service"], Config()
    others = app.THREADS + len(jobs(Mock(), bool)) + LOOP_EXECUTOR + FIXED
    assert int(service["TasksMax"]) >= 2 * config.imap.mailboxes + others
    assert service["MemoryMax"] == "2G"
    assert config.limits.in_flight_bytes <= 2**31 // 4
    assert service["OOMPolicy"] == "kill"
    assert service["Restart"] == "on-failure"
