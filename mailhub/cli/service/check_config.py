"""`mailhub check-config`: every fault of the configuration, with file and line. Needs no daemon."""

from __future__ import annotations

import os
from pathlib import Path

import click

from mailhub.cli import exits
from mailhub.cli.output import Context, print_json, printing
from mailhub.config import Config
from mailhub.config import file as configuration_file


@click.command("check-config")
@click.option(
    "--example", is_flag=True, help="Print a configuration file with every setting and its default."
)
@click.option("--page", is_flag=True, help="Print the page docs/configuration.md.")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@printing
def check_config(context: Context, example: bool, page: bool, file: Path | None) -> int:
    """Check the configuration: unknown and mistyped settings, certificates, the data directory.

    Exits 0 when all is well, 78 with a line for each fault otherwise.

    \b
    Example: mailhub check-config /etc/mailhub/mailhub.toml
    """
    from mailhub.config import text as configuration_text

    if example or page:
        click.echo(configuration_text.example() if example else configuration_text.page(), nl=False)
        return exits.OK
    path = file or configuration_file.find(context.options.get("config"))
    config, faults = configuration_file.read(path)
    texts = [str(fault) for fault in faults] or _files(config)
    if context.as_json:
        print_json({"file": str(path) if path else None, "ok": not texts, "faults": texts})
    else:
        for text in texts:
            click.echo(text, err=True)
        if not texts:
            click.echo(f"{path or 'the defaults'}: all is well")
    return exits.CONFIG if texts else exits.OK


def _files(config: Config) -> list[str]:
    """Faults of what the settings name: certificates, keys, addresses, password file, data directory."""
    from mailhub.errors import ConfigurationError
    from mailhub.intake.smtp.limits import is_loopback
    from mailhub.outbound import letter_settings
    from mailhub.service import doors

    faults = []
    try:
        doors.settings("smtp", config)
    except ConfigurationError as error:
        faults.append(f"smtp.tls_certificate, smtp.tls_key: {error}")
    for check in (
        doors.require_https,
        doors.require_proxies,
        doors.require_local_servers,
        letter_settings.require_usable,
    ):
        try:
            check(config)
        except ConfigurationError as error:
            faults.append(str(error))
    if config.http.enabled and not is_loopback(config.http.address):
        faults.append(
            f"http.address: {config.http.address} can be reached from elsewhere; [https] is for that"
        )
    if config.relay.password_file and not os.access(config.relay.password_file, os.R_OK):
        faults.append(f"relay.password_file: cannot read {config.relay.password_file}")
    directory = config.storage.directory
    if directory.exists() and not os.access(directory, os.W_OK | os.X_OK):
        faults.append(f"storage.directory: you may not write in {directory}")
    return faults
