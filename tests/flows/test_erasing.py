"""A person is erased by the real daemon: asked for on the command line, proven offline, and nothing brings
them back.
"""

from __future__ import annotations

import json
import signal
import sqlite3
import threading
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

from tests.houses.hub import Hub
from tests.privacy.erasing import witness

KIM, LOOK_ALIKE = "kim.zz@customer.example", "akim.zz@customer.example"
RACING = 500


def mail(number: int, sender: str = KIM, *, to: str = "", text: str = "canaryword") -> bytes:
    """One of many, each with an id of its own."""
    made = EmailMessage(policy=SMTP)
    made["From"], made["To"], made["Subject"] = (
        f"Kim Zanzibari <{sender}>",
        "support@example.com",
        f"canarysubject {number}",
    )
    made["Message-ID"] = f"<{number}@{sender}>"
    if to:
        made["Cc"] = to
    made.set_content(f"{text} {number}\n")
    return made.as_bytes()


def erase(hub: Hub, *addresses: str) -> dict[str, Any]:
    """`mailhub contact erase`, to its end."""
    erased: dict[str, Any] = hub.json("contact", "erase", *(addresses or (KIM,)), "--yes")
    return erased


def until_done(hub: Hub, erasure: int) -> dict[str, Any]:
    """What the erasure is when it is done."""
    hub.wait_until(lambda: hub.json("erasure", "show", str(erasure))["state"] == "done")
    shown: dict[str, Any] = hub.json("erasure", "show", str(erasure))
    return shown


def test_from_the_plan_to_the_receipt(own_hub: Hub) -> None:
    """The plan counts, the erasure ends done, the receipt verifies offline, and a resend is erased."""
    own_hub.send(mail(1), sender=KIM)
    own_hub.send(mail(2, LOOK_ALIKE), sender=LOOK_ALIKE)
    own_hub.send(mail(3, "leo@leo.example", to=KIM, text="leos words"), sender="leo@leo.example")
    plan = own_hub.json("contact", "erase", KIM, "--plan")
    assert (plan["counts"]["messages"], plan["counts"]["tickets"], plan["counts"]["mentions"]) == (1, 1, 1)
    done = erase(own_hub)
    assert (done["state"], done["reason"]) == ("done", "")
    assert witness.holding(own_hub.directory, b" " + KIM.encode()) == set()
    assert witness.holding(own_hub.directory, LOOK_ALIKE.encode())
    assert witness.holding(own_hub.directory, b"leos words")
    own_hub.send(mail(1), sender=KIM)
    assert "erased" in [each["fate"] for each in own_hub.json("intake", "list")]
    assert witness.holding(own_hub.directory, b"canarysubject 1") == set()
    receipt = own_hub.run("erasure", "receipt", str(done["id"]))
    path = own_hub.directory / "receipt.json"
    path.write_bytes(receipt.stdout)
    public = own_hub.json("erasure", "key")["public_key"]
    assert own_hub.stop() == 0
    about = ("--address", KIM, "--commitment-key", done["commitment_key"])
    verified = own_hub.run("erasure", "verify", str(path), "--public-key", public, *about, "--json")
    assert verified.returncode == 0, verified.stderr
    body = json.loads(verified.stdout)
    assert (body["verified"], body["about"], body["search"]["hits"]) == (True, True, 0)
    path.write_bytes(receipt.stdout.replace(b'"hits":0', b'"hits":1'))
    assert own_hub.run("erasure", "verify", str(path)).returncode == 65


def test_mail_that_races_is_erased_or_after_the_cut(own_hub: Hub) -> None:
    """Of 500 mails of the person sent meanwhile each is gone, or was received after the cut time of the receipt."""
    own_hub.send(mail(0), sender=KIM)
    sent = threading.Event()

    def send() -> None:
        with own_hub.smtp() as smtp:
            for number in range(1, RACING + 1):
                smtp.sendmail(KIM, ["support@example.com"], mail(number))
        sent.set()

    sender = threading.Thread(target=send)
    sender.start()
    begun = own_hub.json("contact", "erase", KIM, "--yes", "--no-wait")
    sender.join()
    assert sent.is_set()
    done = until_done(own_hub, begun["id"])
    body = json.loads(own_hub.call("GET", f"/v1/erasures/{begun['id']}/receipt")["receipt"])
    connection = sqlite3.connect(f"file:{own_hub.directory / 'mailhub.sqlite3'}?mode=ro", uri=True)
    left = connection.execute(
        "SELECT received_at FROM message WHERE lower(from_address) = ?", (KIM,)
    ).fetchall()
    connection.close()
    assert all(row[0] >= body["cut_at_microseconds"] for row in left)
    assert done["state"] == "done"
    assert body["counts"]["messages"] + len(left) == RACING + 1


