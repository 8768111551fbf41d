"""`mailhub spam prior build`: what speaks in the filter while an account has few marks of its own."""

from __future__ import annotations

from pathlib import Path

import click

from mailhub import keys
from mailhub.cli.output import Context, printing
from mailhub.config import file


@click.group()
def prior() -> None:
    """A shared prior from a corpus of yours: it fades as an account's own marks grow."""


@prior.command()
@click.argument("index", type=click.Path(path_type=Path))
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="File to write; name it in `spam.prior`."
)
@printing
def build(context: Context, index: Path, out: Path) -> None:
    """Count the labelled messages of INDEX (as for `spam evaluate`) into a prior for this site.

    Needs no daemon, but the root key: features carry a secret of the site, and the file is of use to no other.

    \b
    Example: mailhub spam prior build corpus/index --out /var/lib/mailhub/prior
    """
    from mailhub.filter import prior as priors
    from mailhub.filter.evaluate import read_index
    from mailhub.reading.prepare import Secrets

    config = file.load(file.find(context.options.get("config")))
    secret = Secrets.of(keys.load(config.storage.directory)).features
    counts = priors.build(read_index(index), secret=secret)
    priors.write(out, counts, secret=secret)
    context.fields({"spam": counts.spam, "ham": counts.ham, "file": str(out)})
