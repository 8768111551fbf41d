"""A desk with a person to erase: their own mail, what others quote, copy and attach of them, and people who
are like them.

``KIM`` writes as "Kim Zanzibari" from kim.zz@customer.example. Everything that is their to lose is a *canary*: a text of
its own that stands in one place in one encoding.
"""

from __future__ import annotations

import base64
import quopri
import unicodedata
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from urllib.parse import quote

from classifier.tokens import Features, features
from mailhub.backups.vault import Vault
from mailhub.config import Letters, Quotas
from mailhub.directory import Directory
from mailhub.filter import feedback
from mailhub.filter.models import Models
from mailhub.keys import Keys
from mailhub.privacy import erasure, privacy_requests
from mailhub.privacy.erasing.work import Parts
from mailhub.privacy.privacy_requests import Asked
from mailhub.proof.act import Act
from mailhub.reading.prepare import Secrets, read_document
from mailhub.rules import editing
from mailhub.tickets import acts, drafts
from storage.database import Database
from storage.mail.derived import Received
from storage.privacy.erasures import Erasure
from storage.sources import imap_moves, imap_sources
from storage.sources.imap_copies import ALIKE, FILED, SEEN, Copy
from storage.sources.imap_sources import ImapFolder, ImapSource
from storage.writer import Transaction, WritingThread
from tests.houses.desk import Desk, post_of
from tests.houses.imap_rows import source_row

KIM = "kim.zz@customer.example"
NAME = "Kim Zanzibari"
KEYS = Keys(bytes(range(32)))
BLOB = base64.b64encode(b"##" + KIM.encode())
SOURCE, FOLDER = 901, 902
WORDS = "plumbago quillwort ragwort sandwort toothwort"  # five of their own, which others quote


@dataclass
class Scene:
    """Ids by what they are called."""

    desk: Desk
    parts: Parts
    messages: dict[str, int] = field(default_factory=dict)

    def erase(self, *addresses: str) -> Erasure:
        """Ask for it, agree to the name, and carry it out to where it gets."""
        named = addresses or (KIM,)
        begun = erasure.begin(self.parts, "user:1", self.desk.account, named, names=[NAME], now=self.desk.now)
        return erasure.run(self.parts, self.desk.account, begun.erasure)

    def label(self, label: str, *names: str) -> None:
        """Teach the filter these messages."""
        ids = [self.messages[name] for name in names]
        desk = self.desk
        found = feedback.prepare(desk.database, desk.account, ids, extract)
        desk.do(
            lambda tx: feedback.mark(
                Act(tx, desk.actor, desk.account, desk.now),
                desk.filing.models,
                ids,
                label,
                user=desk.ana,
                features_of=found,
            )
        )


def extract(received: Received) -> Features:
    """What the filter sees in a stored message."""
    document = read_document(received.raw, received.authentication, mail_from_null=received.mail_from_null)
    return features(document, secret=int.from_bytes(KEYS.derive("features")[:8], "big"))


def parts_of(desk: Desk, directory: Path) -> Parts:
    """What an erasure needs, of this desk."""
    return _parts(desk.database, desk.writer, desk.filing.models, desk.directory, directory)


def reopened(database: Database, writer: WritingThread, directory: Path) -> Parts:
    """The same as the next start of the service finds it."""
    return _parts(database, writer, Models(database, directory / "models"), Directory(database), directory)


def _parts(database: Database, writer: WritingThread, models: Models, served: Directory, data: Path) -> Parts:
    return Parts(
        database=database,
        writer=writer,
        models=models,
        secrets=Secrets.of(KEYS),
        keys=KEYS,
        directory=served,
        data=data,
        node=0,
        vault=Vault(database=database, writer=writer, keys=KEYS, targets=(data / "backups",), retention=1),
    )


