"""Secrets from the terminal without an echo, or from standard input, a line each: never from the command line.

What stands in ``argv`` or the environment can be read by everybody on the machine who may list processes.
"""

from __future__ import annotations

import os
import sys

import click


def ask(what: str, *, twice: bool = False) -> str:
    """One secret: asked for on a terminal (``twice``: once more, to be sure), else the next line of standard input."""
    if os.isatty(0):
        answer: str = click.prompt(
            what, hide_input=True, default="", show_default=False, confirmation_prompt=twice
        )
        return answer
    return sys.stdin.readline().rstrip("\r\n")
