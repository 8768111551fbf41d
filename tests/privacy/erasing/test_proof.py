"""The proof: an independent witness finds every canary before an erasure, and none afterwards."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from email import message_from_bytes
from email import policy as mail_policy
from email.message import EmailMessage
from pathlib import Path

from classifier.tokens import Document, features
from mailhub import clock
from mailhub.config import Letters
from mailhub.outbound import letters
from mailhub.outbound.letters import Letter
from mailhub.privacy import erasure
from mailhub.privacy.erasing.mail import waiting_letters
from mailhub.proof import receipts
from mailhub.tickets import acts
from mailhub.tickets.merging import merge
from storage.tickets.tickets import find_ticket
from tests.houses.desk import post_of
from tests.privacy.erasing import scene as scenes
from tests.privacy.erasing import witness
from tests.privacy.erasing.scene import KEYS, KIM, NAME, Scene


def canaries(scene: Scene) -> list[tuple[str, bytes, bool, set[str]]]:
    """(what it is, its bytes, whether case matters, the places it was put)."""
    ids = scene.messages
    kim, name = KIM.encode(), NAME.encode()
    own, leo, quoting, mia, mia2 = (ids[each] for each in ("own", "leo", "quoting", "mia", "mia2"))
    wide, wide_be = NAME.encode("utf-16-le"), KIM.encode("utf-16-be")
    return [
        ("address of the contact", kim, False, {"column:contact_address.address"}),
        ("name of the contact", name, False, {"column:contact.name"}),
        ("From", kim, False, {f"header:{own}", "column:message.from_address"}),
        ("name in From", name, False, {f"header:{own}", "column:message.from_name"}),
        (
            "subject",
            b"canarysubject",
            False,
            {f"header:{own}", "column:message.subject", "column:ticket.subject"},
        ),
        ("body word", b"canaryown", False, {f"raw:{own}", f"part:{own}"}),
        ("attachment's name", b"canaryname", False, {f"filename:{own}", f"raw:{own}"}),
        ("attachment's bytes", b"canarybytes", False, {f"part:{own}"}),
        ("attachment in base64", base64.b64encode(b"canarybytes of a file"), True, {f"raw:{own}"}),
        ("trace of a duplicate", b"canarytrace", False, {"column:intake.trace"}),
        ("reverse path", kim, False, {"column:intake.mail_from"}),
        ("note on his ticket", b"canarynote", False, {"column:note.text"}),
        ("draft on his ticket", b"canarydraft", False, {"column:draft.text"}),
        ("draft on another's ticket", kim, False, {"column:draft.text", "column:draft.cc_addresses"}),
        ("rule about him", kim, False, {"column:rule.name", "column:rule.text"}),
        ("our answer to him", b"canaryanswer", False, set()),
        ("outbox", kim, False, {"column:outbox.recipient"}),
        ("his request", kim, False, {"column:privacy_request.address"}),
        ("participant", kim, False, {"column:participant.address"}),
        ("Cc", kim, False, {f"header:{leo}", f"raw:{leo}"}),
        ("name in Cc", name, False, {f"header:{leo}"}),
        ("quoted by Leo", b"sandwort", False, {f"raw:{quoting}", f"part:{quoting}"}),
        ("quoted line", b"canaryreply", False, {f"raw:{quoting}", f"part:{quoting}"}),
        ("attribution", name, False, {f"part:{quoting}"}),
        ("mailto link", b"mailto:kim.zz%40customer.example", False, {f"part:{quoting}"}),
        ("note on another's ticket", kim, False, {"column:note.text"}),
        ("upper case", KIM.upper().encode(), True, {f"part:{mia}"}),
        ("name in lower case", NAME.lower().encode(), True, {f"part:{mia}"}),
        ("attachment in UTF-16", wide, True, {f"part:{mia}"}),
        ("attachment in UTF-16BE", wide_be, True, {f"part:{mia}"}),
        ("base64 at an offset", scenes.BLOB[4:-4], True, {f"raw:{mia2}"}),
        ("file name", f"{KIM}-0.csv".encode(), False, {f"filename:{mia}"}),
        ("forwarded mail", b"forwarded by " + kim, False, {f"raw:{mia}"}),
        ("name in NFD in an encoded word", name, False, {f"header:{mia2}"}),
        ("quoted-printable", name, False, {f"part:{mia2}"}),
        ("header of no meaning", kim, False, {f"header:{mia2}"}),
        ("VERP", b"kim.zz=customer.example", False, {"column:intake.mail_from"}),
    ]


def own_features() -> set[int]:
    """Features that only their words give: neighbours in a text, and their address in a From."""
    secret = int.from_bytes(KEYS.derive("features")[:8], "big")
    common = set(features(Document(text="plumbago\n"), secret=secret).tolist())
    said = set(features(Document(text="quillwort ragwort sandwort"), secret=secret).tolist())
    return {each for each in said - common if each >> 21 == 2}


def test_nothing_is_left_anywhere(scene: Scene, tmp_path: Path) -> None:
    """Every canary is found where it was put before, and at the moment "done" is said nowhere at all."""
    planted = canaries(scene)
    assert len(planted) >= 30
    for what, content, exactly, where in planted:
        found = witness.holding(tmp_path, content, exactly=exactly)
        assert found, what
        assert where <= found, (what, where - found)
    identifiers = own_features()
    assert witness.labelled_with(tmp_path, identifiers) == {
        scene.messages["own"],
        scene.messages["quoting"],
        scene.messages["reply"],
    }
    assert witness.counted(
        scene.desk.filing.models.snapshot(scene.desk.writer, scene.desk.account), identifiers
    )
    assert all(
        witness.indexed(tmp_path, word) for word in ("zanzibari", "canaryown", "sandwort", "canaryreply")
    )
    done = scene.erase()
    assert (done.state, done.reason) == ("done", "")
    left = {
        what: found
        for what, content, exactly, _ in planted
        if (found := witness.holding(tmp_path, content, exactly=exactly))
    }
    assert left == {}, left
    assert witness.labelled_with(tmp_path, identifiers) == set()
    assert (
        witness.counted(scene.desk.filing.models.snapshot(scene.desk.writer, scene.desk.account), identifiers)
        == 0
    )
    assert not any(
        witness.indexed(tmp_path, word) for word in ("zanzibari", "canaryown", "sandwort", "canaryreply")
    )


def test_others_keep_their_own_words(scene: Scene, tmp_path: Path) -> None:
    """What Leo and Mia wrote themselves is there after the erasure, in text and index."""
    assert scene.erase().state == "done"
    for words in (b"Leos own words", b"Leo agrees", b"About", b"Long line before it"):
        assert witness.holding(tmp_path, words), words
    assert witness.indexed(tmp_path, "agrees") == {scene.messages["quoting"]}
    assert scene.desk.faults() == []


def test_the_receipt_says_what_was_done(scene: Scene) -> None:
    """It verifies, names nobody but whom to ask, counts every store, and its three digests of the model tell
    a replay.
    """
    scene.parts = replace(scene.parts, data_protection_contact="dpo@hub.example")
    done = scene.erase()
    assert done.receipt is not None
    body = receipts.verify(done.receipt, receipts.public_key_of(KEYS))
    assert body["data_protection_contact"] == "dpo@hub.example"
    assert body["counts"]["redacted"] >= 5
    assert body["counts"]["tickets"] == 1
    assert body["search"]["hits"] == 0
    assert body["model"]["after"] == body["model"]["replay"] != body["model"]["before"]
    assert "PostgreSQL" in " ".join(body["not_reached"])
    text = json.dumps(body).lower()
    assert not any(word in text for word in ("kim", "zanzibari", "customer.example"))


def test_a_letter_to_another_goes_out_without_him(scene: Scene) -> None:
    """The reason of a refusal can name them: sealed in the outbox, it is a value that our keys can open."""
    desk = scene.desk
    post = post_of(
        desk, letters=Letters(sender="noreply@hub.example", site="https://hub.example"), relay=desk.relay
    )
    letter = Letter(
        account=desk.account,
        kind="request-refused",
        recipient="leo@other.example",
        values={"mailbox": "support@example.com", "reason": f"it is about {NAME} <{KIM}>"},
        not_after=desk.now + clock.DAY,
    )
    assert desk.do(lambda tx: letters.queue(tx, post, letter, now=desk.now)) == "queued"

    def waiting() -> list[bytes]:
        return [
            raw for row, raw in waiting_letters(desk.database, KEYS, desk.account) if row.recipient != KIM
        ]

    assert [b"Kim Zanzibari" in raw for raw in waiting()] == [True]
    assert scene.erase().state == "done"
    [raw] = waiting()
    text = message_from_bytes(raw, _class=EmailMessage, policy=mail_policy.default).get_content()
    assert ("You may object" in text, "zanzibari" in text.lower(), KIM in text) == (True, False, False)


def test_people_like_him_stay(scene: Scene, tmp_path: Path) -> None:
    """A look-alike address, the same name at another address, and a shared address keep their messages untouched."""
    desk = scene.desk
    others = {
        "longer": f"Akim <a{KIM}>",
        "domain": f"Other <{KIM}.org>",
        "namesake": f"{NAME} <kim@namesake.example>",
        "shared": "Office <office@customer.example>",
    }
    for name, sender in others.items():
        mail = scenes.written(
            sender, f"words of {name}", subject=f"From {name}", Message_ID=f"<{name}@x.example>"
        )
        scene.messages[name] = desk.message_of(desk.receive(mail.as_bytes(), mail_from=None))
    before = {name: raw_of(tmp_path, scene.messages[name]) for name in others}
    assert scene.erase().state == "done"
    assert {name: raw_of(tmp_path, scene.messages[name]) for name in others} == before
    assert witness.holding(tmp_path, b"a" + KIM.encode())
    assert "column:contact.name" in witness.holding(tmp_path, NAME.encode())


def test_a_restored_contact_is_erased_again(scene: Scene, tmp_path: Path) -> None:
    """What a restore brings back from before the cut goes again; new mail of the same address stays."""
    assert scene.erase().state == "done"
    desk = scene.desk
    desk.receive(scenes.written(f"{NAME} <{KIM}>", "restored", Message_ID="<restored@k.x>").as_bytes())
    assert erasure.reapply(scene.parts, since=clock.now()) == 0  # a backup from after the erasure
    assert erasure.reapply(scene.parts, since=0) == 1
    assert witness.holding(tmp_path, KIM.encode()) == set()


def raw_of(directory: Path, message: int) -> bytes:
    """The bytes of a message, by the witness."""
    return next(content for place, content in witness.places(directory) if place == f"raw:{message}")


def test_a_bounce_robot_is_nobody_in_a_ticket(scene: Scene) -> None:
    """A bounce of our answer, and an autoresponder's word, keep no ticket of who is erased; a person's mail does."""
    desk = scene.desk
    robots = (
        (
            "MAILER-DAEMON <mailer-daemon@mx.example>",
            {"Auto_Submitted": "auto-replied", "X_Failed_Recipients": KIM},
        ),
        ("Desk <desk@desk.example>", {"Auto_Submitted": "auto-replied"}),
    )
    for number, (sender, headers) in enumerate(robots):
        mail = scenes.written(
            sender, "not delivered", In_Reply_To="<own@k.x>", Message_ID=f"<r{number}@mx.example>", **headers
        )
        filed = desk.receive(mail.as_bytes(), mail_from=None)
        scene.messages[f"robot{number}"] = desk.message_of(filed)
    ticket = scenes._ticket(scene, "own")
    desk.act(acts.reopen, ticket)  # it was called spam
    for number in range(len(robots)):
        other = scenes._ticket(scene, f"robot{number}")
        if other != ticket:
            desk.act(merge, other, ticket)

    assert scene.erase().state == "done"
    with desk.database.read() as connection:
        assert find_ticket(connection, desk.account, ticket) is None
        assert find_ticket(connection, desk.account, scenes._ticket(scene, "leo")) is not None
