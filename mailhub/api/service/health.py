"""/livez and /readyz (open: whether it works), /metrics (the operator's) and /v1/status, /v1/whoami."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from mailhub import __version__, clock
from mailhub.api.frame import shapes
from mailhub.api.frame.shapes import instant
from mailhub.api.mailboxes import imap_sources
from mailhub.callers.caller import Caller, InAccount, TheHouse, machine_uids
from mailhub.callers.origin import HTTP
from mailhub.errors import Forbidden
from mailhub.filter import rebuild_plan
from mailhub.health import watching
from mailhub.health.metrics import CONTENT_TYPE, Metrics
from mailhub.health.vitals import Readiness, Vitals, readiness
from mailhub.house import House
from mailhub.outbound import letters
from mailhub.privacy.breaches import list_overdue
from storage.accounts import accounts
from storage.database import Connection
from storage.engine import queue_faults
from storage.errors import StorageError
from storage.mail import intake_lists, mailboxes, watches
from storage.people import users
from storage.rules import rules
from storage.tickets import ticket_lists

FAILING_SHOWN = 100

open_router = APIRouter(tags=["health"])
router = APIRouter(tags=["status"])


class Health(shapes.Shape):
    """Whether mail can flow, and the numbers behind it."""

    ready: bool
    faults: list[str]
    oldest_undecided_seconds: float
    quarantine: int
    disk_free_bytes: int
    last_mail_at: dict[str, str]


class Failing(shapes.Shape):
    """A row of background work that failed, and is tried again by itself."""

    account: int  # 0: the operator's own
    queue: str
    item: int  # its id in that queue
    attempts: int
    next_attempt_at: str
    reason: str


class Status(Health):
    """How the service is doing, and how many tickets the account has in each state.

    When mail came, and how much is quarantined, is of the account; whoever is the operator too hears it of
    the whole installation, and how much room its disk has.
    """

    version: str
    started_at: str
    listening: dict[str, str]
    account: str
    tickets: dict[str, int]
    labels_waiting: int  # labels of another version: they do not count until they are carried over
    rebuild_asks: bool  # more than a fifth of the labels would be lost by that: it waits for a yes
    letters: str  # why mailhub writes no mail itself; "" when it does
    imap: dict[str, str]  # mailbox whose mail is fetched -> how that is doing
    folders: dict[
        str, dict[str, imap_sources.FolderState]
    ]  # mailbox -> folder there -> what became of its mails
    failing: list[Failing]  # work that failed and is tried again, at most a hundred rows
    silent: dict[str, str]  # mailbox to which no mail came for far longer than usual -> since when
    rules_off: dict[str, str]  # rules that switched themselves off -> why, in a word
    breaches_overdue: list[int]  # whose 72 hours are over, and of which the authority was not told (art. 33)


class Identity(shapes.Shape):
    """Who calls."""

    role: str
    account: int | None
    user: int | None
    email: str | None
    uid: int | None
    scopes: list[str]
    operator_too: bool


@open_router.get("/livez")
async def live() -> dict[str, bool]:
    """The event loop answers."""
    return {"live": True}


@open_router.get("/readyz")
def ready(request: Request, house: TheHouse, response: Response) -> Health:
    """Whether mail can flow: 200, or 503 with the faults in words. When mail came, and how much, is the operator's."""
    found = measure(house, request.app.state.vitals)
    response.status_code = 200 if found.ready else 503
    return Health(**(_health(found) if _is_operator(request) else _outline(found)))


def _is_operator(request: Request) -> bool:
    """Whether the machine's administrator asks, on the admin socket."""
    return request.state.uid in machine_uids()


@open_router.get("/metrics", response_class=Response)
def metrics(request: Request, house: TheHouse) -> Response:
    """Prometheus: for the operator on the admin socket, and with `http.metrics` for whoever reaches [http].

    They hold numbers only, but every account's: when mail came to which of its mailboxes.
    """
    if not _is_operator(request) and not (request.state.door == HTTP and house.config.http.metrics):
        raise Forbidden("metrics are the operator's: ask on the admin socket, or set http.metrics")
    registry = request.app.state.metrics
    assert isinstance(registry, Metrics)
    return Response(registry.text(), media_type=CONTENT_TYPE)


