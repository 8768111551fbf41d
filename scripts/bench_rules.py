"""What the rules of an account cost a mail: `scripts/bench rules`. Milliseconds a mail, for rules of five kinds."""

from __future__ import annotations

import argparse
import time
from statistics import median

from mailhub.rules.facts import Facts, Later, TicketFacts
from mailhub.rules.form import read_rule
from mailhub.rules.matching import Ready, compiled

WHEN = (
    'subject = {{ contains = ["invoice {0}", "rechnung {0}"] }}',
    'from = {{ ends = "@customer{0}.example" }}',
    'words = "refund order{0}"',
    'to = "sales{0}@example.com"\nverdict = "ham"',
    'state = "pending"\nsubject = {{ begins = "re: {0}" }}',
)


def ready(count: int) -> list[Ready]:
    """So many rules, none of which holds for the mail below."""
    said = 'name = "rule {0}"\non = "filed"\n[when]\n{1}\n[then]\ntag = "x"\n'
    return [
        compiled(number, 1, read_rule(said.format(number, WHEN[number % 5].format(number))))
        for number in range(count)
    ]


def a_mail() -> Facts:
    """A mail of 2,000 distinct words."""
    words = frozenset(f"word{number}" for number in range(2000))
    ticket = TicketFacts(state="open", priority="normal", assignee="none", tags=(), waiting=True)
    return Facts(
        at=0,
        mailbox="support@example.com",
        sender="kim@customer.example",
        subject="my order of the other day does not work, and nor does the one before",
        verdict="unsure",
        files=False,
        ticket=Later(lambda: ticket),
        words=lambda: words,
        recipients=lambda: ("support@example.com",),
    )


def main() -> None:
    """Measure each number of rules, in turns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rules", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--mails", type=int, default=200)
    options = parser.parse_args()

    mail = a_mail()
    sets = {count: ready(count) for count in options.rules}
    took: dict[int, list[float]] = {count: [] for count in sets}
    for _ in range(options.mails):
        for count, rules in sets.items():
            began = time.perf_counter()
            fired = [rule for rule in rules if rule.holds(mail)]
            took[count].append(time.perf_counter() - began)
            assert not fired
    for count, each in took.items():
        print(f"{count:>6} rules  {1000 * median(each):8.3f} ms a mail")


if __name__ == "__main__":
    main()
