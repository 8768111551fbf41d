"""`mailhub rule ...`: what is done to tickets by itself."""

from __future__ import annotations

from typing import Any, TextIO
from urllib.parse import quote

import click

from mailhub.cli.output import Context, listing, printing


@click.group()
def rule() -> None:
    """Rules: what is done to tickets by itself when mail is filed, a ticket changes, or time passes."""


def _at(name: str, *more: str) -> str:
    return "/".join(("/v1/rules", quote(name, safe=""), *more))


def _say(context: Context, found: dict[str, Any], what: str) -> None:
    if context.as_json:
        context.fields(found)
    else:
        click.echo(f"rule {found['name']} {what}")


@rule.command("add")
@click.argument("file", type=click.File(encoding="utf-8"))
@printing
def add(context: Context, file: TextIO) -> None:
    """Put the rule in FILE (TOML; `-` reads it from standard input) behind the others. It runs from now on.

    \b
    Example: mailhub rule add ./invoices
    """
    _say(context, context.call("POST", "/v1/rules", body={"text": file.read()}), "runs from now on")


@rule.command("list")
@listing
@printing
def list_(context: Context, limit: int, after: str | None) -> None:
    """List the rules in the order in which they run.

    \b
    Example: mailhub rule list
    """
    columns = {"id": "ID", "name": "NAME", "enabled": "ON", "fault": "FAULT", "updated_at": "WRITTEN"}
    context.table(context.rows("/v1/rules", limit=limit, after=after), columns)


@rule.command("show")
@click.argument("rule")
@printing
def show(context: Context, rule: str) -> None:
    """Show what RULE says, by id or name.

    \b
    Example: mailhub rule show invoices
    """
    found = context.call("GET", _at(rule))
    if context.as_json:
        context.fields(found)
    else:
        click.echo(found["text"].rstrip())


@rule.command("rewrite")
@click.argument("rule")
@click.argument("file", type=click.File(encoding="utf-8"))
@printing
def rewrite(context: Context, rule: str, file: TextIO) -> None:
    """Let RULE say what is in FILE; it stays on or off, and where it is.

    \b
    Example: mailhub rule rewrite invoices ./invoices
    """
    _say(context, context.call("PUT", _at(rule), body={"text": file.read()}), "says that from now on")


@rule.command("test")
@click.argument("message", type=int)
@printing
def test(context: Context, message: int) -> None:
    """What the rules would do about MESSAGE if it were filed now. Nothing is done.

    \b
    Example: mailhub rule test 1000000042
    """
    columns = {"name": "RULE", "fires": "FIRES", "reason": "LOOKS AT", "does": "WOULD DO"}
    context.table(context.call("GET", "/v1/rules/test", message=message)["rules"], columns)


@rule.command("backtest")
@click.argument("file", type=click.File(encoding="utf-8"))
@click.option(
    "--days", type=click.IntRange(1, 3660), default=30, show_default=True, help="How far to look back."
)
@printing
def backtest(context: Context, file: TextIO, days: int) -> None:
    """On which mail of the last days the rule in FILE would have fired. Nothing is stored or done.

    \b
    Example: mailhub rule backtest ./invoices --days 30
    """
    found = context.call("POST", "/v1/rules/backtest", body={"text": file.read()}, days=days)
    if context.as_json:
        context.fields(found)
        return
    click.echo(f"would have fired {found['fired']} times on {found['messages']} mails")
    if found["on"]:
        click.echo("the newest of these: " + " ".join(map(str, found["on"])))
    if not found["complete"]:
        click.echo("there was more mail than is looked at")


@rule.command("on")
@click.argument("rule")
@printing
def on(context: Context, rule: str) -> None:
    """Let RULE run again, whatever went wrong before.

    \b
    Example: mailhub rule on invoices
    """
    _say(context, context.call("POST", _at(rule, "on")), "runs")


@rule.command("off")
@click.argument("rule")
@printing
def off(context: Context, rule: str) -> None:
    """Let RULE run no more till it is switched on.

    \b
    Example: mailhub rule off invoices
    """
    _say(context, context.call("POST", _at(rule, "off")), "is off")


@rule.command("delete")
@click.argument("rule")
@printing
def delete(context: Context, rule: str) -> None:
    """Remove RULE; what it did stays done.

    \b
    Example: mailhub rule delete invoices
    """
    context.call("DELETE", _at(rule))
    if not context.as_json:
        click.echo("the rule is gone")


@rule.command("order")
@click.argument("rules", nargs=-1, required=True)
@printing
def order(context: Context, rules: tuple[str, ...]) -> None:
    """Let RULES run first, in this order; the others follow as they were.

    \b
    Example: mailhub rule order vip invoices
    """
    found = context.call("POST", "/v1/rules/order", body={"rules": list(rules)})["rules"]
    context.table(found, {"id": "ID", "name": "NAME", "enabled": "ON"})
