"""One connection to an IMAP server: the commands that fetching needs, as values in and out. Alone imports imapclient.

Every command has a deadline and a budget of bytes (``imap.wire``). What a person or a mail wrote reaches a
command only as a number, a folder name in modified UTF-7 and quotes, or a keyword of ``KEYWORD``'s
characters; nothing else is ever put into one, so there is nothing to inject by. ``ImapRefused`` leaves the
connection usable, every other fault does not: then the caller closes it and makes a new one.

Must not: know rows, mailboxes of ours or what a message means. Sources: RFC 9051, 2177 (IDLE), 4315
(UIDPLUS), 6851 (MOVE), 2595 and 8314 (TLS).
"""

from __future__ import annotations

import ipaddress
import re
import socket
import ssl
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, ProtocolError
from imapclient.imap_utf7 import decode

from mailhub.intake.imap.answers import Described, OpenedFolder, Sketch, described, opened, sketched, words
from mailhub.intake.imap.dialling import Way, dial, look_up
from mailhub.intake.imap.faults import CannotLogIn, ImapFault, ImapRefused, in_words, said
from mailhub.intake.imap.wire import BoundedIMAP4, Wire

T = TypeVar("T")

ANSWER_BYTES = 1024 * 1024  # what a command without literals may bring
LIST_BYTES = 17 * 1024 * 1024  # a SEARCH over the largest window
KEYWORD = re.compile(r"\$?[A-Za-z0-9_-]{1,60}")
FOLDER_CHARACTERS = 255


