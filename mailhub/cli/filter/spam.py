"""`mailhub spam ...`: teach the filter, ask it why, see how it stands."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, astuple
from pathlib import Path
from typing import Any

import click

from mailhub.cli import exits
from mailhub.cli.client import NoDaemon
from mailhub.cli.filter import spam_plot, spam_prior, spam_rebuild, spam_senders, spam_suggestions
from mailhub.cli.filter.spam_choice import choosing
from mailhub.cli.output import Context, clean, listing, print_json, printing, require_yes
from mailhub.errors import BadRequest

STEP = 200  # messages of one request


@click.group()
def spam() -> None:
    """The spam filter: it learns only from people, and what they teach can be taken back exactly."""


@spam.command()
@click.option("--as", "label", type=click.Choice(["spam", "ham"]), required=True, help="What they are.")
@printing
@choosing
def mark(context: Context, messages: Sequence[int], label: str) -> int:
    """Say that MESSAGES, or all that the filters mean, are spam, or ham. The last word wins.

    \b
    Example: mailhub spam mark 1000000007 --as spam
    Example: mailhub spam mark --contact offers@shop.example --as spam
    """
    return _label(context, "POST", messages, {"label": label})


@spam.command()
@click.argument("messages", nargs=-1, required=True, type=int)
@click.option("--as", "label", type=click.Choice(["spam", "ham"]), help="Only where this is the label.")
@printing
def unmark(context: Context, messages: tuple[int, ...], label: str | None) -> int:
    """Take the label of MESSAGES back: the filter forgets them.

    \b
    Example: mailhub spam unmark 1000000007
    """
    return _label(context, "DELETE", messages, {"label": label})


@spam.command()
@click.option("--user", help="Only those of this user: a login or id.")
@click.option("--mailbox", help="Only those by moves in this mailbox: an address or id.")
@listing
@printing
def marks(context: Context, limit: int, after: str | None, user: str | None, mailbox: str | None) -> None:
    """List marks given, latest first, and what each weighs; ALONE is the message's log-odds without it.

    \b
    Example: mailhub spam marks --user ana@example.com
    """
    columns = {
        "sequence": "SEQUENCE",
        "message": "MESSAGE",
        "label": "LABEL",
        "user": "USER",
        "given_at": "GIVEN",
    }
    columns |= {
        "source": "BY",
        "conflict": "DISPUTED",
        "revoked_at": "REVOKED",
        "log_odds": "LOG-ODDS",
        "alone": "ALONE",
    }
    context.table(
        context.rows("/v1/spam/marks", limit=limit, after=after, user=user, mailbox=mailbox), columns
    )


@spam.command()
@click.argument("sequences", nargs=-1, type=int)
@click.option("--user", help="All marks of this user (login or id) since --since.")
@click.option("--mailbox", help="All marks by moves in this mailbox (address or id) since --since.")
@click.option("--since", metavar="TIME", help="Since when, as 2026-11-23T08:00:00Z.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@printing
def revoke(
    context: Context,
    sequences: tuple[int, ...],
    user: str | None,
    mailbox: str | None,
    since: str | None,
    yes: bool,
) -> None:
    """Let marks count no more: what they replaced is in force again. `spam marks` lists their SEQUENCES.

    \b
    Example: mailhub spam revoke --user ana@example.com --since 2026-11-23T08:00:00Z
    """
    if (user or mailbox) and not sequences and not yes:
        require_yes(f"Let every mark of {user or mailbox} count no more?")
    body = {"sequences": list(sequences), "user": user, "mailbox": mailbox, "since": since}
    found = context.call("POST", "/v1/spam/revoke", body=body)
    if context.as_json:
        print_json(found)
        return
    click.echo(f"{len(found['sequences'])} marks count no more")
    columns = {
        "message": "MESSAGE",
        "outcome": "OUTCOME",
        "label": "LABEL",
        "verdict": "VERDICT",
        "state": "TICKET IS",
    }
    context.table(found["messages"], columns)


@spam.command()
@printing
@choosing
def reviewed(context: Context, messages: Sequence[int]) -> int:
    """Say that MESSAGES, or all that the filters mean, were seen where spam lies, and left there.

    Each that nobody spoke of is a weak word of spam: the filter goes on knowing what it catches. Whatever anybody
    marks or answers beats it; `spam unmark` takes it back.

    \b
    Example: mailhub spam reviewed --verdict spam --mailbox help@example.com
    """
    return _label(context, "POST", messages, {}, path="/v1/spam/reviewed")


def _label(
    context: Context,
    method: str,
    messages: Sequence[int],
    more: dict[str, Any],
    *,
    path: str = "/v1/spam/marks",
) -> int:
    found: list[dict[str, Any]] = []
    hidden = len(messages) <= STEP or not sys.stderr.isatty()

    with click.progressbar(length=len(messages), label="marking", file=sys.stderr, hidden=hidden) as bar:
        for start in range(0, len(messages), STEP):
            portion = list(messages[start : start + STEP])
            found += context.call(method, path, body={"messages": portion, **more})
            bar.update(len(portion))

    columns = {
        "message": "MESSAGE",
        "outcome": "OUTCOME",
        "label": "LABEL",
        "previous": "WAS",
        "conflict": "DISPUTED",
    }
    context.table(found, columns | {"verdict": "VERDICT", "state": "TICKET IS"})

    return (
        exits.DATAERR if any(each["outcome"] in ("not-found", "no-features") for each in found) else exits.OK
    )


spam.add_command(spam_senders.allow)
spam.add_command(spam_senders.deny)
spam.add_command(spam_suggestions.suggestions)
spam.add_command(spam_rebuild.rebuild)
spam.add_command(spam_plot.plot)
spam.add_command(spam_prior.prior)


@spam.command()
@click.argument("message")
@click.option(
    "--reasons", type=click.IntRange(1, 200), default=20, show_default=True, help="How many to show."
)
@printing
def explain(context: Context, message: str, reasons: int) -> None:
    """Show what in MESSAGE (an id, or a file) speaks for spam and what for ham, by the filter as it is now.

    \b
    Example: mailhub spam explain 1000000007
    """
    if message.isdecimal():
        found = context.call("GET", f"/v1/spam/explain/{message}", reasons=reasons)
    else:
        found = _explain_file(context, Path(message), reasons)

    if context.as_json:
        print_json(found)
        return

    click.echo(
        f"{found['verdict']}: probability {found['probability']:.4f}, log-odds {found['log_odds']:+.2f}"
    )
    if found["in_force"] is not None:
        evidence = context.cell("verdict_evidence", found)
        evidence = f" ({evidence})" if evidence else ""
        click.echo(f"in force: {found['in_force']}, by {found['verdict_reason']}{evidence}")

    click.echo(f"the filter knows {found['trained_spam']} spam and {found['trained_ham']} ham")
    _print_nearest(found["nearest"])
    columns = {"weight": "WEIGHT", "field": "WHERE", "words": "WHAT", "spam": "IN SPAM", "ham": "IN HAM"}
    context.table(found["evidence"], columns)


def _explain_file(context: Context, path: Path, reasons: int) -> dict[str, Any]:
    """A file's explanation by the daemon, or without one from the database itself."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BadRequest(f"{path}: {error.strerror}") from None
    try:
        found: dict[str, Any] = context.call("POST", "/v1/spam/explain", raw=raw, reasons=reasons)
    except NoDaemon:
        from mailhub.cli import offline

        found = offline.explain(context, raw, reasons)
    return found


