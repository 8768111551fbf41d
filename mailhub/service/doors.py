"""From the configuration to a door: which settings bound it, its certificate, and where it may listen."""

from __future__ import annotations

import socket
from dataclasses import fields
from pathlib import Path

from mailhub.access.networks import parse_rules
from mailhub.config import Config
from mailhub.errors import BadRequest, ConfigurationError
from mailhub.intake.smtp.limits import DoorSettings, is_loopback
from mailhub.system import certificates, listeners
from mailhub.system.outgoing import parse_local_servers


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
        tls = certificates.mail_context(Path(config.smtp.tls_certificate), Path(config.smtp.tls_key))

    return DoorSettings(hostname=hostname(config), tls=tls, require_tls=config.smtp.tls_required, **limits)


def require_own_machine(listener: socket.socket) -> None:
    """Raise ``ConfigurationError`` for a socket that others can reach: ApiTokens would go in the clear."""
    if listener.family != socket.AF_UNIX and not is_loopback(listener.getsockname()[0]):
        raise ConfigurationError(
            f"http.address: {listeners.shown(listener)} can be reached from elsewhere, and [http] speaks no TLS:"
            " listen on 127.0.0.1 or ::1, and open [https] for others"
        )


def require_proxies(config: Config) -> None:
    """Raise ``ConfigurationError`` when ``proxy.networks`` cannot be read."""
    try:
        parse_rules(config.proxy.networks)
    except BadRequest as error:
        raise ConfigurationError(f"proxy.networks: {error}") from None


def require_local_servers(config: Config) -> None:
    """Raise ``ConfigurationError`` when ``imap.local_servers`` cannot be read."""
    try:
        parse_local_servers(config.imap.local_servers)
    except ValueError as error:
        raise ConfigurationError(f"imap.local_servers: {error}") from None


def require_https(config: Config) -> None:
    """Raise ``ConfigurationError`` when the TLS door is to be open and its certificate cannot be used."""
    if config.https.enabled:
        certificates.https_context(config.https.certificate, config.https.key)
