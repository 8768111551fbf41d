"""The record of processing says what the catalogue and the configuration say."""

from __future__ import annotations

from dataclasses import replace

from mailhub import clock
from mailhub.config import Config, Privacy, Relay, Retention
from mailhub.privacy import record as privacy
from mailhub.privacy.privacy_requests import KEPT
from mailhub.service import jobs
from storage import catalogue
from storage.schema import metadata


def test_every_table_with_personal_data_has_one_purpose() -> None:
    """Each table with personal data belongs to exactly one activity, and no activity names another table."""
    named = [table for activity in privacy.ACTIVITIES for table in activity.tables]
    personal = [
        table.name for table in metadata.sorted_tables if any(c.info["personal"] for c in table.columns)
    ]
    assert sorted(named) == sorted(personal)


def test_every_category_and_term_has_words() -> None:
    """No category and no retention of the catalogue is missing from the record's vocabulary."""
    assert set(privacy.CATEGORIES) == set(catalogue.CATEGORIES)
    used = {c.info["retention"] for t in metadata.sorted_tables for c in t.columns if c.info["personal"]}
    told = {text for each in privacy.make_record(Config(), []).processing for text in each.retention}
    assert len(told) == len(used)


def test_the_record_says_periods_in_days_and_where_backups_go() -> None:
    """Art. 30(1) f, e: each term with today's numbers; transfers with safeguards; paths for the operator alone."""
    named = Privacy(transfers={"Mail Inc.": "USA, standard contractual clauses"})
    config = replace(Config(), privacy=named, retention=Retention(trash_days=11, closed_days=0, log_days=12))
    record = privacy.make_record(config, [])
    told = " ".join(text for each in record.processing for text in each.retention)
    for said in (
        "after 11 days",
        "closed ones by no date",
        "refusals after 12 days",
        "30 days after its end",
    ):
        assert said in told, said
    assert "Mail Inc.: USA" in privacy.to_markdown(record)
    assert record.backup_targets == ("1 places: each backup for 30 days",)
    [path] = privacy.make_record(config, [], with_paths=True).backup_targets
    assert path == f"{config.backup_targets[0]}: each backup for 30 days"
    assert privacy.ENDED_DAYS == jobs.LOGIN_DAYS == KEPT // clock.DAY


def test_the_processors_part_is_there_where_one_is_named() -> None:
    """Art. 30(2): who processes for whom, which categories, transfers and measures; without a processor, none."""
    named = Privacy(controller="Example GmbH", processor="Hoster Ltda., Rio", subprocessors={"Host AG": "x"})
    text = privacy.to_markdown(privacy.make_record(replace(Config(), privacy=named), []))
    part = text.partition("art. 30(2)")[2]
    for said in ("Hoster Ltda.", "On behalf of: Example GmbH", "answering support mail", "Host AG"):
        assert said in part, said
    assert "30(2)" not in privacy.to_markdown(privacy.make_record(Config(), []))


def test_the_record_names_who_gets_data() -> None:
    """Relay, providers and subprocessors of the configuration stand in the record, and its text."""
    named = Privacy(controller="Example GmbH", subprocessors={"Host AG": "hosting, Germany"})
    config = replace(Config(), privacy=named, relay=Relay(host="smart.example"))
    record = privacy.make_record(config, ["imap.example", "imap.example"])
    text = privacy.to_markdown(record)
    assert [each.partition(":")[0] for each in record.recipients[:2]] == ["smart.example", "imap.example"]
    assert record.missing == ("privacy.data_protection_contact", "privacy.locations")
    assert all(
        word in text for word in ("Example GmbH", "Host AG: hosting, Germany", "smart.example", "art. 30")
    )