class Conversation:
    """One connection after its greeting. Not shared between threads, except for ``cut``."""

    def __init__(self, way: Way, client: _Client) -> None:
        self._way = way
        self._client = client
        self._wire = client.wire
        self._count: bytes | None = None  # of mails in the selected folder, as the server said last
        self._told = False  # that they are others than when we last asked which

    # --- from nothing to logged in ------------------------------------------------------------------------------------

    @staticmethod
    def connect(way: Way) -> Conversation:
        """Look the name up, connect, encrypt. Raises ``ImapFault``."""
        return Conversation.greet(way, dial(way, look_up(way)))

    @staticmethod
    def greet(way: Way, connected: socket.socket) -> Conversation:
        """TLS and the greeting, on a connected socket; closes it when that fails."""
        wire = Wire(connected)
        try:
            with _faults():
                wire.allow(way.seconds, ANSWER_BYTES)
                if way.tls == "implicit":
                    wire.start_tls(_context(way), way.host)
                client = _Client(way, wire)
                if way.tls == "starttls":
                    client.starttls(_context(way))
                return Conversation(way, client)
        except ImapFault:
            wire.close()
            raise

    def log_in(self, login: str, password: str) -> None:
        """AUTHENTICATE PLAIN where the server can, else LOGIN. Never in the clear off this machine (RFC 8314)."""
        if any(c in login + password for c in "\r\n\0"):
            raise CannotLogIn("the login name or the password has a line break in it")
        self._log_in(lambda: self._authenticate(login, password))

    def log_in_by_token(self, login: str, token: str, mechanism: str) -> None:
        """AUTHENTICATE XOAUTH2 or OAUTHBEARER (RFC 7628) with an access token. Never in the clear off this machine."""
        if any(c in login + token for c in "\r\n\0\1"):
            raise CannotLogIn("the login name has a control character in it")
        name, first, last = _bearer(login, token, mechanism)
        answers = iter((first, last))  # after the first the server asks on only to say what is wrong
        self._log_in(lambda: self._client.sasl_login(name, lambda _: next(answers, b"")))

    def _log_in(self, authenticate: Callable[[], object]) -> None:
        if self._way.tls == "none" and not ipaddress.ip_address(self._wire.peer_address()).is_loopback:
            raise CannotLogIn(
                "no secret is sent without TLS to another machine: use --imap-tls implicit or starttls"
            )
        try:
            self._do(authenticate)
            self._do(self._client.capabilities)  # other ones than before: asked for once, then remembered
        except ImapRefused as refused:
            raise CannotLogIn(f"the server refuses the login: {refused}") from None

    def _authenticate(self, login: str, password: str) -> None:
        if self._client.has_capability("AUTH=PLAIN"):
            self._client.plain_login(login, password)
        elif self._client.has_capability("LOGINDISABLED"):
            raise CannotLogIn("the server takes no password on this connection (LOGINDISABLED): use TLS")
        elif not (login + password).isascii():
            raise CannotLogIn("the server has no AUTHENTICATE PLAIN, and LOGIN takes ASCII alone")
        else:
            quoted = login.replace("\\", "\\\\").replace('"', '\\"')
            self._client.login(f'"{quoted}"', password)  # imaplib quotes the password, and not the name

    def can(self, capability: str) -> bool:
        """Whether the server says that it can; it may be wrong."""
        return bool(self._client.has_capability(capability))

    def encryption(self) -> str:
        """The version of TLS and the cipher; "" in the clear."""
        return self._wire.encryption()

    # --- folders ------------------------------------------------------------------------------------------------------

    def folders(self) -> Sequence[str]:
        """The names of the folders there; one that is not modified UTF-7 is left out, and costs no other."""
        return [name for _, name in self._listed()]

    def junk_folder(self) -> str | None:
        """The folder that the server says spam goes to (RFC 6154); None when it names none."""
        return next((name for flags, name in self._listed() if b"\\Junk" in flags), None)

    def _listed(self) -> Sequence[tuple[Sequence[bytes], str]]:
        """Flags and name of each folder that has a name."""
        self._client.folder_encode = (
            False  # as they come: imapclient would raise at the first that it cannot decode
        )
        try:
            found = self._do(lambda: self._client.list_folders(), budget=LIST_BYTES)
        finally:
            self._client.folder_encode = True
        return [(flags, name) for flags, _, raw in found if (name := _readable(raw)) is not None]

    def open(self, folder: str, *, read_only: bool) -> OpenedFolder:
        """Select a folder; read_only leaves no trace there (EXAMINE)."""
        found = self._do(lambda: self._client.select_folder(_sound(folder), readonly=read_only))
        selected = opened(found, b"EXISTS")
        self._count = b"%d" % (selected.messages or 0)
        self._told = False
        return selected

    def status(self, folder: str) -> OpenedFolder:
        """A folder without selecting it. Not for the one that is selected (RFC 9051 6.3.11)."""
        asked = ["MESSAGES", "UIDNEXT", "UIDVALIDITY", *(["HIGHESTMODSEQ"] if self.can("CONDSTORE") else [])]
        found = self._do(lambda: self._client.folder_status(_sound(folder), asked))
        return opened(found, b"MESSAGES")

    # --- mail ---------------------------------------------------------------------------------------------------------

    def uids(self, low: int, high: int | None) -> Sequence[int]:
        """The UIDs in the selected folder from ``low`` to ``high`` (None: to the end), ascending."""
        span = f"{low}:{'*' if high is None else high}"
        if high is None:
            self._hear()
            self._told = False
        found = self._do(lambda: self._client.search(["UID", span]), budget=LIST_BYTES)
        return sorted({uid for uid in found if uid >= low and (high is None or uid <= high)})

    def describe(self, uids: Sequence[int]) -> Mapping[int, Described]:
        """Size and date of those that are still there. At most some hundreds at a time."""
        found = self._do(lambda: self._client.fetch(uids, ["RFC822.SIZE", "INTERNALDATE"]))
        return {
            uid: described(items)
            for uid, items in found.items()
            if isinstance(items.get(b"RFC822.SIZE"), int)
        }

    def flags(self, uids: Sequence[int]) -> Mapping[int, frozenset[str]]:
        """The flags of those that are still there."""
        found = self._do(lambda: self._client.fetch(uids, ["FLAGS"]))
        return {uid: frozenset(words(items.get(b"FLAGS"))) for uid, items in found.items()}

    def states(
        self, uids: Sequence[int], *, since: int | None
    ) -> tuple[Mapping[int, frozenset[str]], int | None]:
        """The flags of some hundred mails, and the server's newest MODSEQ among them (RFC 7162; None: it has none).

        ``since`` leaves out what did not change after that MODSEQ. The size is asked for to tell an answer from what
        the server says unasked.
        """
        ordered = self.can("CONDSTORE")
        items = ["FLAGS", "RFC822.SIZE", *(["MODSEQ"] if ordered else [])]
        only = [f"CHANGEDSINCE {since}"] if ordered and since is not None else None
        found = self._do(lambda: self._client.fetch(uids, items, only))
        answers = {uid: answer for uid, answer in found.items() if b"RFC822.SIZE" in answer}
        newest = [answer[b"MODSEQ"][0] for answer in answers.values() if answer.get(b"MODSEQ")]
        flags = {uid: frozenset(words(answer.get(b"FLAGS"))) for uid, answer in answers.items()}
        return flags, max(newest) if newest else since

    def sketch(self, uids: Sequence[int]) -> Mapping[int, Sketch]:
        """Size, flags and Message-ID of those that are still there; unmarked. At most some hundreds at a time."""
        asked = ["FLAGS", "RFC822.SIZE", "BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]"]
        found = self._do(lambda: self._client.fetch(uids, asked))
        return {
            uid: sketched(items) for uid, items in found.items() if isinstance(items.get(b"RFC822.SIZE"), int)
        }

    def fetch(self, uids: Sequence[int], *, budget: int) -> Mapping[int, bytes]:
        """Whole mails, unmarked (BODY.PEEK), ``budget`` bytes altogether at most."""
        found = self._do(lambda: self._client.fetch(uids, ["BODY.PEEK[]"]), budget=budget)
        return {
            uid: items[b"BODY[]"] for uid, items in found.items() if isinstance(items.get(b"BODY[]"), bytes)
        }

    def piece(self, uid: int, start: int, size: int) -> bytes | None:
        """A part of one mail, unmarked; shorter than asked for at its end, None when the mail is not there.

        Longer than asked for where a server gives no parts, and answers the first question with the whole mail.
        """
        part = f"BODY.PEEK[]<{start}.{size}>"
        found = self._do(lambda: self._client.fetch([uid], [part]), budget=size + ANSWER_BYTES)
        items = found.get(uid, {})
        answer = items.get(f"BODY[]<{start}>".encode(), None if start else items.get(b"BODY[]"))
        return answer if isinstance(answer, bytes) else None

    def add_flag(self, uids: Sequence[int], flag: str) -> None:
        """Set a flag (``\\Seen``, ``\\Deleted``) or a keyword of ``KEYWORD``'s form."""
        assert flag in ("\\Seen", "\\Deleted") or KEYWORD.fullmatch(flag)
        self._do(lambda: self._client.add_flags(uids, [flag], silent=True))

    def move(self, uids: Sequence[int], folder: str) -> None:
        """Move mails to another folder in one step (RFC 6851)."""
        self._do(lambda: self._client.move(uids, _sound(folder)))

    def copy(self, uids: Sequence[int], folder: str) -> None:
        """Copy mails to another folder."""
        self._do(lambda: self._client.copy(uids, _sound(folder)))

    def expunge(self, uids: Sequence[int]) -> None:
        """Remove exactly these, of those marked \\Deleted (RFC 4315): others' marks stay theirs."""
        self._do(lambda: self._client.uid_expunge(uids))

    # --- waiting ------------------------------------------------------------------------------------------------------

    def idle(self, seconds: float, wake: socket.socket) -> bool:
        """Wait until the server says that something changed, or so long, or until ``wake``; whether it said so.

        At once when it said before that mail came: it will not say so again.
        """
        with _faults():
            self._wire.allow(self._way.seconds, ANSWER_BYTES)
            self._client.begin_idle()
            self._hear()
            heard = self._told or self._wire.wait(seconds, wake)
            self._wire.allow(self._way.seconds, ANSWER_BYTES)
            self._client.idle_done()
        return heard

    def log_out(self) -> None:
        """Take leave; whatever comes of it, the connection is closed."""
        try:
            self._do(self._client.logout)
        except ImapFault:
            pass  # it is thrown away in any case
        finally:
            self._wire.close()

    def cut(self) -> None:
        """End it from another thread."""
        self._wire.cut()

    def close(self) -> None:
        """Throw the connection away."""
        self._wire.close()

    def _do(self, command: Callable[[], T], *, budget: int = ANSWER_BYTES) -> T:
        """One command, bounded."""
        self._wire.allow(self._way.seconds, budget)
        self._hear()
        with _faults():
            return command()

    def _hear(self) -> None:
        """What the server said unasked is dropped, since we ask again; but that mail came it may not say twice."""
        removed, count = self._client.forget_unasked()
        if removed:
            self._count = None
        if count is not None and count != self._count:
            self._count = count
            self._told = True