def _print_nearest(nearest: dict[str, Any] | None) -> None:
    """What would change the verdict."""
    if nearest is None:
        return
    if nearest["missing_spam"] or nearest["missing_ham"]:
        more = f"{nearest['missing_spam']} more marks of spam and {nearest['missing_ham']} of ham"
        click.echo(f"with {more} it would be {nearest['verdict']}")
    else:
        words = ", ".join(clean(each["words"]) for each in nearest["without"][:5])
        click.echo(f"without {nearest['features']} features ({words}) it would be {nearest['verdict']}")


@spam.command()
@click.option("--threshold", type=float, required=True, help="Probability from which a mail would be spam.")
@click.option(
    "--ham-threshold", type=float, help="Probability up to which it would be ham; as configured otherwise."
)
@click.option(
    "--since", metavar="DAYS", default="30d", show_default=True, help="How far to look back, as 30d."
)
@printing
def backtest(context: Context, threshold: float, ham_threshold: float | None, since: str) -> None:
    """Show what mail that came would have become with another threshold, by the scores it had. Changes nothing.

    \b
    Example: mailhub spam backtest --threshold 0.95 --since 30d
    """
    days = since.removesuffix("d")
    if not days.isdecimal():
        raise BadRequest("--since takes days: 30d")

    wanted: dict[str, Any] = {"threshold": threshold, "ham_threshold": ham_threshold, "days": days}
    found = context.call("GET", "/v1/spam/backtest", **wanted)
    if context.as_json:
        print_json(found)
        return

    click.echo(f"{found['messages']} messages{'' if found['complete'] else ' (there are more)'}")
    context.table(found["moves"], {"was": "WAS", "becomes": "WOULD BE", "messages": "MESSAGES"})
    columns = {"was": "LABEL", "becomes": "VERDICT NOW", "messages": "MESSAGES"}
    context.table(found["labelled_now"], columns)
    context.table(found["labelled_tried"], columns | {"becomes": "VERDICT THEN"})


