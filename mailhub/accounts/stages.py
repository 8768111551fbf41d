"""Account stages as pure decisions: the table of transitions, and what is due. No clock, no database, no settings file.

    trial -> suspended      after the trial            active -> suspended      billing has failed for longer than this
    suspended -> terminated nobody asked to lift it    terminated -> deleted    after the term
    deleted -> purged       when the backups must be gone

A term counts from ``term_began_at``: the stage's real entry, in ``active`` the first failure since the last
success. Before a step the owner is warned twice. A warning that was not given yet postpones the step: the
whole warning time passes after the warning, so a daemon that was down makes a stage longer, never shorter.
The last step has no warning: whom to write to is deleted with the account. An owner who asked for deletion
waits for no term and no warning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mailhub import clock
from mailhub.config import Lifecycle
from storage.accounts.accounts import Account


@dataclass(frozen=True, slots=True)
class Transition:
    """Where a stage leads by itself: after ``term`` (a period of ``[lifecycle]``), for ``reason``."""

    to: str
    term: str
    reason: str
    warned: bool = True
    on_request: bool = True  # an owner who asked for deletion does not wait for the term


TRANSITIONS: Mapping[str, Transition] = {
    "trial": Transition("suspended", "trial_days", "trial-ended"),
    "active": Transition("suspended", "failing_days", "payment-failed"),
    "suspended": Transition("terminated", "suspended_days", "not-lifted"),
    "terminated": Transition("deleted", "terminated_days", "term-ended"),
    "deleted": Transition("purged", "deleted_days", "term-ended", warned=False, on_request=False),
}
ASKED = "owner-asked"


@dataclass(frozen=True, slots=True)
class Due:
    """What has to be done now: enter ``to``, or with ``warn_days`` warn that it will be entered at ``step_at``."""

    to: str
    reason: str
    step_at: int
    warn_days: int | None = None


def warning_days(settings: Lifecycle) -> tuple[int, ...]:
    """Days before a step at which the owner is warned, the earliest first."""
    return tuple(sorted({settings.first_warning_days, settings.last_warning_days}, reverse=True))


def due(account: Account, warned: Mapping[int, int], now: int, settings: Lifecycle) -> Due | None:
    """What is due now, None for nothing. ``warned``: when each warning of the running term was given, by days.

    A step is due when its whole term has passed (later than, not at, its end).
    """
    step = TRANSITIONS.get(account.stage)
    if step is None or account.term_began_at is None:
        return None
    if account.deletion_asked_at is not None and step.on_request:
        return Due(step.to, ASKED, now)

    at = account.term_began_at + _term(settings, step)
    for days in warning_days(settings) if step.warned else ():
        given = warned.get(days)
        if given is None:
            late = max(at, now + days * clock.DAY)
            return Due(step.to, step.reason, late, days) if now > at - days * clock.DAY else None
        at = max(at, given + days * clock.DAY)

    return Due(step.to, step.reason, at) if now > at else None


def next_step(account: Account, warned: Mapping[int, int], now: int, settings: Lifecycle) -> Due | None:
    """The next step, and when at the earliest if every warning is given in time; None when none will come."""
    step = TRANSITIONS.get(account.stage)
    if step is None or account.term_began_at is None:
        return None
    if account.deletion_asked_at is not None and step.on_request:
        return Due(step.to, ASKED, now)
    at = account.term_began_at + _term(settings, step)
    for days in warning_days(settings) if step.warned else ():
        at = max(at, warned.get(days, now) + days * clock.DAY)
    return Due(step.to, step.reason, at)


def looked_at(stage: str, now: int, settings: Lifecycle) -> int:
    """Terms of this stage that began by then may have something due now: the bound of the sweep's query."""
    step = TRANSITIONS[stage]
    ahead = warning_days(settings)[0] * clock.DAY if step.warned else 0
    return max(0, now - _term(settings, step) + ahead)  # 0 is the term of who asked for deletion


def trial_is_over(account: Account, now: int, settings: Lifecycle) -> bool:
    """Whether a trial's whole term has passed since the account was made, whatever stages it was in meanwhile."""
    return now > account.created_at + _term(settings, TRANSITIONS["trial"])


def _term(settings: Lifecycle, step: Transition) -> int:
    days: float = getattr(settings, step.term)
    return int(days * clock.DAY)
