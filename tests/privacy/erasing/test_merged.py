"""An erasure of a person with several contacts: all of them, said before; and nobody of whom they were parted."""

from __future__ import annotations

from pathlib import Path

from mailhub.backups.key_file import NAME as KEY_FILE
from mailhub.backups.making import create
from mailhub.backups.restoring import restore
from mailhub.config import Quotas
from mailhub.privacy import aliases, erasure, persons
from mailhub.privacy.erasing.plan import make_plan
from storage.backups.backups import Backup
from storage.database import Database
from storage.privacy import contacts
from storage.writer import WritingThread
from tests.privacy.erasing import scene as scenes
from tests.privacy.erasing import witness
from tests.privacy.erasing.scene import KEYS, KIM, NAME, Scene, written

SECOND, LEE = "kim.z@second.example", "lee@lee.example"


def contact_of(scene: Scene, address: str) -> int:
    with scene.parts.database.read() as connection:
        found = contacts.find_contact_of(connection, scene.desk.account, address)
    assert found is not None
    return found


def write_from_second(scene: Scene) -> int:
    """The person's mail from another address; that contact."""
    scene.desk.receive(written(f"{NAME} <{SECOND}>", "canarysecond here").as_bytes(), mail_from=SECOND)
    return contact_of(scene, SECOND)


def restored(scene: Scene, made: Backup, tmp_path: Path) -> tuple[Path, Database]:
    """The backup as a database elsewhere, with the erasures since done again."""
    into = tmp_path.parent / f"{tmp_path.name}-restored"
    into.mkdir()
    database = Database(into / "mailhub.sqlite3")
    folder = Path(made.targets[0])
    done = restore(folder / made.name, folder / KEY_FILE, KEYS, database, lambda _: None)
    writer = WritingThread(database)
    writer.start()
    parts = scenes.reopened(database, writer, into)
    parts.directory.refresh()
    erasure.reapply(parts, since=done.made_at)
    writer.close()
    return into, database


def test_an_erasure_takes_every_contact_of_the_person(scene: Scene, tmp_path: Path) -> None:
    """The plan names both addresses, and no namesake; by either address everything of both goes, and the name, too."""
    second = write_from_second(scene)
    before = make_plan(scene.parts, scene.desk.account, [KIM])
    assert second in before.namesakes
    assert [each.refused for each in before.names if each.name == NAME] == ["of-others"]

    scene.desk.act(persons.merge, contact_of(scene, KIM), second)

    plan = make_plan(scene.parts, scene.desk.account, [KIM])
    assert {KIM, SECOND} <= set(plan.addresses)
    assert second in plan.contacts
    assert second not in plan.namesakes
    assert plan.counts["messages"] == before.counts["messages"] + 1
    assert [each.refused for each in plan.names if each.name == NAME] == [""]
    assert scene.erase(SECOND).state == "done"
    for wanted in (KIM, SECOND, NAME, "canarysecond", "canaryown"):
        assert witness.holding(tmp_path, wanted.encode()) == set(), wanted


def test_who_was_parted_before_stays_after_a_restore(scene: Scene, tmp_path: Path) -> None:
    """A backup in which two contacts were one person is restored after they were parted and one was erased: one."""
    leo = contact_of(scene, "leo@leo.example")
    scene.desk.act(persons.merge, leo, contact_of(scene, KIM))
    made = create(scene.parts.vault, actor="operator")
    scene.desk.act(persons.unmerge, leo)
    assert scene.erase().state == "done"

    into, database = restored(scene, made, tmp_path)
    with database.read() as connection:
        left = contacts.find_contact(connection, scene.desk.account, leo)
    database.close()

    assert left is not None
    assert (left.addresses, left.merged_into) == (("leo@leo.example",), None)
    assert witness.holding(into, b"Leos own words")
    assert witness.holding(into, KIM.encode()) == set()


def test_whose_address_it_was_not_stays_after_a_restore(scene: Scene, tmp_path: Path) -> None:
    """An address added by mistake was taken away and its person erased: from an older backup that one goes alone."""
    leo = contact_of(scene, "leo@leo.example")
    scene.desk.act(aliases.add_alias, scene.parts.directory, leo, LEE, quotas=Quotas())
    scene.desk.receive(written(f"Lee <{LEE}>", "canarylee here").as_bytes(), mail_from=LEE)
    made = create(scene.parts.vault, actor="operator")
    assert scene.desk.act(aliases.take_address, leo, LEE).id != leo
    assert scene.erase(LEE).state == "done"
    assert witness.holding(tmp_path, b"Leos own words")

    into, database = restored(scene, made, tmp_path)
    with database.read() as connection:
        left = contacts.find_contact(connection, scene.desk.account, leo)
    database.close()

    assert left is not None
    assert left.addresses == ("leo@leo.example",)
    assert witness.holding(into, b"Leos own words")
    for wanted in (LEE, "canarylee"):
        assert witness.holding(into, wanted.encode()) == set(), wanted