@spam.command()
@printing
def stats(context: Context) -> None:
    """Show how much the filter was taught, and when it decides.

    \b
    Example: mailhub spam stats
    """
    found = context.call("GET", "/v1/spam/stats")
    context.fields(found)
    if context.as_json:
        return

    if found["wrong_labels"]:
        click.echo(
            f"about {found['wrong_labels']:.1%} of the labels look wrong: `mailhub spam marks` shows what each weighs"
        )

    if found["not_counted"]:
        click.echo(
            f"{found['not_counted']} labels of another version do not count yet ({found['lost']} have lost their mail):"
        )
        click.echo("`mailhub spam rebuild` carries them over")


@spam.command()
@printing
def verify(context: Context) -> int:
    """Prove that the filter's counts are exactly the sum of the labels in force.

    Exits 0 when exact, 65 when they were damaged (they are mended then).

    \b
    Example: mailhub spam verify
    """
    found = context.call("POST", "/v1/spam/verify")
    context.fields(found)
    return exits.OK if found["state"] == "exact" else exits.DATAERR


HABIT_NAMES = {
    "ham_in_spam": "ham in spam, %",
    "ham_unsure": "ham unsure, %",
    "spam_called_ham": "spam called ham, %",
    "spam_unsure": "spam unsure, %",
}


def _write_results(path: Path | None, lines: Sequence[object]) -> None:
    if path is not None:
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", errors="surrogateescape")


@spam.command()
@click.argument("index", type=click.Path(path_type=Path))
@click.option("--feedback", default="immediate", show_default=True, help="immediate, delayed:N, or half.")
@click.option(
    "--habit",
    help="Learn only what people with this habit would say: all, mistakes, answers, reviewed, rare, lazy or"
    " lazy-reviewed.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the chances of --habit.")
@click.option(
    "--results", type=click.Path(path_type=Path), help="File: path, label, verdict, log-odds, with tabs."
)
@printing
def evaluate(
    context: Context, index: Path, feedback: str, habit: str | None, seed: int, results: Path | None
) -> None:
    """Judge the filter by the labelled messages of INDEX: it starts empty and learns as --feedback says.

    INDEX has a line `spam PATH` or `ham PATH` a message, relative to itself, in time order. Needs no daemon.
    With --habit it hears what an office would say: mistakes that were seen, mail that was answered or closed
    (rare: a third of that; lazy: some spam is closed, too; reviewed: half of what lies in spam is looked through);
    shares are of all but the first tenth.

    \b
    Example: mailhub spam evaluate corpus/index --feedback delayed:500 --results run.tsv
             mailhub spam evaluate corpus/index --habit mistakes
    """
    from classifier import habits
    from mailhub.config import file
    from mailhub.filter import evaluate
    from mailhub.filter.verdict import FilterSettings

    settings = FilterSettings.of(file.load(file.find(context.options.get("config"))))
    samples = evaluate.read_index(index)
    if habit is not None:
        seen = list(evaluate.judge_habit(samples, habit, settings, seed=seed))
        _write_results(results, [evaluate.Line(*astuple(each)) for each in seen])
        context.fields(asdict(habits.outcome(seen)), HABIT_NAMES)
        return

    judged = list(evaluate.judge(samples, feedback, settings))
    _write_results(results, judged)
    report = asdict(evaluate.summary(judged))
    names = {
        "documents": "messages",
        "spam": "spam",
        "hm": "ham lost (hm%)",
        "sm": "spam missed (sm%)",
        "lam": "lam%",
    }
    names |= {"roca": "1-ROCA%", "roca_low": "from", "roca_high": "to (95%)"}
    names |= {"caught_at_tenth": "spam caught at hm=0.1%", "caught_at_half": "spam caught at hm=0.5%"}
    context.fields(report, names)
