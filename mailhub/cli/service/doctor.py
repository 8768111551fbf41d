"""`mailhub doctor`: looks at what most often is wrong, and says what to do. Needs no daemon, and asks one that runs.

The checks are in ``mailhub.health.checks``; here stand their order and how they are shown.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from mailhub.cli import client, exits
from mailhub.cli.output import Context, clean, print_json, printing
from mailhub.config import file
from mailhub.errors import MailhubError

if TYPE_CHECKING:
    from mailhub.health.checks.finding import Finding

DAEMON_SECONDS = 5.0


@click.command()
@click.option("--offline", is_flag=True, help="Ask no name server, no relay, no door.")
@printing
def doctor(context: Context, offline: bool) -> int:
    """Check configuration, rights, keys, database, disk, clock, certificates, backlog, daemon, doors, DNS and relay.

    Each line is OK, WARN (mail flows, but mend it) or FAIL, with the cure. Exits 69 when a line says FAIL, 0 otherwise.
    Run it as root, or as the service's user.

    \b
    Example: mailhub doctor
    """
    found = list(_examine(context, offline=offline))
    well = all(each.level != "FAIL" for each in found)

    if context.as_json:
        checks = [
            {"name": each.name, "level": each.level, "text": each.text, "cure": each.cure} for each in found
        ]
        print_json({"ok": well, "checks": checks})
    else:
        width = max(len(each.name) for each in found)
        for each in found:
            click.echo(clean(f"{each.level:<4}  {each.name:<{width}}  {each.text}"))
            if each.cure:
                click.echo(clean(f"{'':<{width + 8}}cure: {each.cure}"))

    return exits.OK if well else exits.UNAVAILABLE


def _examine(context: Context, *, offline: bool) -> Iterator[Finding]:
    """Every check in order; nothing after a configuration that cannot be read."""
    import asyncio

    from mailhub.health.checks import database, files, network
    from mailhub.health.checks.finding import failure, well

    started = time.time(), time.monotonic()
    path = file.find(context.options.get("config"))
    try:
        config = file.load(path)
    except MailhubError as error:
        yield failure("configuration", str(error), "`mailhub check-config` names every fault")
        return
    yield well("configuration", str(path or "the defaults"))
    yield from files.check_key(config)
    yield from files.check_directory(config)
    seen = database.look(config)
    yield from seen.findings
    yield from files.check_disk(config)
    status = _status(context)
    listening = status.get("listening", {})
    hostname = config.smtp.hostname or socket.gethostname()
    yield from files.check_certificates(
        config, hostname, smtp_open=config.smtp.enabled or "smtp" in listening
    )
    yield from files.check_secrets(config)
    yield from _daemon(status)
    if not offline:
        yield from asyncio.run(
            network.examine(config, hostname=hostname, addresses=seen.addresses, listening=listening)
        )
    newest = seen.backlog.newest_delivery_at if seen.backlog else None
    yield from files.check_clock(newest=newest, started=started)


def _status(context: Context) -> dict[str, Any]:
    """What the daemon says of itself: ``fault`` when it does not answer, ``refused`` when it does not tell us."""
    try:
        path = client.socket_path(context.options.get("socket"), context.options.get("config"))
        with client.Client(path, token=client.saved_token(), timeout=DAEMON_SECONDS) as connection:
            connection.call("GET", "/livez")
            return {"path": str(path), **connection.call("GET", "/v1/status", account=context.account)}
    except client.ApiError as error:
        return {"path": str(path), "refused": str(error)}
    except MailhubError as error:
        return {"fault": str(error)}


def _daemon(status: dict[str, Any]) -> Iterator[Finding]:
    from mailhub.health.checks.finding import failure, warning, well

    if fault := status.get("fault"):
        yield failure("daemon", fault, "`systemctl start mailhub`, and `journalctl -u mailhub` says why not")
    elif refused := status.get("refused"):
        yield warning(
            "daemon", f"answers on {status['path']}, but: {refused}", "run this as root, or `mailhub login`"
        )
    elif not status["ready"]:
        yield failure("daemon", "; ".join(status["faults"]), "`journalctl -u mailhub` says more")
    else:
        yield well("daemon", f"answers on {status['path']}")
    if "listening" in status and not {"smtp", "lmtp"} & set(status["listening"]):
        cure = "systemctl stop mailhub; systemctl enable --now mailhub-lmtp.socket (or mailhub-smtp.socket)"
        yield warning(
            "doors", "neither SMTP nor LMTP is open: mail comes by IMAP or `mailhub deliver` only", cure
        )