@router.get("/status")
def status(request: Request, call: InAccount) -> Status:
    """How the service and the account are doing."""
    call.require("status.read")
    vitals: Vitals = request.app.state.vitals

    with call.house.database.read() as connection:
        account = accounts.find_account(connection, call.account)
        tickets = ticket_lists.count_by_state(connection, call.account)
        fetched = imap_sources.states(connection, call.account)
        planned = rebuild_plan.plan(connection, call.account)
        silent = [
            watch for watch in watches.list_watches(connection, call.account) if watch.silent_at is not None
        ]
        named = {*fetched, *(watch.mailbox_id for watch in silent)}
        addresses = mailboxes.addresses(connection, call.account, named)
        failing = queue_faults.list_failing(
            connection, None if call.actor.machine else call.account, limit=FAILING_SHOWN
        )
        overdue = list_overdue(connection, clock.now())
        broken = [row for row in rules.list_rules(connection, call.account) if row.fault]
        health = _health(measure(call.house, vitals))
        if not call.actor.machine:
            health |= _of_account(connection, call.account)

    return Status(
        **health,
        version=__version__,
        started_at=instant(vitals.started_at) or "",
        listening={name: door.address for name, door in vitals.doors.items()} | vitals.listening,
        account=account.name if account else "",
        tickets=tickets,
        labels_waiting=planned.waiting,
        rebuild_asks=planned.asks,
        letters=letters.why_none(call.house.post, with_link=True),
        imap={addresses[row]: source.in_words() for row, source in fetched.items()},
        folders={
            addresses[row]: {each.name: each for each in source.folders} for row, source in fetched.items()
        },
        failing=[_failing(each) for each in failing],
        rules_off={str(row.id): row.fault or "" for row in broken},
        breaches_overdue=[each.id for each in overdue if each.account_id == call.account],
        silent={addresses[watch.mailbox_id]: watching.in_words(watch, now=clock.now()) for watch in silent},
    )


@router.get("/whoami")
def whoami(house: TheHouse, actor: Caller) -> Identity:
    """Who the daemon takes you for; whoever is somebody may ask, whatever their ApiToken's scopes."""
    email = None
    if actor.account is not None and actor.user is not None:
        with house.database.read() as connection:
            user = users.find_user(connection, actor.account, actor.user)
            email = user.email if user else None

    return Identity(
        role=actor.role,
        account=actor.account,
        user=actor.user,
        email=email,
        uid=actor.uid,
        scopes=sorted(actor.scopes),
        operator_too=actor.machine,
    )


def measure(house: House, vitals: Vitals) -> Readiness:
    """Ask the database and the disk; a database that does not answer is a fault, not an error."""
    quarantine = 0
    fault = ""

    try:
        with house.database.read() as connection:
            quarantine = intake_lists.count_unreadable(connection)
    except StorageError as error:
        fault = str(error)

    reserve = house.config.storage.reserve_bytes
    return readiness(
        vitals,
        quarantine=quarantine,
        database_fault=fault,
        reserve_bytes=reserve,
        serves=house.directory.serves,
    )


def _outline(found: Readiness) -> dict[str, Any]:
    """What anybody may know: whether mail can flow, and what is at fault."""
    nothing = {"oldest_undecided_seconds": 0.0, "quarantine": 0, "disk_free_bytes": 0, "last_mail_at": {}}
    return {"ready": found.ready, "faults": list(found.faults)} | nothing


def _of_account(connection: Connection, account: int) -> dict[str, Any]:
    """In place of what the operator hears of the whole installation."""
    last = intake_lists.last_mail_at(connection, account)
    return {
        "oldest_undecided_seconds": 0.0,
        "quarantine": intake_lists.count_unreadable(connection, account),
        "disk_free_bytes": 0,
        "last_mail_at": {source: instant(at) for source, at in last.items()},
    }


def _failing(row: queue_faults.Failing) -> Failing:
    return Failing(
        account=row.account_id,
        queue=row.queue,
        item=row.item,
        attempts=row.attempts,
        next_attempt_at=instant(row.next_attempt_at) or "",
        reason=row.reason,
    )


def _health(found: Readiness) -> dict[str, Any]:
    return {
        "ready": found.ready,
        "faults": list(found.faults),
        "oldest_undecided_seconds": found.oldest_undecided_seconds,
        "quarantine": found.quarantine,
        "disk_free_bytes": found.disk_free_bytes,
        "last_mail_at": {source: instant(at) for source, at in found.last_mail_at.items()},
    }
