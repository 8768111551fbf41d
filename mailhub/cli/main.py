"""The command line's root: finds the command, loads its file and nothing else, turns errors into exit statuses.

``mailhub --version`` takes about 100 ms: a test holds sklearn, numpy, sqlalchemy, pydantic, asyncio and rich out of
sys.modules. Exit statuses are those of sysexits.h; ``exits.of_problem`` maps the API's errors to them.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from mailhub import __version__
from mailhub.cli import exits
from mailhub.errors import BadRequest, ConfigurationError, Forbidden, MailhubError, NotFound

COMMANDS = {
    "serve": "service.serve:serve",
    "init": "service.init:init",
    "check-config": "service.check_config:check_config",
    "doctor": "service.doctor:doctor",
    "status": "service.status:status",
    "why": "tickets.why:why",
    "login": "people.login:login",
    "logout": "people.login:logout",
    "whoami": "people.login:whoami",
    "deliver": "tickets.deliver:deliver",
    "import": "tickets.importing:import_",
    "parse": "tickets.parse:parse",
    "ticket": "tickets.ticket:ticket",
    "draft": "tickets.draft:draft",
    "rule": "rules.rule:rule",
    "intake": "tickets.intake:intake",
    "message": "tickets.message:message",
    "reparse": "tickets.reparse:reparse",
    "spam": "filter.spam:spam",
    "account": "accounts.account:account",
    "sweep": "accounts.sweep:sweep",
    "user": "people.user:user",
    "mailbox": "mailboxes.mailbox:mailbox",
    "token": "people.token:token",
    "contact": "privacy.contact:contact",
    "erasure": "privacy.erasure:erasure",
    "grant": "people.grant:grant",
    "hold": "privacy.hold:hold",
    "retention": "privacy.retention:retention",
    "consent": "privacy.consent:consent",
    "privacy": "privacy.privacy:privacy",
    "breach": "privacy.breach:breach",
    "audit": "service.audit:audit",
    "allow-list": "people.allow_list:allow_list",
    "backup": "service.backup:backup",
    "install-systemd": "service.install_systemd:install_systemd",
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name].split(":")
        command = getattr(importlib.import_module(f"mailhub.cli.{module}"), attribute)
        assert isinstance(command, click.Command)
        return command


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mailhub", message="%(prog)s %(version)s")
@click.option("--config", "config_path", metavar="FILE", help="Configuration file (also MAILHUB_CONFIG).")
@click.option("--socket", metavar="PATH", help="Admin socket of the daemon (also MAILHUB_ADMIN__SOCKET).")
@click.pass_context
def root(ctx: click.Context, config_path: str | None, socket: str | None) -> None:
    """Support mail: tickets, a spam filter that learns, and a record of what became of every mail.

    Most commands talk to the running daemon (`mailhub serve`). `mailhub COMMAND --help` shows an example.
    """
    ctx.obj = {"config": config_path, "socket": socket}
    before = os.umask(0o077)  # whatever any command makes is its caller's alone, or gets its mode by name
    ctx.call_on_close(lambda: os.umask(before))


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave with an exit status of sysexits.h."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal of few characters (LC_ALL=C) shows the rest

    try:
        result: Any = root.main(args=arguments, prog_name="mailhub", standalone_mode=False)
    except click.UsageError as error:
        error.show()
        sys.exit(exits.USAGE)
    except click.ClickException as error:
        error.show()
        sys.exit(getattr(error, "exit_code", exits.USAGE))
    except click.Abort:
        sys.exit(exits.INTERRUPTED)
    except MailhubError as error:
        click.echo(f"mailhub: {error}", err=True)
        sys.exit(_status(error))
    except BrokenPipeError:
        # the reader of our output left (`mailhub ticket list | head`): no message, and no second error at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(exits.OK)

    sys.exit(result if isinstance(result, int) else exits.OK)


def _status(error: MailhubError) -> int:
    """The exit status of an error raised on this side of the socket."""
    carried = getattr(error, "exit_status", None)
    if isinstance(carried, int):
        return carried
    if isinstance(error, ConfigurationError):
        return exits.CONFIG
    if isinstance(error, Forbidden):
        return exits.NOPERM
    if isinstance(error, (BadRequest, NotFound)):
        return exits.DATAERR

    return exits.TEMPFAIL if error.temporary else exits.DATAERR
