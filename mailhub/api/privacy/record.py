"""/v1/privacy: the record of processing (GDPR art. 30) and the subprocessors, from catalogue and configuration."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter

from mailhub.api.frame import shapes
from mailhub.callers.caller import InAccount
from mailhub.privacy import record as privacy

router = APIRouter(tags=["privacy"])


class Processing(shapes.Shape):
    """One thing that personal data is used for."""

    purpose: str
    basis: str
    subjects: list[str]
    categories: list[str]
    retention: list[str]


class Record(shapes.Shape):
    """The record of an account. `missing`: settings it needs and that are empty; `processor`: who runs it
    for the controller (art. 30(2)); `text`: all of it for people."""

    controller: str
    data_protection_contact: str
    locations: str
    processing: list[Processing]
    recipients: list[str]
    subprocessors: dict[str, str]
    transfers: dict[str, str]
    backup_targets: list[str]
    processor: str
    measures: list[str]
    missing: list[str]
    text: str


@router.get("/privacy/record")
def show_record(call: InAccount) -> Record:
    """What personal data is processed here: why, whose, which, how long, where, by whom, and how it is protected."""
    call.require("privacy.read")
    record = call.house.record_of(call.account, with_paths=call.actor.machine)
    return Record(**asdict(record), text=privacy.to_markdown(record))
