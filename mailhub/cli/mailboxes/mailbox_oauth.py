"""`mailhub mailbox authorize`, and how `mailhub mailbox add` says that a mailbox is opened by OAuth."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC
from typing import Any, TypeVar

import click

from mailhub.cli import secret_input
from mailhub.cli.output import Context, clean, print_json, printing

C = TypeVar("C", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--oauth", type=click.Choice(["microsoft", "google", "custom"]), help="Log in by OAuth tokens of:"
    ),
    click.option("--oauth-client-id", metavar="ID", help="The client as registered at the provider."),
    click.option(
        "--oauth-flow",
        type=click.Choice(["device", "code", "client-credentials"]),
        help="Default: what the provider allows, device first.",
    ),
    click.option("--oauth-tenant", metavar="NAME", help="Microsoft: the organisation's id or domain."),
    click.option("--oauth-mechanism", type=click.Choice(["xoauth2", "oauthbearer"]), default="xoauth2"),
    click.option("--oauth-token-url", metavar="URL", help="With custom: where tokens are asked for."),
    click.option(
        "--oauth-consent-url", metavar="URL", help="With custom: the endpoint for devices, or the page."
    ),
    click.option("--oauth-scope", metavar="WORDS", help="What for. Default: reading mail by IMAP."),
    click.option(
        "--oauth-secret-ends",
        type=click.DateTime(["%Y-%m-%d"]),
        help="When the client's secret expires: warned of two weeks before.",
    ),
)


def oauth_options(command: C) -> C:
    """The options of ``add``."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def oauth_body(options: dict[str, Any]) -> dict[str, Any] | None:
    """What the call says of OAuth; None for a password. Raises ``click.UsageError``."""
    if options["oauth"] is None:
        return None
    if options["oauth_client_id"] is None:
        raise click.UsageError(
            "--oauth needs --oauth-client-id: mailhub is registered at the provider by you"
        )

    ends = options["oauth_secret_ends"]
    named = {name: options[f"oauth_{name}"] for name in ("tenant", "token_url", "consent_url", "scope")}

    return {
        "provider": options["oauth"],
        "client_id": options["oauth_client_id"],
        "mechanism": options["oauth_mechanism"],
        "flow": options["oauth_flow"],
        "secret_ends_at": ends.replace(tzinfo=UTC).isoformat() if ends else None,
        **{name: value for name, value in named.items() if value},
    }


@click.command()
@click.argument("mailbox")
@click.option(
    "--refresh-token-stdin", is_flag=True, help="Take a refresh token from standard input; no consent."
)
@printing
def authorize(context: Context, mailbox: str, refresh_token_stdin: bool) -> None:
    """Let mailhub into a mailbox at a provider: shows where to consent, and waits for it (or takes the address).

    \b
    Example: mailhub mailbox authorize help@example.com
    """
    path = f"/v1/mailboxes/{mailbox}/imap/authorize"
    if refresh_token_stdin:
        context.call("POST", f"{path}/finish", body={"refresh_token": secret_input.ask("Refresh token")})
    else:
        begun = context.call("POST", path)
        _finish(context, path, begun)

    if context.as_json:
        print_json({"done": True})
    else:
        click.echo(f"{mailbox} is authorised. See how: mailhub mailbox test {mailbox}")


def _finish(context: Context, path: str, begun: dict[str, Any]) -> None:
    if begun["flow"] == "device":
        click.echo(f"Open {clean(begun['url'])} and type in: {clean(begun['user_code'])}", err=True)
        while not context.call("POST", f"{path}/finish", body={"handle": begun["handle"]})["done"]:
            time.sleep(begun["interval"])
        return
    click.echo(
        f"Open this page, agree, and bring the address that the browser ends at:\n{begun['url']}", err=True
    )
    answer = click.prompt("Address", err=True)
    context.call("POST", f"{path}/finish", body={"handle": begun["handle"], "answer": answer})
