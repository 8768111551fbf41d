"""Settings of who may come in, and of how they log in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .setting import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Admin:
    """The API on a Unix socket, for the machine's administrator and the command line."""

    socket: Path = setting(Path("/run/mailhub/admin.sock"), "Path of the admin socket.", restart=True)
    socket_mode: str = setting(
        "0600", "Permissions of the socket; 0660 lets its group in.", choices=("0600", "0660"), restart=True
    )
    users: dict[str, str] = setting(
        {}, 'Who a local uid is: { "1000" = "ana@example.com" }, the user\'s login.'
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """How people log in."""

    second_factor_from: str = setting(
        "admin",
        "The lowest role that needs a second factor: until it has one, a login opens nothing but its enrolment.",
        choices=("nobody", "owner", "admin", "agent"),
    )
    idle_minutes: float = setting(
        480.0, "A session ends when it is unused for so long.", unit="minutes", minimum=1
    )
    session_hours: float = setting(
        168.0, "A session ends so long after the login.", unit="hours", minimum=0.1
    )
    link_hours: float = setting(
        24.0,
        "How long an invitation or a link to set a password works.",
        unit="hours",
        minimum=0.1,
        maximum=24,
    )