class _Client(IMAPClient):  # type: ignore[misc]  # the library has no types
    """imapclient on a bounded wire. Overrides ``_create_IMAP4`` and reads ``_imap``: pinned, and tested for it."""

    def __init__(self, way: Way, wire: Wire) -> None:
        self.wire = wire
        super().__init__(way.host, way.port, ssl=False, timeout=SocketTimeout(way.seconds, way.seconds))
        self.ssl = way.tls == "implicit"
        self.normalise_times = False
        self._imap.debug = 0  # imapclient would have imaplib describe every line

    def _create_IMAP4(self) -> BoundedIMAP4:  # noqa: N802 imapclient's name
        return BoundedIMAP4(self.wire, self.host)

    def _set_read_timeout(self) -> None:
        """The wire has deadlines of its own."""

    def begin_idle(self) -> None:
        """As ``idle``, which fails when the server has something to say before it goes ahead."""
        self._idle_tag = self._imap._command("IDLE")
        while self._imap._get_response() is not None:
            if answer := self._imap.tagged_commands.get(self._idle_tag):
                raise ImapRefused(said(answer[1][0]))

    def forget_unasked(self) -> tuple[bool, bytes | None]:
        """imaplib keeps what the server says unasked for ever. Whether mail was removed, and how many there is."""
        said = self._imap.untagged_responses
        found = bool(said.keys() & {"EXPUNGE", "VANISHED"}), next(reversed(said.get("EXISTS", ())), None)
        if self._imap.state != "NONAUTH":
            said.clear()
        return found


