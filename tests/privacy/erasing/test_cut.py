"""An erasure ends however much its person goes on writing: what came after the cut is a new contact's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mailhub.privacy import erasure
from storage.mail import raws
from storage.privacy import contacts
from tests.houses.desk import Desk
from tests.privacy.erasing import scene as scenes
from tests.privacy.erasing.scene import KIM, NAME

MOST = 400  # mails that come meanwhile: a bound against a test without end


def test_who_goes_on_writing_is_erased_up_to_the_cut(desk: Desk, tmp_path: Path) -> None:
    """Mail of the person and about them comes between any two turns; it stays, and nothing from before it does."""
    scene = scenes.set_up(desk, tmp_path)
    before = {name: scene.messages[name] for name in ("own", "reply")}
    came: list[int] = []

    def meanwhile() -> bool:
        """Asked between two pieces of work whether the process stops: it does not, and mail comes."""
        if len(came) < MOST:
            number = len(came)
            if number % 2:
                mail = scenes.written(
                    f"{NAME} <{KIM}>", f"later words {number}", Message_ID=f"<l{number}@k.x>"
                )
            else:
                text = f"Where is {KIM}? ({number})"
                mail = scenes.written(
                    "Leo <leo@leo.example>", text, Cc=f"{NAME} <{KIM}>", Message_ID=f"<l{number}@l.x>"
                )
            came.append(desk.message_of(desk.receive(mail.as_bytes(), mail_from=KIM)))
        return False

    parts = replace(scene.parts, stopping=meanwhile)
    begun = erasure.begin(parts, "user:1", desk.account, [KIM], now=desk.now)
    done = erasure.run(parts, desk.account, begun.erasure)
    assert (done.state, done.reason) == ("done", "")
    assert len(came) < MOST
    with desk.database.read() as connection:
        assert all(raws.read(connection, desk.account, each) is None for each in before.values())
        raw = raws.read(connection, desk.account, came[-1])
        assert raw is not None
        assert KIM.encode() in raw
        [contact] = contacts.contacts_of(connection, desk.account, [KIM])
        new = contacts.find_contact(connection, desk.account, contact)
    assert new is not None
    assert (new.name, new.addresses) == (NAME, (KIM,))
    assert desk.faults() == []

    again = scene.erase()
    assert again.state == "done"
    with desk.database.read() as connection:
        assert contacts.contacts_of(connection, desk.account, [KIM]) == []
