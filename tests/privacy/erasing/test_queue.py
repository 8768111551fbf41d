"""The queue of erasures, on both engines: one that cannot go on stops no other and says why; accounts take turns."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from mailhub import keys
from mailhub.privacy import erasure
from mailhub.privacy.erasing import steps
from mailhub.privacy.erasing.person import Person
from mailhub.privacy.erasing.work import KEYS_FOLDER, Parts, Work, key_path, seal
from storage.accounts.accounts import Account, add_account
from storage.filter.senders import SenderRule, add_sender_rule
from storage.privacy import erasures
from storage.privacy.erasures import Erasure
from tests.houses.desk import Desk
from tests.privacy.erasing.scene import parts_of

LATER = 4_000_000_000_000_000
PEOPLE = ("ana@one.example", "bea@two.example", "cleo@three.example")


@pytest.fixture
def parts(desk: Desk, tmp_path: Path) -> Parts:
    """What erasures of the desk need."""
    return parts_of(desk, tmp_path)


def begin(desk: Desk, parts: Parts, address: str, *, account: int | None = None) -> int:
    """Ask for one."""
    return erasure.begin(parts, "user:1", account or desk.account, [address], now=desk.now).erasure


def row_of(desk: Desk, which: int, *, account: int | None = None) -> Erasure:
    """An erasure as it is."""
    with desk.database.read() as connection:
        found = erasures.find_erasure(connection, account or desk.account, which)
    assert found is not None
    return found


def test_people_who_are_named_by_rules_of_the_lists_go_one_after_the_other(desk: Desk, parts: Parts) -> None:
    """Each person with a rule in the allow or deny list is erased, their rule too, and a third person's begins."""
    for number, (address, which) in enumerate(zip(PEOPLE, ("allow", "deny", "allow"), strict=True)):
        rule = SenderRule(account_id=desk.account, id=70 + number, list=which, pattern=address, created_at=1)
        desk.do(lambda tx, rule=rule: add_sender_rule(tx.connection, rule))  # type: ignore[misc]
    begun = [begin(desk, parts, address) for address in PEOPLE]
    assert erasure.run_due(parts, now=LATER) == 3
    assert [row_of(desk, each).state for each in begun] == ["done"] * 3


def test_an_erasure_without_its_key_stops_no_other_and_says_so(desk: Desk, parts: Parts) -> None:
    """It waits with the reason and a later try each time, and goes on when the key is put back."""
    first, second = begin(desk, parts, PEOPLE[0]), begin(desk, parts, PEOPLE[1])
    path = key_path(parts.data, first)
    kept = path.read_bytes()
    keys.destroy(path)
    assert erasure.run_due(parts, now=LATER) == 1
    row = row_of(desk, first)
    assert (row.state, row.attempts, row_of(desk, second).state) == ("pending", 1, "done")
    assert "key is gone" in row.reason
    assert erasure.run_due(parts, now=row.next_attempt_at - 1) == 0
    path.write_bytes(kept)
    assert erasure.run_due(parts, now=LATER) == 1


@pytest.mark.parametrize("step", [each.name for each in steps.STEPS])
def test_a_step_that_fails_in_any_way_stops_no_other(
    desk: Desk, parts: Parts, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a step raises is told under an id, in the log and in the row, and only that erasure waits."""
    poisoned, sound = begin(desk, parts, PEOPLE[0]), begin(desk, parts, PEOPLE[1])

    def poison(each: steps.Step) -> steps.Step:
        def run(work: Work) -> None:
            if work.row.id == poisoned:
                raise LookupError("words of a row")
            each.run(work)

        return replace(each, run=run) if each.name == step else each

    monkeypatch.setattr(erasure, "STEPS", tuple(poison(each) for each in steps.STEPS))
    with capture_logs() as logs:
        assert erasure.run_due(parts, now=LATER) == 1
    row = row_of(desk, poisoned)
    assert (row.state, row.step, row_of(desk, sound).state) == ("pending", step, "done")
    told = next(each for each in logs if each["event"] == "an erasure failed")
    assert told["error_id"] in row.reason
    assert "words of a row" not in row.reason


def test_accounts_take_turns(desk: Desk, parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asked for three, before another account asked for one, delays that one by a single erasure."""
    other = 77
    whole = Account(
        id=other,
        name="Other",
        stage="active",
        billing="none",
        created_at=1,
        stage_entered_at=1,
        term_began_at=None,
    )
    desk.do(lambda tx: add_account(tx.connection, whole))
    for address in PEOPLE:
        begin(desk, parts, address)
    begin(desk, parts, "dan@four.example", account=other)
    order: list[int] = []
    run = erasure.run

    def noted(parts: Parts, account: int, which: int) -> Erasure:
        order.append(account)
        return run(parts, account, which)

    monkeypatch.setattr(erasure, "run", noted)
    assert erasure.run_due(parts, now=LATER) == 4
    assert order == [desk.account, other, desk.account, desk.account]


def test_a_key_whose_row_is_not_committed_yet_is_not_swept(
    desk: Desk, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look at the queue between the making of a key and the commit of its erasure leaves the key alone."""
    stopped, looks = replace(parts, stopping=lambda: True), list[threading.Thread]()

    def meanwhile(parts: Parts, which: int, person: Person) -> bytes:
        sealed = seal(parts, which, person)
        looks.append(threading.Thread(target=erasure.run_due, args=[stopped], kwargs={"now": LATER}))
        looks[0].start()
        looks[0].join(0.2)  # it ends when this turn does, or before it: that is what is asked
        return sealed

    monkeypatch.setattr(erasure, "seal", meanwhile)
    begun = erasure.begin(parts, "user:1", desk.account, [PEOPLE[0]], now=desk.now)
    looks[0].join()
    assert key_path(parts.data, begun.erasure).exists()
    (parts.data / KEYS_FOLDER / "12345.key").write_bytes(b"of none")
    assert erasure.run_due(parts, now=LATER) == 1
    assert list((parts.data / KEYS_FOLDER).iterdir()) == []
