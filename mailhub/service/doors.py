"""From the configuration to a door: which settings bound it, and its certificate."""

from __future__ import annotations

import socket
from dataclasses import fields
from pathlib import Path

from mailhub.config import Config
from mailhub.errors import ConfigurationError
from mailhub.intake.door import tls_context
from mailhub.intake.limits import DoorSettings


def hostname(config: Config) -> str:
    """What this host calls itself to others."""
    return config.smtp.hostname or socket.getfqdn()


def settings(name: str, config: Config) -> DoorSettings:
    """What the door ``smtp`` or ``lmtp`` allows. Raises ``ConfigurationError``, also for an unusable certificate."""
    shared = {field.name for field in fields(DoorSettings)} & {field.name for field in fields(config.limits)}
    limits = {limit: getattr(config.limits, limit) for limit in shared}
    if name == "lmtp":
        return DoorSettings(hostname=hostname(config), **limits)
    if bool(config.smtp.tls_certificate) != bool(config.smtp.tls_key):
        raise ConfigurationError("smtp.tls_certificate and smtp.tls_key go together: give both or neither")
    if config.smtp.tls_required and not config.smtp.tls_certificate:
        raise ConfigurationError("smtp.tls_required needs smtp.tls_certificate and smtp.tls_key")
    tls = None
    if config.smtp.tls_certificate:
        tls = tls_context(Path(config.smtp.tls_certificate), Path(config.smtp.tls_key))
    return DoorSettings(hostname=hostname(config), tls=tls, require_tls=config.smtp.tls_required, **limits)
