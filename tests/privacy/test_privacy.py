"""The record of processing says what the catalogue and the configuration say."""

from __future__ import annotations

from dataclasses import replace

from mailhub.config import Config, Privacy, Relay
from mailhub.privacy import record as privacy
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