def set_up(desk: Desk, directory: Path) -> Scene:
    """Fill the desk."""
    scene = Scene(desk, parts_of(desk, directory))
    _his_own_ticket(scene)
    _leos_ticket(scene)
    _mias_mails(scene)
    _his_request(scene)
    _copies_at_a_provider(scene)
    scene.label("spam", "own", "quoting")
    scene.label("ham", "mia", "reply")
    desk.filing.models.checkpoint(desk.writer, desk.account)
    return scene


def written(sender: str, text: str, *, subject: str = "Help", **headers: str) -> EmailMessage:
    """A mail to support."""
    made = EmailMessage(policy=SMTP)
    given = {"From": sender, "To": "support@example.com", "Subject": subject}
    for name, value in {
        **given,
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }.items():
        made[name] = value
    made.set_content(text)
    return made


def _file(scene: Scene, name: str, mail: EmailMessage | bytes, *, mail_from: str = "x@leo.example") -> None:
    raw = mail if isinstance(mail, bytes) else mail.as_bytes()
    filed = scene.desk.receive(raw, mail_from=mail_from)
    scene.messages[name] = scene.desk.message_of(filed)


def _his_own_ticket(scene: Scene) -> None:
    desk, sender = scene.desk, f"{NAME} <{KIM}>"
    own = written(
        sender,
        f"canaryown please\n{WORDS} whenever I print.\n",
        subject="canarysubject",
        Message_ID="<own@k.x>",
    )
    own.add_attachment(
        b"canarybytes of a file", maintype="application", subtype="x-thing", filename="canaryname.bin"
    )
    _file(scene, "own", own, mail_from=KIM)
    desk.receive(b"Received: from canarytrace.example by x\r\n" + own.as_bytes(), mail_from=KIM)
    ticket = _ticket(scene, "own")
    desk.answer(ticket, "canaryanswer for you")
    desk.do(
        lambda tx: acts.note(
            Act(tx, desk.actor, desk.account, desk.now), ticket, user=desk.ana, text="canarynote"
        )
    )
    _draft(desk, ticket, "canarydraft for you", to=[KIM])


def _draft(desk: Desk, ticket: int, text: str, **people: list[str]) -> None:
    begun = desk.act(
        drafts.begin, desk.ana, drafts.Beginning(kind=drafts.DraftKind.ANSWER, ticket=ticket), Quotas()
    )
    desk.act(drafts.save, desk.ana, begun.id, begun.version, {"text": text, **people})


def _leos_ticket(scene: Scene) -> None:
    desk = scene.desk
    leo = written("Leo <leo@leo.example>", "Leos own words.", Cc=f"{NAME} <{KIM}>", Message_ID="<leo@l.x>")
    _file(scene, "leo", leo)
    reply = written(
        f"{NAME} <{KIM}>", f"{WORDS}\ncanaryreply again\n", In_Reply_To="<leo@l.x>", Message_ID="<re@k.x>"
    )
    _file(scene, "reply", reply, mail_from=KIM)
    quoting = written(
        "Leo <leo@leo.example>",
        f"Leo agrees.\n\nOn Monday, {NAME} <{KIM}> wrote:\n"
        "> plumbago quillwort\n> ragwort sandwort toothwort\n> canaryreply again\n",
        In_Reply_To="<re@k.x>",
        Message_ID="<q@l.x>",
    )
    quoting.add_alternative(
        f"<p>Leo agrees.</p><blockquote>plumbago <b>quillwort</b> ragwort sandwort toothwort<br>canaryreply&nbsp;again"
        f'</blockquote><a href="mailto:{quote(KIM)}">{NAME}</a>',
        subtype="html",
    )
    _file(scene, "quoting", quoting)
    ticket = _ticket(scene, "leo")
    text = f"{NAME} says so too: {KIM}"
    desk.do(
        lambda tx: acts.note(Act(tx, desk.actor, desk.account, desk.now), ticket, user=desk.ana, text=text)
    )
    desk.answer(ticket, "To all of you.", copies=(KIM,))
    _draft(desk, ticket, f"as {NAME} <{KIM}> said", to=["leo@leo.example"], cc=[KIM])
    rule = f'name = "For {KIM}"\non = "filed"\n[when]\nfrom = "{KIM}"\n[then]\ntag = "vip"\n'
    desk.act(editing.add, rule, user=desk.ana, quotas=Quotas())


