"""The whole way in, with the real daemon: the command line, codes in parallel, and where secrets are not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyotp
import pytest

from mailhub.cli.client import ApiError, Client

if TYPE_CHECKING:
    from storage.database import Database
    from tests.houses.hub import Hub

PASSWORD = "canary sentence nobody guesses"


def add_user(hub: Hub, name: str, role: str = "agent") -> str:
    """A user who set their own password by an invitation; their login."""
    email = f"{name}@example.com"
    link = hub.json("user", "invite", email, "--role", role)["link"]
    done = hub.run("user", "password", "--link", stdin=f"{link}\n{PASSWORD}\n".encode())
    assert done.returncode == 0, done.stderr
    return email


def open_session(hub: Hub, email: str, code: str = "", password: str = PASSWORD) -> str:
    """Log in over HTTP; what opens the session."""
    body = {"email": email, "password": password, "code": code}
    return str(hub.call("POST", "/v1/login", body=body)["session"])


def enrol(hub: Hub, session: str) -> pyotp.TOTP:
    """Give the session's user a second factor, by a code of the step before."""
    app = pyotp.TOTP(
        hub.call("POST", "/v1/second-factor", token=session, body={"password": PASSWORD})["secret"]
    )
    code = app.at(time.time() - 30)
    confirmed = hub.call("POST", "/v1/second-factor/confirm", token=session, body={"code": code})
    assert len(confirmed["recovery_codes"]) == 10
    return app


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_one_code_in_fifty_parallel_logins(
    idle_hub: Hub, engine: str, request: pytest.FixtureRequest
) -> None:
    """Fifty connections to the daemon show one code at once: one counts, whatever the others hear."""
    if engine == "postgresql":
        database: Database = request.getfixturevalue("postgresql_database")
        idle_hub.environment["MAILHUB_STORAGE__URL"] = database.url.render_as_string(hide_password=False)
        assert idle_hub.run("init").returncode == 0
    idle_hub.start()
    email = add_user(idle_hub, "fifty")
    session = open_session(idle_hub, email)
    app = enrol(idle_hub, session)
    code = app.now()

    def attempt(_number: int) -> str:
        with Client(idle_hub.socket, token=session, timeout=60) as client:
            try:
                client.call("POST", "/v1/login/fresh", body={"code": code})
            except ApiError as error:
                return error.code
        return "fresh"

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(attempt, range(50)))
    assert answers.count("fresh") == 1
    assert set(answers) <= {"fresh", "not-authenticated", "too-many-requests"}


def test_login_on_the_command_line(own_hub: Hub) -> None:
    """Invited, logged in with a password, then with a code; fresh for what cannot be undone; logged out."""
    hub, email = own_hub, add_user(own_hub, "ana", "admin")
    own = {"XDG_CONFIG_HOME": str(hub.directory / "ana")}
    done = hub.run("login", email, "--json", stdin=f"{PASSWORD}\n\n".encode(), environment=own)
    assert json.loads(done.stdout)["role"] == "admin", done.stderr
    kept = hub.directory / "ana/mailhub/token"
    assert kept.stat().st_mode & 0o777 == 0o600
    refused = hub.run("user", "list", environment=own)
    assert (refused.returncode, b"second factor" in refused.stderr) == (77, True)
    secret = enrol_on_command_line(hub, own)
    assert hub.run("user", "list", environment=own).returncode == 0
    hub.json("user", "add", "leo@example.com")
    assert (
        hub.run("user", "delete", "leo@example.com", environment=own).returncode == 0
    )  # the code made it fresh
    assert hub.run("logout", environment=own).returncode == 0
    assert not kept.exists()
    code = pyotp.TOTP(secret).at(time.time() + 30)
    wrong = hub.run("login", email, stdin=f"{PASSWORD}x\n{code}\n".encode(), environment=own)
    assert (wrong.returncode, b"wrong login, password or code" in wrong.stderr) == (77, True)
    assert hub.run("login", email, stdin=f"{PASSWORD}\n{code}\n".encode(), environment=own).returncode == 0
    assert hub.json("user", "sessions", email)[0]["user"]


def enrol_on_command_line(hub: Hub, own: dict[str, str]) -> str:
    """`user totp` shows the secret and then waits for the code, so its standard input is fed by hand; the secret."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "mailhub", "--config", str(hub.config), "user", "totp"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**hub.environment, "HOME": str(hub.directory), **own},
        cwd=hub.directory,
    )
    assert process.stdin
    assert process.stdout
    process.stdin.write(f"{PASSWORD}\n".encode())
    process.stdin.flush()
    shown = b""
    while b"by hand: " not in shown or not shown.endswith(b"\n"):
        shown += process.stdout.readline()
    secret = shown.partition(b"by hand: ")[2].split()[0].decode()
    assert "▀".encode() in shown  # the QR code
    rest, _ = process.communicate(pyotp.TOTP(secret).now().encode() + b"\n", timeout=60)
    assert b"Recovery codes" in rest
    return secret


def test_secrets_are_nowhere_but_with_their_owner(own_hub: Hub) -> None:
    """Password, session, ApiToken, link and TOTP secret appear in no argv, environment, log, traceback or database."""
    hub = own_hub
    link = hub.json("user", "invite", "canary@example.com")["link"]
    hub.run("user", "password", "--link", stdin=f"{link}\n{PASSWORD}\n".encode())
    session = open_session(hub, "canary@example.com")
    app = enrol(hub, session)
    token = hub.call("POST", "/v1/tokens", token=session, body={"name": "canary"})["token"]
    for wrong in (PASSWORD + "!", PASSWORD):
        with pytest.raises(ApiError):
            open_session(hub, "canary@example.com", "000000", wrong)
    hub.run("login", stdin=f"{token[:-1]}\n".encode())
    hub.run("user", "password", "--link", stdin=f"{link}\n{PASSWORD}\n".encode())
    secrets = [PASSWORD, session, token, link, app.secret]
    assert hub.process is not None
    process = Path(f"/proc/{hub.process.pid}")
    places = {name: (process / name).read_bytes() for name in ("cmdline", "environ")}
    places |= {"log": hub.log.encode(), **{str(path): path.read_bytes() for path in files(hub.directory)}}
    found = {
        place: [secret for secret in secrets if secret.encode() in text] for place, text in places.items()
    }
    assert [place for place, secret in found.items() if secret] == []


def files(directory: Path) -> list[Path]:
    """Every file of a data directory, the database and its write-ahead log among them."""
    return [
        Path(root) / name
        for root, _, names in os.walk(directory)
        for name in names
        if not name.endswith(".sock")
    ]


def test_a_role_change_acts_on_an_open_session(own_hub: Hub) -> None:
    """What an admin's session may do ends with the role, at the next request; ending the session ends the rest."""
    email = add_user(own_hub, "max")
    session = open_session(own_hub, email)
    own_hub.json("user", "role", email, "owner")
    with pytest.raises(ApiError, match="second factor"):
        own_hub.call("GET", "/v1/users", token=session)
    own_hub.json("user", "role", email, "agent")
    shown: Any = own_hub.call("GET", "/v1/users", token=session)
    assert {each["role"] for each in shown["items"]} == {"owner", "agent"}
    assert own_hub.run("user", "sessions", email, "--end-all").returncode == 0
    with pytest.raises(ApiError, match="log in again"):
        own_hub.call("GET", "/v1/users", token=session)
