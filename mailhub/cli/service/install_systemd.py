"""`mailhub install-systemd`: the units of the package, printed or put in place. Needs no daemon; safe to run again.

Without `--root` it also makes the user and the directories and lets systemd read the units again. It starts nothing.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from mailhub.cli import exits
from mailhub.cli.output import Context, print_json, printing
from mailhub.errors import Unavailable
from mailhub.system import installing

PACKAGED_UNIT = Path(
    "usr/lib/systemd/system/mailhub.service"
)  # of the Debian package, which has its own maintainer
MAKE_USER = (
    ("systemd-sysusers", "/etc/sysusers.d/mailhub.conf"),
    ("systemd-tmpfiles", "--create", "/etc/tmpfiles.d/mailhub.conf"),
)
READ_UNITS = ("systemctl", "daemon-reload")
COMMAND_SECONDS = 60
NEXT = """\
Next:
  mailhub init --mailbox support@example.com --owner you@example.com
  systemctl enable mailhub.service mailhub-admin.socket mailhub-backup.timer
  systemctl enable --now mailhub-lmtp.socket      # behind a mail server on this machine: 127.0.0.1:8024
  systemctl enable --now mailhub-smtp.socket      # or as the MX itself: port 25
  systemctl start mailhub.service
  mailhub doctor
After a change of units: systemctl restart mailhub.service (connections wait in the sockets meanwhile)."""


@click.command("install-systemd")
@click.option(
    "--print", "print_only", is_flag=True, help="Print every file and where it belongs; write nothing."
)
@click.option("--apply", is_flag=True, help="Write them, make the user and the directories.")
@click.option(
    "--root", type=click.Path(path_type=Path), default=Path("/"), help="Write below this directory instead."
)
@click.option(
    "--drop-in",
    "drop_ins",
    multiple=True,
    type=click.Choice(sorted(installing.DROP_INS)),
    help="Also this drop-in.",
)
@click.option("--program", help="The program that the units start, if it is not this one.")
@printing
def install_systemd(
    context: Context,
    print_only: bool,
    apply: bool,
    root: Path,
    drop_ins: tuple[str, ...],
    program: str | None,
) -> int:
    """Install the systemd units, user and directories. It starts nothing, and keeps a configuration that is there.

    Drop-ins: `no-network` for sites that hand mail in by LMTP; `admin-group` for operators who are not root.
    Where the Debian package has put the units, only drop-ins are written.

    \b
    Example: mailhub install-systemd --print
             mailhub install-systemd --apply --drop-in no-network
    """
    if print_only == apply:
        raise click.UsageError("say --print or --apply")

    program = program or command()
    wanted = list(installing.files(program, drop_ins))
    packaged = (root / PACKAGED_UNIT).exists()
    if packaged:
        wanted = [file for file in wanted if file.path.parent.name == "mailhub.service.d"]
    if print_only:
        _print(context, wanted)
        return exits.OK

    installing.require_reachable(program)
    done = [{"path": str(file.path), "result": installing.install(file, root)} for file in wanted]
    afterwards = (READ_UNITS,) if packaged else (*MAKE_USER, READ_UNITS)
    ran = [_run(each) for each in afterwards] if root == Path("/") else []
    if context.as_json:
        print_json({"root": str(root), "files": done, "ran": ran})
        return exits.OK

    for each in done:
        click.echo(f"{each['result']:<10} {each['path']}")
    for line in ran:
        click.echo(f"ran        {line}")
    click.echo(NEXT)

    return exits.OK


def command() -> str:
    """The program that runs now, as a unit has to name it."""
    installed = Path(sys.executable).parent / "mailhub"
    packaged = Path(installing.PACKAGED_COMMAND)
    same = packaged.exists() and packaged.resolve() == installed.resolve()
    return str(packaged if same else installed)


def _print(context: Context, wanted: Sequence[installing.UnitFile]) -> None:
    if context.as_json:
        print_json(
            [{"path": str(file.path), "mode": f"{file.mode:04o}", "text": file.text} for file in wanted]
        )
        return
    for file in wanted:
        click.echo(f"##### {file.path}\n{file.text}")


def _run(arguments: Sequence[str]) -> str:
    """Run one of systemd's tools; the command line. Raises ``Unavailable`` with what it said."""
    line = " ".join(arguments)
    try:
        done = subprocess.run(arguments, capture_output=True, timeout=COMMAND_SECONDS, check=False)  # noqa: S603 fixed
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(
            f"`{line}` did not run ({type(error).__name__}): the files are written; run it by hand"
        ) from None

    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise Unavailable(f"`{line}` failed, the files are written: {said}")

    return line