def _mias_mails(scene: Scene) -> None:
    """Somebody else's ticket, in which they are only spoken of: in every encoding."""
    mia = written("Mia <mia@mia.example>", f"Ask {KIM.upper()} or {NAME.lower()}.", subject=f"About {NAME}")
    for index, encoding in enumerate(("utf-8", "utf-16", "utf-16-be")):
        data = f"{'-' * index}{NAME};{KIM};".encode(encoding)
        mia.add_attachment(
            data, maintype="application", subtype="octet-stream", filename=f"{KIM}-{index}.csv"
        )
    mia.add_attachment(f"{KIM}\n".encode(), maintype="text", subtype="csv", filename="list.csv")
    mia.add_attachment(written(NAME, f"forwarded by {KIM}"), filename="enclosed.eml")
    _file(scene, "mia", mia, mail_from="mia@mia.example")
    folded = quopri.encodestring(f"Long line before it so that it breaks there {KIM} and {NAME}".encode())
    head = b"From: Mia <mia@mia.example>\r\nTo: support@example.com\r\nMIME-Version: 1.0\r\n"
    subject = base64.b64encode(unicodedata.normalize("NFD", f"Küche, {NAME}").encode())
    head += (
        b"Subject: =?utf-8?b?"
        + subject
        + b"?=\r\nX-Origin: "
        + KIM.encode()
        + b"\r\nX-Blob: "
        + BLOB
        + b"\r\n"
    )
    head += b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    _file(
        scene,
        "mia2",
        head + folded.replace(b"\n", b"\r\n") + b"\r\n",
        mail_from=f"bounces+{KIM.replace('@', '=')}@l.x",
    )


def _his_request(scene: Scene) -> None:
    """They asked for a copy of their data: a request with their address, and a letter that waits, sealed."""
    desk = scene.desk
    post = post_of(
        desk, letters=Letters(sender="noreply@hub.example", site="https://hub.example"), relay=desk.relay
    )
    asked = Asked(account=desk.account, mailbox=desk.mailbox, address=KIM, kind="export", at=desk.now)
    assert desk.do(lambda tx: privacy_requests.ask(tx, post, "confirm", asked)) == "queued"


def _copies_at_a_provider(scene: Scene) -> None:
    """Where mail lies, in a mailbox whose owner wants it erased there: two theirs, one that may be theirs,
    one of Leo's.
    """

    def act(transaction: Transaction) -> None:
        connection = transaction.connection
        imap_sources.add_source(connection, source_of(scene.desk), [folder_of(scene.desk)])
        found = ((1, "own", FILED), (2, "reply", SEEN), (3, "reply", ALIKE), (4, "quoting", FILED))
        copies = [
            Copy(
                folder_id=FOLDER,
                uidvalidity=7,
                uid=uid,
                message_id=scene.messages[name],
                known_by=known,
                first_seen_at=1,
            )
            for uid, name, known in found
        ]
        imap_moves.add_seen(connection, folder_of(scene.desk), copies)

    scene.desk.do(act)


def source_of(desk: Desk) -> ImapSource:
    """The mailbox at a provider."""
    return source_row(account=desk.account, source=SOURCE, mailbox=desk.mailbox, node=0, erase_there=1)


def folder_of(desk: Desk) -> ImapFolder:
    """Its one folder."""
    return ImapFolder(
        account_id=desk.account, id=FOLDER, source_id=SOURCE, name="INBOX", uidvalidity=7, last_uid=4
    )


def _ticket(scene: Scene, name: str) -> int:
    from storage.tickets.removal import tickets_of_messages

    with scene.desk.database.read() as connection:
        return tickets_of_messages(connection, scene.desk.account, [scene.messages[name]])[
            scene.messages[name]
        ]
