"""A reload is seen everywhere: no part that the house hands out, and no job, keeps a setting that a reload changed."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from mailhub import clock, house, keys
from mailhub.config import SECTIONS, Authentication, Config, Retention, Storage
from mailhub.house import House
from mailhub.service import jobs, reloading
from storage.accounts.accounts import Account, add_account
from storage.mail.mailboxes import Mailbox, add_mailbox
from storage.schema import ticket
from storage.tickets.tickets import find_ticket
from storage.writer import Transaction

OTHER: dict[str, Any] = {  # settings whose other value has a form of its own
    "smtp.tls_certificate": "",
    "smtp.tls_key": "",
    "https.certificate": "",
    "https.key": "",
    "proxy.networks": "192.0.2.0/24",
    "proxy.header": "x-real-ip",
    "admin.users": {"1000": "owner@first.example"},
    "letters.sender": "noreply@hub.example",
    "letters.site": "https://hub.example",
    "retention.mailboxes": {"support@first.example": "trash 9"},
}


def _other(section: str, field: Any, value: Any) -> Any:
    """A usable value that is not this one."""
    name = f"{section}.{field.name}"
    if name in OTHER:
        return OTHER[name]
    if field.metadata["choices"]:
        return next(each for each in field.metadata["choices"] if each != value)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        most = field.metadata["maximum"]
        return value + 1 if most is None or value + 1 <= most else value - value / 2
    if isinstance(value, dict):
        return {"other": "other"}
    assert isinstance(value, str), f"{name} needs another value in OTHER"
    return "other"


def _changed(config: Config) -> Config:
    """The configuration with every setting changed that a reload can change."""
    sections = {}
    for name, kind in SECTIONS.items():
        section = getattr(config, name)
        other = {
            f.name: _other(name, f, getattr(section, f.name))
            for f in fields(kind)
            if not f.metadata["restart"]
        }
        sections[name] = replace(section, **other)
    return replace(config, **sections)


@pytest.fixture
def built(sqlite_path: Path) -> Iterator[House]:
    """A house with the settings that come with mailhub."""
    keys.create(sqlite_path.parent)
    config = Config(
        storage=Storage(directory=sqlite_path.parent), authentication=Authentication(enabled=False)
    )
    made = house.build(config, keys.load(sqlite_path.parent, {}))
    made.start()
    yield made
    made.close()


def _handed_out(made: House) -> dict[str, Any]:
    """Everything a flow is given of the house: the value of each property and method that needs no argument."""
    given = {}
    for name, member in inspect.getmembers(House):
        if name.startswith("_") or name in ("start", "close"):
            continue
        if isinstance(member, property):
            given[name] = getattr(made, name)
        elif inspect.isfunction(member):
            needs = [p for p in inspect.signature(member).parameters.values() if p.default is p.empty]
            if len(needs) == 1:
                given[name] = getattr(made, name)()
            elif [p.name for p in needs] == ["self", "account"]:
                given[name] = getattr(made, name)(1)
    return given


def _settings_in(value: Any, at: str) -> dict[str, Any]:
    """The plain values inside a part, by the path that leads to them."""
    if is_dataclass(value) and not isinstance(value, type):
        found: dict[str, Any] = {}
        for field in fields(value):
            found |= _settings_in(getattr(value, field.name), f"{at}.{field.name}")
        return found
    return {at: value} if isinstance(value, str | int | float | bool | dict | tuple | frozenset) else {}


def test_no_part_of_a_reloaded_house_has_an_old_value(built: House) -> None:
    """Reloaded to a configuration that differs in every setting, the house hands out what one made with it would."""
    before = {name: _settings_in(part, name) for name, part in _handed_out(built).items()}
    new = _changed(built.config)
    reloading.apply(built, new, {}, None)
    assert built.config == new
    expected = replace(built, configuration=type(built.configuration)(new))
    changed = 0
    for name, part in _handed_out(built).items():
        now = _settings_in(part, name)
        assert now == _settings_in(_handed_out(expected)[name], name)
        changed += now != before[name]
    assert changed >= 8  # the walk is not over parts without settings
    assert built.reception.context.filter.spam_probability == new.spam.spam_threshold
    assert built.imap._message_bytes.now == new.limits.message_bytes


def test_what_needs_a_restart_stays(built: House) -> None:
    """A setting that is read once keeps its value through a reload."""
    new = replace(built.config, storage=replace(built.config.storage, node=7))
    reloading.apply(built, new, {}, None)
    assert built.config.storage.node == 0


def _trashed(transaction: Transaction) -> int:
    """An account whose one ticket was put into the trash ten days ago."""
    row = Account(id=1, name="first", stage="active", billing="none", created_at=1, stage_entered_at=1)
    add_account(transaction.connection, row)
    mailbox = Mailbox(account_id=1, id=1, address="support@first.example", name="", created_at=1)
    add_mailbox(transaction.connection, mailbox)
    number = transaction.new_id()
    at = clock.now() - 10 * clock.DAY
    values = {"account_id": 1, "id": number, "number": 1, "mailbox_id": 1, "subject": "", "state": "trash"}
    values |= {"state_before": "open", "flood": 0, "message_count": 0, "verdict": "ham", "probability": 0.0}
    transaction.connection.execute(insert(ticket).values(**values, created_at=at, updated_at=at))
    return number


@pytest.mark.parametrize(("days", "stays"), [(30.0, True), (5.0, False)])
def test_the_retention_job_goes_by_the_rule_of_the_last_reload(
    built: House, days: float, stays: bool
) -> None:
    """The job that was made at the start deletes by the rule in force when it runs."""
    number = built.writer.run(_trashed)
    made = {job.name: job for job in jobs.jobs(built, lambda: False)}
    first = 5.0 if stays else 30.0
    for value in (first, days):
        reloading.apply(built, replace(built.config, retention=Retention(trash_days=value)), {}, None)
    made["retention"].work()
    with built.database.read() as connection:
        assert (find_ticket(connection, 1, number) is not None) is stays
