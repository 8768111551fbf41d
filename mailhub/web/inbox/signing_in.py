"""/login, /login/enrol, /logout: getting into the inbox and out of it."""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from mailhub import clock
from mailhub.access import qr
from mailhub.access.passwords import MAXIMUM_LENGTH
from mailhub.callers.caller import Call, has_second_factor, require_open
from mailhub.callers.named import account_named
from mailhub.callers.origin import peer_of, require_admitted
from mailhub.errors import BadRequest, Forbidden, NotAuthenticated, TooManyRequests
from mailhub.people import enrolment, people
from mailhub.people import login as flow
from mailhub.web.inbox.screens import Screen, go_to, refusal, show
from mailhub.web.inbox.session import Visit, drop_cookie, require_own_page, set_cookie
from mailhub.web.room import Form, Visited, needed
from storage.database import Connection
from storage.people import users

router = APIRouter(route_class=Screen)

HOME = "/tickets"


@router.get("/")
def home() -> Response:
    """The inbox begins with what is open."""
    return go_to(HOME)


@router.get("/login")
def ask(next: str = HOME) -> Response:
    """The form."""
    return show("login.html", next=_own_path(next), problem="", email="")


@router.post("/login", dependencies=[Depends(require_own_page)])
def sign_in(request: Request, house: Visited, form: Form) -> Response:
    """Open a session and keep it in a cookie. Every failure is told alike, whichever part was wrong."""
    email, password = needed(form, ("email", "password"))
    after = _own_path(form.get("next", HOME))
    if len(password) > MAXIMUM_LENGTH:
        raise BadRequest(f"a password has at most {MAXIMUM_LENGTH} characters")
    claim = flow.Claim(
        login=email.strip(),
        password=password,
        code=form.get("code", "").replace(" ", "")[:100],
        account=account_named(house.database, form.get("account", "").strip() or None),
        peer=peer_of(request),
    )

    def admit(connection: Connection, account: int, role: str) -> None:
        require_admitted(request, connection, account, role)
        require_open(house, account, role, "/v1/login")

    try:
        opened = flow.login(house.login(), claim, admit=admit, now=clock.now())
    except (NotAuthenticated, TooManyRequests) as error:
        status = 429 if isinstance(error, TooManyRequests) else 401
        return show("login.html", status, next=after, problem=str(error), email=email)

    response = go_to(after)
    set_cookie(response, opened.bearer.text)
    return response


@router.post("/logout")
def sign_out(call: Visit) -> Response:
    """End the session, and whatever of it the browser kept."""
    _, user = enrolment.themselves(call.actor)
    if call.actor.session is None:
        raise Forbidden("this is no session")
    call.act(people.end_sessions, user, caller=call.actor, only=call.actor.session)
    response = go_to("/login")
    drop_cookie(response)
    return response


@router.get("/login/enrol")
def offer(call: Visit) -> Response:
    """Ask for the password once more: whoever took a session over locks nobody out with it."""
    if has_second_factor(call):
        return go_to(HOME)
    return show("enrol_begin.html", problem="", me=_login_of(call))


@router.post("/login/enrol")
def begin(request: Request, call: Visit, form: Form) -> Response:
    """A new secret, as QR code and as text. It counts once a code of it confirmed it."""
    if has_second_factor(call):
        raise Forbidden("you have a second factor: replace it with `mailhub user totp`")
    account, user = enrolment.themselves(call.actor)
    (password,) = needed(form, ("password",))
    with call.house.database.read() as connection:
        found = users.find_user(connection, account, user)

    try:
        flow.confirm_password(
            call.house.login(),
            found.email if found else "",
            found.password_hash if found else None,
            password,
            peer=peer_of(request),
            now=clock.now(),
        )
    except (NotAuthenticated, Forbidden) as error:
        return show("enrol_begin.html", 401, problem=str(error), me=_login_of(call))

    begun = call.act(enrolment.begin, call.house.keys, caller=call.actor)
    return show("enrol.html", svg=qr.svg(begun.uri), secret=begun.secret, me=_login_of(call))


@router.post("/login/enrol/confirm")
def confirm(call: Visit, form: Form) -> Response:
    """Put the secret in force; the recovery codes, for the only time."""
    if has_second_factor(call):
        raise Forbidden("your second factor is in force already")
    (code,) = needed(form, ("code",))
    try:
        codes = call.act(enrolment.confirm, call.house.keys, code.replace(" ", ""), caller=call.actor)
    except BadRequest as error:
        return refusal(error)
    return show("recovery_codes.html", codes=codes, me=_login_of(call))


def _login_of(call: Call) -> str:
    account, user = enrolment.themselves(call.actor)
    with call.house.database.read() as connection:
        found = users.find_user(connection, account, user)
    return found.email if found else ""


def _own_path(text: str) -> str:
    """A path of ours to go on to; anything that could lead elsewhere leads home (CWE-601)."""
    parts = urlsplit(text)
    plain = text.isascii() and text.isprintable() and "\\" not in text
    own = text.startswith("/") and not text.startswith("//") and not parts.scheme and not parts.netloc
    return text if plain and own and not text.startswith("/v1") else HOME
