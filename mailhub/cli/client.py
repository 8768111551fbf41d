"""The API's client: http.client over the admin socket (16 ms a whole call, nothing to install).

Must not: import asyncio or any HTTP library; it is on the path of every command.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote, urlencode

from mailhub.cli import exits
from mailhub.config import file
from mailhub.errors import ConfigurationError, MailhubError
from mailhub.system.socket_path import reachable

PIECE_BYTES = 64 * 1024
PAGE = 500  # rows asked for at once when a list is printed whole
CHECKOUT_SOCKET = Path("var/run/admin.sock")
SYSTEM_SOCKET = Path("/run/mailhub/admin.sock")
TOKEN_FILE = Path("mailhub/token")  # below XDG_CONFIG_HOME


class NoDaemon(MailhubError):
    """Nobody answers on the admin socket."""

    exit_status = exits.UNAVAILABLE


class ApiError(MailhubError):
    """The daemon refused or failed; ``str`` is its own text with the id its log has."""

    def __init__(self, http_status: int, problem: dict[str, Any]) -> None:
        reference = f" (error {problem['id']})" if problem.get("id") and http_status >= 500 else ""
        super().__init__(f"{problem.get('detail') or problem.get('title', 'error')}{reference}")
        self.http_status = http_status
        self.code = str(problem.get("code", ""))
        self.temporary = http_status >= 500
        self.exit_status = exits.of_problem(http_status, self.code)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        with reachable(self._path) as name:
            self.sock.connect(name)


class Client:
    """One connection to the daemon, kept open between calls."""

    def __init__(self, path: Path, *, token: str | None = None, timeout: float = 300.0) -> None:
        self.path = path
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._connection = _UnixConnection(path, timeout)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        self._connection.close()

    def call(
        self, method: str, path: str, *, body: Any = None, raw: bytes | None = None, **query: Any
    ) -> Any:
        """One call; the decoded JSON answer. Raises ``ApiError`` or ``NoDaemon``."""
        return json.loads(self.fetch(method, path, body=body, raw=raw, **query) or b"null")

    def fetch(
        self, method: str, path: str, *, body: Any = None, raw: bytes | None = None, **query: Any
    ) -> bytes:
        """One call; the answer as it came. Parameters that are None are left out."""
        target = _target(path, query)
        headers = dict(self._headers)
        data = raw

        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        elif raw is not None:
            headers["Content-Type"] = "message/rfc822"

        status, answer = self._exchange(method, target, data, headers)
        if status >= 400:
            raise ApiError(status, _problem(answer))

        return answer

    def download(self, path: str, *, body: Any = None, **query: Any) -> Iterator[bytes]:
        """One GET, or with a body POST; the answer's bytes as they come.

        Raises ``ApiError`` or ``NoDaemon``, also when it breaks off.
        """
        headers = dict(self._headers)
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"

        with _spoken(self):
            response = self._request("GET" if data is None else "POST", _target(path, query), data, headers)
            if response.status >= 400:
                raise ApiError(response.status, _problem(response.read()))
            while piece := response.read(PIECE_BYTES):
                yield piece

    def _exchange(
        self, method: str, target: str, data: bytes | None, headers: dict[str, str]
    ) -> tuple[int, bytes]:
        with _spoken(self):
            response = self._request(method, target, data, headers)
            return response.status, response.read()

    def _request(
        self, method: str, target: str, data: bytes | None, headers: dict[str, str]
    ) -> http.client.HTTPResponse:
        self._connection.request(method, target, body=data, headers=headers)
        return self._connection.getresponse()

    def pages(
        self, path: str, *, limit: int, after: str | None = None, **query: Any
    ) -> Iterator[dict[str, Any]]:
        """The rows of a list, page by page: ``limit`` of them, all with 0."""
        left = limit
        while True:
            size = min(left, PAGE) if limit else PAGE
            page = self.call("GET", path, limit=size, after=after, **query)
            yield from page["items"]
            left -= len(page["items"])
            after = page["next"]
            if after is None or (limit and left <= 0):
                return


@contextmanager
def _spoken(client: Client) -> Iterator[None]:
    """What can go wrong on the socket, as ``NoDaemon``; the connection is closed then."""
    try:
        yield
    except (FileNotFoundError, ConnectionRefusedError):
        client.close()
        raise NoDaemon(f"no daemon answers on {client.path}: is `mailhub serve` running?") from None
    except PermissionError:
        error = NoDaemon(f"the admin socket {client.path} may not be opened by you")
        error.exit_status = exits.NOPERM
        raise error from None
    except (OSError, http.client.HTTPException) as error:
        client.close()
        raise NoDaemon(f"the daemon on {client.path} did not answer: {type(error).__name__}") from None


def _target(path: str, query: Mapping[str, Any]) -> str:
    given = {name: value for name, value in query.items() if value is not None}
    return quote(path, safe="/") + ("?" + urlencode(given, doseq=True) if given else "")


def _problem(answer: bytes) -> dict[str, Any]:
    try:
        problem = json.loads(answer)
    except ValueError:
        return {"detail": "the daemon gave an answer that is no JSON"}
    return problem if isinstance(problem, dict) else {}


def socket_path(explicit: str | None, config_path: str | None) -> Path:
    """Where the daemon listens: --socket, MAILHUB_ADMIN__SOCKET, the configuration, the checkout's, the system's."""
    if explicit:
        return Path(explicit)
    if named := os.environ.get("MAILHUB_ADMIN__SOCKET"):
        return Path(named)

    found = file.find(config_path)
    if found is not None and os.access(found, os.R_OK):
        return file.read(found)[0].admin.socket  # another setting may be wrong: `status` works all the same
    if config_path:
        raise ConfigurationError("the configuration cannot be read", where=config_path)

    return CHECKOUT_SOCKET if CHECKOUT_SOCKET.exists() else SYSTEM_SOCKET


def token_file() -> Path:
    """Where ``mailhub login`` keeps the ApiToken."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / TOKEN_FILE


def saved_token() -> str | None:
    """The ApiToken to send: MAILHUB_TOKEN, else the one that ``mailhub login`` keeps."""
    if token := os.environ.get("MAILHUB_TOKEN"):
        return token
    try:
        return token_file().read_text(encoding="ascii").strip() or None
    except (OSError, ValueError, RuntimeError):
        return None


def connect(context: dict[str, Any]) -> Client:
    """A client for the command that runs, from the root command's options."""
    return Client(socket_path(context.get("socket"), context.get("config")), token=saved_token())
