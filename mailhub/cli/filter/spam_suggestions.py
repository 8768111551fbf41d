"""`mailhub spam suggestions ...`: what was moved or sent as feedback and may be a mark."""

from __future__ import annotations

import click

from mailhub.cli.output import Context, listing, print_json, printing


@click.group()
def suggestions() -> None:
    """What people may have said of mail at a provider, where mailhub cannot tell: for an agent to decide."""


@suggestions.command("list")
@listing
@printing
def list_(context: Context, limit: int, after: str | None) -> None:
    """List suggestions, latest first. GIVER is the mailbox, or the user, that it was noticed of.

    WHY: unread (nobody was seen to have read it before, so a filter may have moved it), alike (the same by Message-ID
    and size alone), doubled (it lay in both folders, and is gone from one), too-many (more at once than a person
    decides on), leans-to-spam (its ticket was closed as a good mail's, and the filter takes it rather for spam).

    \b
    Example: mailhub spam suggestions list
    """
    columns = {
        "id": "ID",
        "message": "MESSAGE",
        "label": "LABEL",
        "source": "BY",
        "giver": "GIVER",
        "reason": "WHY",
    }
    found = context.rows("/v1/spam/suggestions", limit=limit, after=after)
    context.table(found, columns | {"noticed_at": "NOTICED"})


@suggestions.command()
@click.argument("ids", nargs=-1, required=True, type=int)
@printing
def confirm(context: Context, ids: tuple[int, ...]) -> None:
    """Give the marks that are suggested by IDS as your own.

    \b
    Example: mailhub spam suggestions confirm 1000000007
    """
    found = context.call("POST", "/v1/spam/suggestions/confirm", body={"suggestions": list(ids)})
    if context.as_json:
        print_json(found)
        return
    columns = {
        "message": "MESSAGE",
        "outcome": "OUTCOME",
        "label": "LABEL",
        "previous": "WAS",
        "verdict": "VERDICT",
    }
    context.table(found, columns | {"state": "TICKET IS"})


@suggestions.command()
@click.argument("ids", nargs=-1, required=True, type=int)
@printing
def dismiss(context: Context, ids: tuple[int, ...]) -> None:
    """Let the suggestions IDS be no marks.

    \b
    Example: mailhub spam suggestions dismiss 1000000007
    """
    context.call("POST", "/v1/spam/suggestions/dismiss", body={"suggestions": list(ids)})
    if not context.as_json:
        click.echo(f"{len(ids)} dismissed")
