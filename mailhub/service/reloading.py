"""SIGHUP: a new configuration for a running daemon. All of it is checked first; then what can be applied is, in one go.

What cannot (``restart`` in config) keeps its old value until the next start, and the log names it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace

import structlog

from mailhub.config import SECTIONS, Config
from mailhub.config.file import changed
from mailhub.house import House
from mailhub.intake.smtp.door import Door
from mailhub.outbound import letter_settings
from mailhub.privacy.retention import parse_mailboxes
from mailhub.service import doors
from mailhub.service.tls_door import TlsDoor
from mailhub.system import logs
from mailhub.system.certificates import https_context

log = structlog.get_logger("mailhub.service.daemon")


def apply(house: House, new: Config, open_doors: Mapping[str, Door], tls: TlsDoor | None) -> None:
    """Give the house the new settings. Raises ``ConfigurationError`` and changes nothing when they cannot be used.

    A renewed certificate is used for the connections to come.
    """
    applied, waiting = changed(house.config, new)
    usable = _with_restart_settings_of(house.config, new)
    settings = {name: doors.settings(name, usable) for name in open_doors}
    context = tls and https_context(usable.https.certificate, usable.https.key)
    doors.require_proxies(usable)
    parse_mailboxes(usable.retention)
    letter_settings.require_usable(usable)
    for name, door in open_doors.items():
        door.configure(settings[name])
    if tls and context:
        tls.context = context
    logs.configure(usable.log.level, usable.log.format)
    log.info("configuration read again", applied=applied, needs_restart=waiting)
    house.configuration.replace(usable)
    house.budget.configure(usable.limits.in_flight_bytes, usable.limits.message_bytes)
    house.flights.at_once = usable.limits.copies_at_once


def _with_restart_settings_of(old: Config, new: Config) -> Config:
    """``new``, but what needs a restart as it is now."""
    sections = {}
    for section, kind in SECTIONS.items():
        kept = {
            field.name: getattr(getattr(old, section), field.name)
            for field in fields(kind)
            if field.metadata["restart"]
        }
        sections[section] = replace(getattr(new, section), **kept)
    return replace(new, **sections)