def _bearer(login: str, token: str, mechanism: str) -> tuple[str, bytes, bytes]:
    """The mechanism's name, what is sent, and what answers the server's words about an error."""
    if mechanism == "oauthbearer":  # RFC 7628 3.1, RFC 5801 4
        name = login.replace("=", "=3D").replace(",", "=2C")
        return "OAUTHBEARER", f"n,a={name},\1auth=Bearer {token}\1\1".encode(), b"\1"
    return "XOAUTH2", f"user={login}\1auth=Bearer {token}\1\1".encode(), b""


def _context(way: Way) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=way.ca_file or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _readable(folder: object) -> str | None:
    try:
        return decode(folder) if isinstance(folder, bytes) else None
    except ValueError:  # UnicodeDecodeError is one
        return None


def _sound(folder: str) -> str:
    """A folder name without control characters. Modified UTF-7 would carry them, and servers echo them unencoded."""
    if (
        not folder
        or len(folder) > FOLDER_CHARACTERS
        or any(unicodedata.category(c)[0] in "CZ" and c != " " for c in folder)
    ):
        raise ImapRefused("the name of a folder is one line without control characters")
    return folder


@contextmanager
def _faults() -> Iterator[None]:
    """Whatever imapclient, imaplib or the socket raise, as a fault of ours."""
    try:
        yield
    except ImapFault:
        raise
    except (IMAPClientAbortError, ProtocolError) as error:
        raise ImapFault(said(error)) from error
    except IMAPClientError as error:  # NO and BAD, and what imaplib calls a program's error
        raise ImapRefused(said(error)) from error
    except OSError as error:
        raise ImapFault(in_words(error)) from error
    except (
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        AssertionError,
        RecursionError,
    ) as error:
        raise ImapFault("the server sent what is not IMAP") from error
