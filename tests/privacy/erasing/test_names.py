"""Whose a name is: its bearer chose it, others write it too, and what was not looked for is said."""

from __future__ import annotations

import json
import unicodedata
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from mailhub.errors import Conflict
from mailhub.privacy import erasure
from mailhub.privacy.erasing.names import folded, pattern_of, why_refused
from mailhub.privacy.erasing.plan import make_plan
from mailhub.proof import receipts
from mailhub.proof.act import Act
from mailhub.tickets import acts
from storage.mail import raws
from storage.privacy.erasures import Erasure
from storage.tickets.notes import list_notes
from tests.houses.desk import Desk
from tests.privacy.erasing import scene as scenes
from tests.privacy.erasing.scene import KEYS, Scene

ZED = "zed@chosen.example"


def receive(desk: Desk, sender: str, text: str, *, subject: str = "Hello", **headers: str) -> int:
    """File a mail; the message it became."""
    given = {"Message_ID": f"<names-{len(desk.numbers)}@x.example>", **headers}
    desk.numbers.append(len(desk.numbers))
    made = scenes.written(sender, text, subject=subject, **given)
    return desk.message_of(desk.receive(made.as_bytes(), mail_from=None))


def text_of(desk: Desk, message: int) -> str:
    """The text of a stored message."""
    with desk.database.read() as connection:
        raw = raws.read(connection, desk.account, message)
    assert raw is not None
    made = message_from_bytes(raw, _class=EmailMessage, policy=policy.default)
    body = made.get_body(preferencelist=("plain", "html"))
    assert body is not None
    return f"{made['Subject']}\n{body.get_content()}"


def erase(scene: Scene, *addresses: str, names: tuple[str, ...] = ()) -> Erasure:
    """As an agent does, who agrees to these names."""
    desk = scene.desk
    agreed = erasure.agreeable(scene.parts, desk.account, addresses, names)
    begun = erasure.begin(scene.parts, "user:1", desk.account, addresses, names=agreed, now=desk.now)
    done = erasure.run(scene.parts, desk.account, begun.erasure)
    assert (done.state, done.reason) == ("done", "")
    return done


@pytest.mark.parametrize(
    "name", ["team", "offer", "Best regards", "The Support Team", "Mit freundlichen Grüßen"]
)
def test_who_calls_themselves_by_a_word_takes_it_from_nobody(scene: Scene, name: str) -> None:
    """A name nobody agreed to stays in others' words, and a common word cannot even be agreed to."""
    desk = scene.desk
    receive(desk, f"{name} <{ZED}>", "Erase me.")
    words = f"Ask the team for an offer.\nThe support team says so.\n{name}, Mia"
    other = receive(desk, "Mia <mia@other.example>", words, subject=f"About {name}")
    before = text_of(desk, other)
    with pytest.raises(Conflict, match="words that letters are made of"):
        erasure.agreeable(scene.parts, desk.account, [ZED], [name])
    erase(scene, ZED)
    assert text_of(desk, other) == before


@pytest.mark.parametrize(
    ("erased", "other"),
    [
        ("José García", "JOSE GARCIA"),
        ("Jose Garcia", "José García"),
        (unicodedata.normalize("NFD", "Zélie Dúpont"), unicodedata.normalize("NFC", "Zélie Dúpont")),
        ("José García", "García, José"),
        ("José García", "José García López"),
        ("Ana Rose", unicodedata.normalize("NFD", "Ana Rosé")),
        ("山田花子", "山田花子"),
        ("Kim", "Kim Novák"),
    ],
)
def test_a_namesake_keeps_theirs(scene: Scene, erased: str, other: str) -> None:
    """Another contact's name, however it is spelled, is refused as a name to replace, and stays where they wrote it."""
    desk = scene.desk
    receive(desk, f"{erased} <{ZED}>", "Erase me.")
    message = receive(desk, f'"{other}" <other@other.example>', f"I am {other}.\n{other}")
    before = text_of(desk, message)
    with pytest.raises(Conflict, match="the name of another"):
        erasure.agreeable(scene.parts, desk.account, [ZED], [erased])
    erase(scene, ZED)
    assert text_of(desk, message) == before


@pytest.mark.parametrize("name", ["ana", "Example Support", "Example"])
def test_names_of_the_house_stay(scene: Scene, name: str) -> None:
    """A user's, a mailbox's and the account's own name can be chosen by anybody and are replaced for nobody."""
    desk = scene.desk
    receive(desk, f"{name} <{ZED}>", "Erase me.")
    message = receive(desk, "Mia <mia@other.example>", f"Thank you, {name}!")
    with pytest.raises(Conflict):
        erasure.agreeable(scene.parts, desk.account, [ZED], [name])
    erase(scene, ZED)
    assert name in text_of(desk, message)


