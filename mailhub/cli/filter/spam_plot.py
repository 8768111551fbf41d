"""`mailhub spam plot`: a run of `spam evaluate` to look at: how it learned, and how far apart spam and ham lie."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from mailhub.cli.output import Context, printing
from mailhub.errors import BadRequest, ConfigurationError

BINS = 24
REACH = 12.0  # log-odds at either end; what lies beyond counts there
WIDTH = 46  # characters of the longest bar
STEPS = 20  # points of the learning curve

Curve = Sequence[tuple[int, float]]  # messages so far, percent misjudged among the last of them
Heights = Sequence[int]  # messages in each bin of log-odds, from -REACH to REACH


@click.command()
@click.argument("results", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="A .png or .svg to draw instead."
)
@printing
def plot(context: Context, results: Path, out: Path | None) -> None:
    """Draw the learning curve and the scores of RESULTS, which `spam evaluate --results` wrote. Needs no daemon.

    A file needs the extra `plots` (pip install "mailhub[plots]"); in the terminal nothing.

    \b
    Example: mailhub spam plot run.tsv --out run.svg
    """
    curve, spam, ham = _read(results)
    if context.as_json:
        context.fields(
            {"curve": [list(point) for point in curve], "edges": _edges(), "spam": spam, "ham": ham}
        )
    elif out is None:
        _show(curve, spam, ham)
    else:
        _draw(curve, spam, ham, out)
        click.echo(f"{out}: drawn")


def _read(results: Path) -> tuple[Curve, list[int], list[int]]:
    from classifier.evaluation import Judged, learning_curve

    judged = []
    for number, line in enumerate(results.read_text("utf-8", "surrogateescape").splitlines(), 1):
        try:
            name, label, _, log_odds = line.rsplit("\t", 3)
            judged.append(Judged(name, label, float(log_odds), 0, 0))
        except ValueError:
            raise BadRequest(
                f"{results}:{number}: a line is PATH, LABEL, VERDICT, LOG-ODDS with tabs between"
            ) from None
    if not judged:
        raise BadRequest(f"{results} is empty")
    heights: dict[str, list[int]] = {"spam": [0] * BINS, "ham": [0] * BINS}
    for each in judged:
        place = int((min(max(each.log_odds, -REACH), REACH) + REACH) / (2 * REACH) * BINS)
        heights.setdefault(each.label, [0] * BINS)[min(place, BINS - 1)] += 1
    return learning_curve(judged, step=max(1, len(judged) // STEPS)), heights["spam"], heights["ham"]


def _edges() -> list[float]:
    return [-REACH + 2 * REACH * place / BINS for place in range(BINS + 1)]


def _show(curve: Curve, spam: Heights, ham: Heights) -> None:
    click.echo("misjudged, in percent, as the filter learned")
    most = max((share for _, share in curve), default=0) or 1
    for count, share in curve:
        click.echo(f"{count:>8}  {share:6.2f}  {'█' * round(WIDTH * share / most)}")
    click.echo("\nmessages by log-odds (spam above 0); ham ░, spam █, each to its own scale")
    for low, bad, good in zip(_edges(), spam, ham, strict=False):
        bars = [round(WIDTH * count / (max(kind) or 1)) for count, kind in ((good, ham), (bad, spam))]
        click.echo(f"{low:>+8.1f}  {good:>6} {bad:>6}  {'░' * bars[0]}{'█' * bars[1]}")


def _draw(curve: Curve, spam: Heights, ham: Heights, out: Path) -> None:
    if out.suffix not in (".png", ".svg"):
        raise BadRequest("--out ends in .png or .svg")

    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ConfigurationError(
            'drawing into a file needs matplotlib: pip install "mailhub[plots]"'
        ) from None

    figure: Any = Figure(figsize=(10, 4), layout="constrained")
    learned, scores = figure.subplots(1, 2)
    learned.plot([count for count, _ in curve], [share for _, share in curve], marker="o")
    learned.set(xlabel="messages", ylabel="misjudged (%)", title="Learning curve", ylim=(0, None))
    middles = [(low + high) / 2 for low, high in zip(_edges(), _edges()[1:], strict=False)]
    for heights, colour, name in ((ham, "tab:green", "ham"), (spam, "tab:red", "spam")):
        scores.bar(middles, heights, width=2 * REACH / BINS, color=colour, alpha=0.6, label=name)
    scores.set(xlabel="log-odds", ylabel="messages", title="Scores", yscale="log")
    scores.legend()
    figure.savefig(out, metadata={"Date": None} if out.suffix == ".svg" else None)
