"""Whether what is set for mailhub's own letters can be used. Must not: load what sends them (`check-config`
asks here).
"""

from __future__ import annotations

from urllib.parse import urlsplit

from mailhub.config import Config
from mailhub.errors import ConfigurationError
from mailhub.outbound import gate


def require_usable(config: Config) -> None:
    """Raise ``ConfigurationError`` for a sender that is no address, or a site that is none of the web."""
    sender = config.letters.sender
    site = urlsplit(config.letters.site)
    deletion = config.lifecycle.deletion_address
    if sender and not gate.valid_address(sender):
        raise ConfigurationError(f"letters.sender: {sender} is no address that mail can come from")
    if config.letters.site and (site.scheme not in ("https", "http") or not site.hostname or site.query):
        raise ConfigurationError(
            "letters.site: give the address of the pages as https://HOST or https://HOST:PORT"
        )
    if deletion and (not gate.valid_address(deletion) or deletion != deletion.lower()):
        raise ConfigurationError("lifecycle.deletion_address: give one address, in lower case")
