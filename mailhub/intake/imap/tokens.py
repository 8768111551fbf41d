"""Access tokens for mailboxes whose provider wants OAuth: got when needed, held until shortly before their end.

Durable state: ``oauth_grant`` rows. A refresh token that the endpoint changed is committed before the access
token that came with it is used. Access tokens are in memory alone. One request at a time for each source,
whoever asks (the thread that fetches, `mailbox test`, the job that keeps authorisations alive): endpoints
that rotate refresh tokens take a second use of one for a theft.

No clock but ours counts, and it only backwards: a token lives as long from its arrival as the endpoint said,
less a margin; one that the IMAP server refuses all the same is thrown away (``imap.login``). Must not: log a
token, a secret.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from operator import attrgetter

import structlog

from mailhub import clock
from mailhub.config import Imap
from mailhub.errors import SealBroken
from mailhub.intake.imap.faults import CannotLogIn, ImapFault
from mailhub.intake.imap.secrets import secret_of
from mailhub.keys import Keys
from mailhub.oauth import grants
from mailhub.oauth.endpoint import Denied, OauthFault, Reach
from mailhub.oauth.providers import CLIENT
from mailhub.system.outgoing import parse_local_servers
from mailhub.system.queues import Queue, by_turns, lines_of
from storage.database import Database
from storage.sources import imap_sources, oauth_grants
from storage.sources.imap_sources import ImapSource
from storage.sources.oauth_grants import OauthGrant
from storage.writer import Writer

MARGIN_SECONDS = 60.0  # before its end a token counts as over; of short ones a quarter
WARN_DAYS = 14  # before its end an authorisation is warned of, and tried to keep
KEEP_HOURS = 6  # between tries to keep one that ends soon
WORDS = {
    "invalid_grant": "the authorisation was revoked or has expired",
    "invalid_client": "the client's id or its secret is wrong, or has expired",
    "unauthorized_client": "the client may not use this flow: check its registration at the provider",
    "invalid_scope": "the provider does not give this scope: check the client's registration",
    "access_denied": "the consent was refused",
    "expired_token": "the code was not used in time: begin again",
}

log = structlog.get_logger("mailhub.intake.imap.door")


@dataclass(frozen=True, slots=True)
class _Held:
    """An access token, and when it is over by the monotonic clock."""

    token: str
    over_at: float


class AccessTokens:
    """Those of one process. Thread-safe."""

    def __init__(self, database: Database, writer: Writer, keys: Keys) -> None:
        self._database = database
        self._writer = writer
        self._keys = keys
        self._held: dict[int, _Held] = {}  # by source
        self._warned_at: dict[int, int] = {}  # by source
        self._locks: defaultdict[int, threading.Lock] = defaultdict(threading.Lock)

    def get(self, source: ImapSource, settings: Imap) -> str:
        """A token to log in with now. Raises ``CannotLogIn`` when a person must do something, else ``ImapFault``."""
        with self._locks[source.id]:
            return self.find_held(source.id) or self._renewed(source, settings)

    def find_held(self, source_id: int) -> str | None:
        """The token at hand that is not over yet."""
        held = self._held.get(source_id)
        return held.token if held is not None and time.monotonic() < held.over_at else None

    def forget(self, source_id: int) -> None:
        """Throw the token away."""
        self._held.pop(source_id, None)

    def keep_alive(self, node: int, settings: Imap) -> None:
        """Renew those of the node that would end soon; warn of those that end all the same, or fail."""
        now = clock.now()
        queue = Queue(self._database, self._writer, "authorisations", now=now)
        with self._database.read() as connection:
            found = oauth_grants.grants_of_node(connection, node)

        for grant in by_turns(lines_of(found, attrgetter("account_id"))):
            if grant.state == "valid" and _is_due(grant, now=now):
                queue.run(grant.account_id, grant.source_id, self._keep, grant, settings)
            if grant.state == "failing":
                self._warn("authorisation fails: mailhub mailbox authorize", grant)

    def _keep(self, grant: OauthGrant, settings: Imap) -> None:
        with self._database.read() as connection:
            source = imap_sources.find_source(connection, grant.account_id, grant.source_id)
        if source is None:
            return

        try:
            with self._locks[source.id]:
                self._renewed(source, settings)
        except ImapFault:
            return  # on record, and logged, where it was seen

        with self._database.read() as connection:
            renewed = oauth_grants.find_grant(connection, grant.account_id, grant.source_id)
        if renewed is not None and ends_soon(renewed, now=clock.now()):
            self._warn("authorisation ends soon: mailhub mailbox authorize", renewed)

    def _warn(self, text: str, grant: OauthGrant) -> None:
        """Once a day."""
        if clock.now() - self._warned_at.get(grant.source_id, 0) >= clock.DAY:
            self._warned_at[grant.source_id] = clock.now()
            log.warning(
                text, source=grant.source_id, ends_at=clock.to_iso(grant.ends_at) if grant.ends_at else None
            )

    # --- one request --------------------------------------------------------------------------------------------------

    def _renewed(self, source: ImapSource, settings: Imap) -> str:
        self._held.pop(source.id, None)
        with self._database.read() as connection:
            grant = oauth_grants.find_grant(connection, source.account_id, source.id)
        if grant is None:
            raise CannotLogIn("this mailbox has no OAuth client: add it again with --oauth")
        if grant.flow != CLIENT and grant.refresh_token is None:
            raise CannotLogIn("nobody has authorised mailhub yet: mailhub mailbox authorize ADDRESS")

        try:
            asked_at = time.monotonic()
            given = self._ask(source, grant, settings)
        except Denied as denied:
            raise self._failing(grant, denied) from None
        except OauthFault as fault:
            raise ImapFault(str(fault)) from None

        self._record(grant, given)
        over_at = asked_at + given.seconds - min(MARGIN_SECONDS, given.seconds / 4)
        self._held[source.id] = _Held(given.access, over_at)

        return given.access

    def _ask(self, source: ImapSource, grant: OauthGrant, settings: Imap) -> grants.Tokens:
        client = client_of(source, grant, self._keys, settings)
        if grant.flow == CLIENT:
            return grants.by_client(client)
        return grants.renew(client, self._opened(grant))

    def _opened(self, grant: OauthGrant) -> str:
        try:
            return self._keys.open(
                "secrets", grant.refresh_token or b"", bound_to=_bound(grant.source_id)
            ).decode()
        except SealBroken:
            raise CannotLogIn("the refresh token does not open with this root key: authorize again") from None

    def _record(self, grant: OauthGrant, given: grants.Tokens) -> None:
        now = clock.now()
        refresh = seal(self._keys, grant.source_id, given.refresh) if given.refresh else None
        ends_at = end_of(grant, given, now=now)
        self._writer.run(
            lambda tx: oauth_grants.set_renewed(
                tx.connection, grant, refresh_token=refresh, ends_at=ends_at, at=now
            )
        )

    def _failing(self, grant: OauthGrant, denied: Denied) -> CannotLogIn:
        fault = in_words(denied)
        self._writer.run(
            lambda tx: oauth_grants.set_failing(tx.connection, grant, fault=fault, at=clock.now())
        )
        log.warning(
            "authorisation fails: mailhub mailbox authorize", source=grant.source_id, error=denied.code
        )
        return CannotLogIn(fault)


def client_of(source: ImapSource, grant: OauthGrant, keys: Keys, settings: Imap) -> grants.OauthClient:
    """Who asks for a source, with the secret if it has one. Raises ``CannotLogIn`` when that cannot be had."""
    return grants.OauthClient(
        token_url=grant.token_url,
        client_id=grant.client_id,
        client_secret=secret_of(source, keys),
        scope=grant.scope,
        reach=Reach(
            ca_file=settings.ca_file,
            seconds=min(60.0, settings.command_seconds),
            local=parse_local_servers(settings.local_servers),
        ),
    )


def seal(keys: Keys, source_id: int, refresh_token: str) -> bytes:
    """A refresh token as ``oauth_grant`` holds it: of use for this source alone."""
    return keys.seal("secrets", refresh_token.encode(), bound_to=_bound(source_id))


def end_of(grant: OauthGrant, given: grants.Tokens, *, now: int) -> int | None:
    """When the authorisation ends after these tokens were given; None where nobody says."""
    if given.refresh_seconds is not None:
        return now + given.refresh_seconds * clock.SECOND
    if given.refresh is not None and grant.life_seconds is not None:
        return now + grant.life_seconds * clock.SECOND
    return grant.ends_at


def ends_soon(grant: OauthGrant, *, now: int) -> bool:
    """Whether it ends within ``WARN_DAYS``, or, of one that lasts but shortly, within the last quarter of its life."""
    return grant.ends_at is not None and grant.ends_at - now < _notice(grant)


def _is_due(grant: OauthGrant, *, now: int) -> bool:
    """Whether to try to keep it: it ends soon, and that was not tried just now (the end of some does not move)."""
    pause = min(KEEP_HOURS * clock.HOUR, _notice(grant) // 2)
    return ends_soon(grant, now=now) and now - (grant.renewed_at or 0) >= pause


def _notice(grant: OauthGrant) -> int:
    notice = WARN_DAYS * clock.DAY
    return notice if grant.life_seconds is None else min(notice, grant.life_seconds * clock.SECOND // 4)


def in_words(denied: Denied) -> str:
    """Why the endpoint refuses, and what to do."""
    why = WORDS.get(denied.code, "the token endpoint refuses")
    return f"{why} ({denied}): mailhub mailbox authorize ADDRESS"


def _bound(source_id: int) -> bytes:
    return b"oauth:%d" % source_id