@pytest.mark.parametrize("name", ["Yu Li", "Björk", "山田花子", "김민수", "Kim Quillon", "Владимир Орлов"])
def test_a_name_that_was_agreed_to_goes_wherever_it_stands(scene: Scene, name: str) -> None:
    """Short, single and CJK names are found in others' mail and notes, and the plan showed where they stand."""
    desk = scene.desk
    receive(desk, f"{name} <zed@else.example>", "Erase me.")
    text = f"I met {name} today. 昨日{name}さんに会った。" if name == "山田花子" else f"I met {name} today."
    message = receive(desk, "Mia <mia@other.example>", f"{text}\nMia's own words.", subject=f"About {name}")
    ticket = scene.desk.ticket_of(desk.mail("Leo <leo@leo.example>"))
    desk.do(
        lambda tx: acts.note(
            Act(tx, desk.actor, desk.account, desk.now), ticket, user=desk.ana, text=f"{name} was there"
        )
    )
    plan = make_plan(scene.parts, desk.account, ["zed@else.example"])
    [shown] = [each for each in plan.names if each.name == name]
    assert (shown.refused, shown.notes) == ("", 1)
    assert shown.messages >= 1
    assert any("today" in each.sentence and each.author == "mia@other.example" for each in shown.places)
    erase(scene, "zed@else.example", names=(name,))
    assert name not in text_of(desk, message)
    assert "Mia's own words." in text_of(desk, message)
    with desk.database.read() as connection:
        [note] = list_notes(connection, desk.account, ticket)
    assert note.text == "[erased] was there"


def test_what_was_not_looked_for_is_an_exception_on_the_receipt(scene: Scene) -> None:
    """A receipt counts the names that nobody agreed to, and names none of them."""
    receive(scene.desk, f"Björk <{ZED}>", "Erase me.")
    done = erase(scene, ZED)
    assert done.receipt is not None
    body = receipts.verify(done.receipt, receipts.public_key_of(KEYS))
    assert [each["count"] for each in body["exceptions"]] == [1]
    assert "not looked for" in body["exceptions"][0]["what"]
    assert "Björk" not in json.dumps(body, ensure_ascii=False)


def test_a_namesake_who_comes_meanwhile_keeps_theirs(scene: Scene) -> None:
    """A name agreed to is given up when somebody else bears it by then; the receipt says so."""
    desk = scene.desk
    receive(desk, f"Zora Quill <{ZED}>", "Erase me.")
    begun = erasure.begin(scene.parts, "user:1", desk.account, [ZED], names=["Zora Quill"], now=desk.now)
    message = receive(desk, "Zora Quill <zora@other.example>", "I am Zora Quill.")
    done = erasure.run(scene.parts, desk.account, begun.erasure)
    assert "I am Zora Quill." in text_of(desk, message)
    assert done.receipt is not None
    body = receipts.verify(done.receipt, receipts.public_key_of(KEYS))
    assert any("others' by now" in each["what"] for each in body["exceptions"])


def test_a_name_at_the_address_is_evidently_theirs(scene: Scene) -> None:
    """However common, a name goes where it stands in the brackets' company of the address, and only there."""
    desk = scene.desk
    receive(desk, f"Offer <{ZED}>", "Erase me.")
    text = f'Write to "Offer" <{ZED}>, or {ZED} (Offer). It was a good offer.'
    message = receive(desk, "Mia <mia@other.example>", text)
    erase(scene, ZED)
    left = text_of(desk, message)
    assert "It was a good offer." in left
    assert "Offer" not in left


def test_what_many_write_is_nobodys(scene: Scene) -> None:
    """A name that people who have nothing to do with each other write is refused, whatever its words."""
    desk = scene.desk
    receive(desk, f"Black Friday <{ZED}>", "Erase me.")
    for number in range(3):
        receive(desk, f"P{number} <p{number}@other.example>", "Is it cheaper on Black Friday?")
    with pytest.raises(Conflict, match="too many people"):
        erasure.agreeable(scene.parts, desk.account, [ZED], ["Black Friday"])


def test_a_longer_word_holds_no_name() -> None:
    """Letters of any script go on beside a name: then it is another word."""
    pattern = pattern_of(["Jan Nov", "김민수", "山田花子"])
    assert pattern is not None
    for other in ("Jan Novák", "Ajan Nov", "Jan Nov-Meyer", "송김민수", "Jan Nov\u0301"):
        assert pattern.search(other) is None, other
    for theirs in ("jan\nnov.", "JAN_NOV", "김민수님이", "山田花子さん", "Jan Novさん"):
        assert pattern.search(theirs) is not None, theirs


def test_an_erasure_leaves_a_longer_name_alone(scene: Scene) -> None:
    """Neither the text nor the bytes of a file lose a word that only begins like a name or address."""
    desk = scene.desk
    receive(desk, f"Jan Nov <{ZED}>", "Erase me.")
    made = scenes.written(
        "Mia <mia@other.example>", f"Jan Novák and a{ZED} are others.", Message_ID="<l@x.x>"
    )
    made.add_attachment(
        f"Jan Novák;a{ZED};".encode(), maintype="application", subtype="x-thing", filename="list.bin"
    )
    message = desk.message_of(desk.receive(made.as_bytes(), mail_from=None))
    erase(scene, ZED, names=("Jan Nov",))
    with desk.database.read() as connection:
        assert raws.read(connection, desk.account, message) == made.as_bytes()


@pytest.mark.parametrize(
    ("one", "other"),
    [("JOSE  GARCIA", "josé garcía"), ("Straße", "STRASSE"), ("ｋｉｍ", "Kim"), ("O'Neil", "O’Neil")],
)
def test_folded_names_are_one(one: str, other: str) -> None:
    """Case, accents, widths and signs between words tell no two names apart."""
    assert folded(one) == folded(other)
    assert why_refused(one, [other]) == "of-others"
