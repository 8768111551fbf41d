"""What an account's stages should be, told a second time and plainly, in true time: the model of the campaign.

It knows nothing of mailhub: the periods are the table's, in microseconds. Beside where an account is it keeps
how it came there, and checks every step of its own against the promises, in ``faults``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

DAY = 24 * 60 * 60 * 1_000_000
ORDER = ["suspended", "terminated", "deleted", "purged"]
DAYS = {"trial": 14, "active": 7, "suspended": 60, "terminated": 30, "deleted": 30}
SLACK = 3 * DAY  # sweeps are half a day apart: two warnings and the step each wait for one


@dataclass
class Modelled:
    """One account."""

    billing: str
    born: int
    stage: str = ""
    entered: int = 0
    counts_from: int | None = None
    before: str = ""
    why: str = ""
    asked: bool = False
    warned: list[int] = field(default_factory=list)  # when: seven days before, one day before
    held: list[tuple[int, int]] = field(default_factory=list)
    path: list[str] = field(default_factory=list)
    lost: int = 0  # time of the running term in which no sweep could do anything
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stage = "trial" if self.billing == "external" else "active"
        self.entered, self.path = self.born, [self.stage]
        self.counts_from = self.born if self.billing == "external" else None

    def is_held(self, at: int) -> bool:
        """Whether a hold is in force."""
        return any(since <= at < until for since, until in self.held)

    def next_end(self) -> int | None:
        """When the running term ends, the warnings aside."""
        return None if self.counts_from is None or self.asked else self.counts_from + DAYS[self.stage] * DAY

    def away(self, span: int) -> None:
        """No sweep could do anything for a while."""
        self.lost += span

    def go(self, to: str, at: int, why: str) -> None:
        """Enter a stage."""
        self.before, self.why = (self.stage if to == "suspended" else ""), why
        self.stage, self.entered = to, at
        self.path.append(to)
        self.restart(at if to != "active" and to != "purged" else None)
        if self.billing == "none" and to != "deleted" and not self.asked:
            self.counts_from = None

    def restart(self, at: int | None) -> None:
        """A term begins, or none runs."""
        self.counts_from, self.warned, self.lost = at, [], 0

    def sweep(self, at: int) -> None:
        """What one sweep may do: one warning or one step."""
        if self.stage == "purged" or self.counts_from is None:
            return
        if self.asked and self.stage != "deleted":
            self.step(at, "asked")
            return
        end = self.counts_from + DAYS[self.stage] * DAY
        if self.stage != "deleted":
            for place, days in enumerate((7, 1)):
                if len(self.warned) == place:
                    if at > end - days * DAY:
                        self.warned.append(at)
                    return
                end = max(end, self.warned[place] + days * DAY)
        if at > end:
            self.step(at, "term")

    def step(self, at: int, why: str) -> None:
        """The next stage, unless it is held."""
        if self.is_held(at):
            return
        to = "suspended" if self.stage in ("trial", "active") else ORDER[ORDER.index(self.stage) + 1]
        if why == "term":
            self.promise(at)
            why = {"trial": "trial", "active": "money"}.get(self.stage, why)
        self.go(to, at, why)

    def promise(self, at: int) -> None:
        """What is promised of every step that time brings."""
        assert self.counts_from is not None
        term, took = DAYS[self.stage] * DAY, at - self.counts_from
        if took <= term:
            self.faults.append(f"{self.stage} lasted {took} us of {term}")
        if self.stage != "deleted" and (at - self.warned[0] < 7 * DAY or at - self.warned[1] < DAY):
            self.faults.append(f"{self.stage} ended before its warnings' time")
        kept = sum(max(0, min(until, at) - max(since, self.counts_from)) for since, until in self.held)
        if took > term + 8 * DAY + SLACK + self.lost + kept:
            self.faults.append(f"{self.stage} outlived its term: {took / DAY:.1f} days")

    def act(self, what: str, at: int) -> bool:
        """What a person or billing does; whether it is taken."""
        return bool(getattr(self, f"_{what}")(at))

    def _fail(self, at: int) -> bool:
        if self.billing == "external" and self.stage == "active" and self.counts_from is None:
            self.restart(at)
        return self.billing == "external"

    def _pay(self, at: int) -> bool:
        if self.billing != "external" or self.asked or self.why == "operator":
            return self.billing == "external"
        if self.stage in ("trial", "suspended"):
            self.go("active", at, "paid")
        elif self.stage == "active":
            self.restart(None)
        return True

    def _lift(self, at: int) -> bool:
        if self.stage != "suspended" or self.why == "operator":
            return False
        of_trial = self.before == "trial"
        if of_trial and at > self.born + DAYS["trial"] * DAY:
            taken = self.asked
            if taken:  # only the request is taken back
                self.asked, self.why = False, "trial"
                self.restart(at)
            return taken
        owes = self.why == "money" and self.before == "active"
        self.asked = False
        self.go(self.before, at, "lifted")
        if owes:
            self.restart(at)
        if of_trial:
            self.restart(self.born)
        return True

    def _ask(self, at: int) -> bool:
        if self.stage in ("deleted", "purged"):
            return False
        if not self.asked:
            self.asked, self.counts_from = True, at
        return True

    def _suspend(self, at: int) -> bool:
        if self.stage not in ("trial", "active") or self.asked:
            return False
        self.go("suspended", at, "operator")
        return True

    def _activate(self, at: int) -> bool:
        if self.stage != "trial" or self.asked:
            return False
        self.go("active", at, "operator made it")
        return True

    def _terminate(self, at: int) -> bool:
        if self.stage != "suspended" or self.is_held(at):
            return False
        self.go("terminated", at, "operator ended it")
        return True
