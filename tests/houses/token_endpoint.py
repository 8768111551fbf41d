"""A stand-in for a provider's OAuth endpoints, on loopback: gives tokens, rotates, revokes, and tells what a token is.

``/token`` serves every grant that mailhub uses, ``/device`` begins a consent, ``/introspect`` is what Dovecot's oauth2
passdb asks. What is good is what ``Endpoint`` says at the moment.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

CLIENT, SECRET = "mailhub-at-example", "s3cret of the client"


@dataclass(kw_only=True)
class Endpoint:
    """What the provider knows."""

    url: str
    seconds: int = 3600  # the life of an access token as told
    refresh_seconds: int | None = None
    rotates: bool = True
    agreed: bool = False  # the person has typed the code in
    fails: int = 0  # answers 503 to so many requests
    raw: bytes | None = None  # what is answered, whatever was asked
    refresh: set[str] = field(default_factory=set)  # refresh tokens that are good
    access: dict[str, tuple[str, float]] = field(default_factory=dict)  # good ones: user, not before
    codes: dict[str, str] = field(default_factory=dict)  # code -> challenge
    forms: list[dict[str, str]] = field(default_factory=list)  # what was asked of /token
    user: str = ""

    def new_refresh(self) -> str:
        """A refresh token that is good."""
        token = secrets.token_urlsafe(24)
        self.refresh.add(token)
        return token

    def agree(self, url: str) -> str:
        """Consent at the page that mailhub named; the address that the browser ends at."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        code = secrets.token_urlsafe(16)
        self.codes[code] = query["code_challenge"]
        return f"{query['redirect_uri']}/?state={query['state']}&code={code}"

    def answer(self, path: str, form: dict[str, str]) -> tuple[int, Any]:
        """Status and object."""
        if path.startswith("/introspect"):
            user, not_before = self.access.get(form.get("token", ""), ("", 0.0))
            active = bool(user) and time.monotonic() >= not_before
            return 200, {"active": active, "email": user, "username": user}
        if self.fails:
            self.fails -= 1
            return 503, {}
        if path == "/device":
            told = {"device_code": "dc", "user_code": "AB-CD", "verification_uri": f"{self.url}/go"}
            return 200, {**told, "expires_in": 600, "interval": 1}
        self.forms.append(form)
        error = self._error(form)
        return (
            (400, {"error": error, "error_description": "AADSTS700082: x"})
            if error
            else (200, self._given(form))
        )

    def _error(self, form: dict[str, str]) -> str:
        kind = form["grant_type"]
        if form["client_id"] != CLIENT:
            return "invalid_client"
        if kind == "refresh_token":
            return "" if form["refresh_token"] in self.refresh else "invalid_grant"
        if kind == "authorization_code":
            digest = hashlib.sha256(form["code_verifier"].encode()).digest()
            challenge = urlsafe_b64encode(digest).rstrip(b"=").decode()
            return "" if self.codes.pop(form["code"], None) == challenge else "invalid_grant"
        if kind == "client_credentials":
            return "" if form.get("client_secret") == SECRET else "invalid_client"
        return "" if self.agreed else "authorization_pending"

    def _given(self, form: dict[str, str]) -> dict[str, Any]:
        access = secrets.token_urlsafe(24)
        self.access[access] = (self.user, 0.0)
        answer: dict[str, Any] = {"access_token": access, "token_type": "Bearer", "expires_in": self.seconds}
        if form["grant_type"] == "refresh_token" and self.rotates:
            self.refresh.discard(form["refresh_token"])
        if form["grant_type"] != "client_credentials" and (
            self.rotates or form["grant_type"] != "refresh_token"
        ):
            answer["refresh_token"] = self.new_refresh()
        if self.refresh_seconds is not None:
            answer["refresh_token_expires_in"] = self.refresh_seconds
        return answer


@contextmanager
def token_endpoint() -> Iterator[Endpoint]:
    """Serve it on a port of its own, until the end."""

    class Handler(BaseHTTPRequestHandler):
        endpoint: ClassVar[Endpoint]

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            status, found = self.endpoint.answer(self.path, form)
            answer = self.endpoint.raw or json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Handler.endpoint = Endpoint(url=f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield Handler.endpoint
        finally:
            server.shutdown()
            thread.join()
