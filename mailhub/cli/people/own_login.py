"""`mailhub user password` and `mailhub user totp`: how one logs in, and resetting it for somebody else.

No secret is taken from the command line; what is shown (links, QR codes, recovery codes) is shown once.
"""

from __future__ import annotations

import click

from mailhub.cli.output import Context, print_json, printing, require_yes
from mailhub.cli.secret_input import ask
from mailhub.errors import BadRequest


@click.command()
@click.argument("user", required=False)
@click.option("--link", "by_link", is_flag=True, help="Set your password by a link you were given.")
@click.option("--print", "show", is_flag=True, help="Print the link for USER instead of mailing it.")
@printing
def password(context: Context, user: str | None, by_link: bool, show: bool) -> None:
    """Change your password; for another USER, mail them a link with which they set their own, once, within 24 hours.

    Where no letters are written the link is printed.

    Passwords and the link are asked for, or read from standard input, a line each: the link or the present password
    (empty if the daemon knows you by your uid), then the new one.

    \b
    Example: mailhub user password
    """
    if user is not None:
        context.fields(context.call("POST", f"/v1/users/{user}/link", show=show or None))
        return
    first = ask("Link" if by_link else "Present password (empty if the daemon knows you by your uid)").strip()
    new = ask("New password", twice=True)
    if by_link:
        context.call("POST", "/v1/links/use", body={"link": first, "password": new})
    else:
        context.call("POST", "/v1/password", body={"password": new, "present": first})


@click.command()
@click.argument("user", required=False)
@click.option("--reset", is_flag=True, help="Remove the second factor, your own or USER's.")
@click.option("--codes", is_flag=True, help="Make new recovery codes; the old ones end.")
@click.option(
    "--status", is_flag=True, help="Show whether you have one, and how many recovery codes are left."
)
@click.option("--yes", is_flag=True, help="Do not ask before a reset.")
@printing
def totp(context: Context, user: str | None, reset: bool, codes: bool, status: bool, yes: bool) -> None:
    """Enrol a second factor: give your password, read the QR code with an app, then enter the code it shows.

    Prints recovery codes once: each stands in for the app for one login.

    \b
    Example: mailhub user totp
    """
    if user is not None and not reset:
        raise BadRequest("nobody enrols a second factor for somebody else: --reset removes one")

    if reset:
        if not yes:
            require_yes(f"Remove the second factor of {user or 'this login'}?")
        path = "/v1/second-factor" if user is None else f"/v1/users/{user}/second-factor"
        context.client.fetch("DELETE", path, account=context.account)
    elif status:
        context.fields(context.call("GET", "/v1/second-factor"))
    elif codes:
        _print_codes(context, context.call("POST", "/v1/second-factor/recovery-codes"))
    else:
        _enrol(context)


def _enrol(context: Context) -> None:
    password = ask(
        "Password (empty if the daemon knows you by your uid, or if you just showed a code)"
    ).strip()
    begun = context.call("POST", "/v1/second-factor", body={"password": password})
    if context.as_json:
        print_json({"secret": begun["secret"], "uri": begun["uri"]})
    else:
        from mailhub.access import qr

        click.echo(qr.terminal(begun["uri"]))
        click.echo(f"or by hand: {begun['secret']}")
    body = {"code": ask("Code that the app shows")}
    _print_codes(context, context.call("POST", "/v1/second-factor/confirm", body=body))


def _print_codes(context: Context, answer: dict[str, list[str]]) -> None:
    if context.as_json:
        print_json(answer)
        return
    click.echo("Recovery codes, each good for one login without the app. They are shown only now:")
    for code in answer["recovery_codes"]:
        click.echo(f"  {code}")
