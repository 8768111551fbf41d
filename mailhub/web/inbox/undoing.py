"""What was done a moment ago, in words, with the form that takes it back. It stands in the address, so it survives a
reload and needs nothing kept; whoever invents one can do no more than the form beside any ticket does.
"""

from __future__ import annotations

from dataclasses import dataclass

from mailhub.callers.names import is_id


@dataclass(frozen=True, slots=True)
class Undoable:
    """An act that can be undone."""

    text: str
    action: str  # where the form that undoes it is sent


WORDS = {
    "closed": ("#{0} is closed.", "/tickets/{0}/reopen"),
    "pended": ("#{0} waits for the other side.", "/tickets/{0}/reopen"),
    "snoozed": ("#{0} is put off.", "/tickets/{0}/reopen"),
    "trashed": ("#{0} is in the trash.", "/tickets/{0}/restore"),
    "spam": ("#{0}: marked as spam; the filter has learnt it.", "/messages/{1}/unmark"),
    "sent": ("#{0}: your answer goes out in a moment.", "/drafts/{1}/undo"),
    "ham": ("#{0}: marked as no spam; the filter has learnt it.", "/messages/{1}/unmark"),
}


def of(done: str) -> Undoable | None:
    """The act that ``done`` names, as ``closed-17`` or ``spam-17-1000000042``; None for anything else."""
    verb, *names = done.split("-")
    if verb not in WORDS or not all(map(is_id, names)):
        return None
    text, action = WORDS[verb]
    if len(names) != 1 + ("{1}" in action):
        return None
    return Undoable(text.format(*names), action.format(*names))
