"""/password: somebody forgot their password; /password/LINK: they set one, by a link of an invitation or reset.

Asking is answered before anything is looked up, always alike. Opening the link only shows a form.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from mailhub import clock
from mailhub.access.bearers import Kind, bearer_hash, kind_of
from mailhub.access.passwords import MAXIMUM_LENGTH, require_length
from mailhub.errors import BadRequest, NotFound
from mailhub.house import House
from mailhub.outbound import letters
from mailhub.people import people
from mailhub.web import html
from mailhub.web.privacy import note
from mailhub.web.room import Form, Visited, answer, needed, page, require_patience

router = APIRouter()

LOGIN_CHARACTERS = 254
ASKED = "If somebody has this login, a letter with a link to set a new password is on its way to it."


@router.get("/password")
@page
def ask_page(house: Visited) -> Response:
    """The form."""
    _require_offered(house)
    fields = [html.field("email", "Your login, which is your address", kind="email", complete="username")]
    return answer("Set a new password", html.form("Send me a link", fields))


@router.post("/password")
@page
def ask(request: Request, house: Visited, form: Form) -> Response:
    """Ask; the same answer whether somebody has the login or not."""
    _require_offered(house)
    require_patience(request)
    [email] = needed(form, ("email",))
    now = clock.now()
    post = house.post
    expires_at = now + int(house.config.login.link_hours * clock.HOUR)

    if len(email) <= LOGIN_CHARACTERS:
        login = email.strip().lower()
        work = house.writer.submit(people.forgotten, post, login, expires_at=expires_at, now=now)
        work.add_done_callback(note("password"))

    return answer("Look into your mail", html.paragraph(ASKED))


@router.get("/password/{link}")
@page
def show(house: Visited, link: str) -> Response:
    """The form for the new password."""
    _in_force(house, link)
    fields = [
        html.field("password", "Your new password", kind="password", complete="new-password"),
        html.field("again", "The same again", kind="password", complete="new-password"),
    ]
    return answer("Set your password", html.form("Set it", fields))


@router.post("/password/{link}")
@page
def use(request: Request, house: Visited, link: str, form: Form) -> Response:
    """Set it. The link works once."""
    require_patience(request)
    hash_ = _in_force(house, link)
    password, again = needed(form, ("password", "again"))
    if password != again:
        raise BadRequest("the two are not the same: go back and type them again")
    if len(password) > MAXIMUM_LENGTH:
        raise BadRequest(f"a password has at most {MAXIMUM_LENGTH} characters")

    require_length(password)
    hashed = house.passwords.hash(password)
    house.writer.run(people.use_link, hash_, hashed, now=clock.now())

    return answer(
        "Your password is set", html.paragraph("Whoever was logged in as you is logged out. You can log in.")
    )


def _in_force(house: House, link: str) -> bytes:
    """The hash of a link that can be used. Raises ``NotFound``: so that only who has one makes us hash a password."""
    if kind_of(link) is not Kind.LINK:
        raise NotFound(people.NO_LINK)
    hash_ = bearer_hash(link)
    with house.database.read() as connection:
        people.require_link(connection, hash_, now=clock.now())
    return hash_


def _require_offered(house: House) -> None:
    if letters.why_none(house.post, with_link=True):
        raise NotFound("no letters are written here: ask an owner or admin of your account for a link")