def test_an_open_reader_makes_it_pending(own_hub: Hub) -> None:
    """While somebody reads, the log cannot be emptied: pending, with the reason; afterwards it goes on by itself."""
    own_hub.send(mail(1), sender=KIM)
    reader = sqlite3.connect(own_hub.directory / "mailhub.sqlite3", isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM message").fetchone() == (1,)
    waiting = erase(own_hub)
    assert (waiting["state"], waiting["step"]) == ("pending", "log")
    assert "reader" in waiting["reason"]
    reader.execute("COMMIT")
    reader.close()
    assert until_done(own_hub, waiting["id"])["state"] == "done"
    assert witness.holding(own_hub.directory, KIM.encode()) == set()


def test_a_killed_daemon_goes_on_by_itself(own_hub: Hub) -> None:
    """Killed in the middle, the next start finishes the erasure."""
    for number in range(20):
        own_hub.send(mail(number), sender=KIM)
    begun = own_hub.json("contact", "erase", KIM, "--yes", "--no-wait")
    own_hub.stop(signal.SIGKILL)
    own_hub.start()
    assert until_done(own_hub, begun["id"])["state"] == "done"
    assert witness.holding(own_hub.directory, KIM.encode()) == set()


def test_a_restore_of_an_older_backup_brings_nobody_back(own_hub: Hub, tmp_path: Path) -> None:
    """Back up, erase, restore by command: no byte of the person is there, everybody else's mail is."""
    own_hub.send(mail(1), sender=KIM)
    own_hub.send(mail(2, "leo@leo.example", to=KIM, text=f"leos words to {KIM}"), sender="leo@leo.example")
    made = own_hub.json("backup", "create")
    assert erase(own_hub)["state"] == "done"
    file = str(Path(made["targets"][0]) / made["name"])
    restored = own_hub.json("backup", "restore", file, "--into", str(tmp_path / "restored"))
    assert restored["erased_again"] >= 1
    assert witness.holding(tmp_path / "restored", KIM.encode()) == set()
    assert witness.holding(tmp_path / "restored", b"canaryword") == set()
    assert witness.holding(tmp_path / "restored", b"leos words")


def test_the_last_backup_goes_and_a_second_receipt_says_so(own_hub: Hub) -> None:
    """With the backup gone by its date, the command prints a receipt that verifies as the second to the first."""
    own_hub.send(mail(1), sender=KIM)
    own_hub.json("backup", "create")
    done = erase(own_hub)
    early = own_hub.run("erasure", "receipt", str(done["id"]), "--second")
    assert (early.returncode, b"no second receipt" in early.stderr) == (65, True)
    assert own_hub.stop() == 0
    with sqlite3.connect(own_hub.directory / "mailhub.sqlite3") as connection:
        connection.execute("UPDATE backup SET expires_at = 0")
    connection.close()
    own_hub.start()
    own_hub.run("backup", "expire")
    assert own_hub.json("erasure", "show", str(done["id"]))["backups_gone_at"] is not None
    paths = {}
    for name, option in (("first", ()), ("second", ("--second",))):
        paths[name] = own_hub.directory / f"{name}.json"
        paths[name].write_bytes(own_hub.run("erasure", "receipt", str(done["id"]), *option).stdout)
    verified = own_hub.json("erasure", "verify", str(paths["second"]), "--first", str(paths["first"]))
    assert (verified["kind"], verified["follows"]) == ("backups-gone", True)
    assert (
        own_hub.run("erasure", "verify", str(paths["second"]), "--first", str(paths["second"])).returncode
        == 65
    )
