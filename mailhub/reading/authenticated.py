"""What is kept of a message's authentication: one line of words on its row, for people, filter and second readings.

The words are those of RFC 8601 2.7. Must not: judge (``message/`` does), or read a mail.
"""

from __future__ import annotations

from mailhub.message.dmarc import aligned
from mailhub.message.values import Authentication

METHODS = ("spf", "dkim", "dmarc")


def to_words(known: Authentication | None) -> str:
    """``spf=.. dkim=.. dmarc=.. policy=.. by=..``, and ``arc=..`` the trusted sealer who excuses; "" where nobody has
    looked.
    """
    if known is None:
        return ""
    found = f"spf={known.spf} dkim={known.dkim} dmarc={known.dmarc} policy={known.policy or 'none'} by={known.source}"
    return f"{found} arc={known.sealer}" if known.sealer else found


def checked(text: str, *, domain: str) -> Authentication | None:
    """What our own check had found, with the author's domain from the raw message, which the line does not hold.

    None where a trusted host was believed: its header is still there, and says more than the line.
    """
    found = _pairs(text)
    if found.get("by") != "checked":
        return None
    spf, dkim, dmarc = (found.get(method, "none") for method in METHODS)
    return Authentication(
        spf=spf,
        dkim=dkim,
        dmarc=dmarc,
        policy=found.get("policy", ""),
        domain=domain,
        source="checked",
        sealer=found.get("arc", ""),
    )


def results(text: str) -> dict[str, str]:
    """Method -> result, for the filter; nothing where nobody has looked."""
    return {method: result for method, result in _pairs(text).items() if method in METHODS}


def _pairs(text: str) -> dict[str, str]:
    return {name: value for name, _, value in (word.partition("=") for word in text.split())}


def proves_author(known: Authentication, domain: str) -> bool:
    """Whether a mail is from the author whose domain this is (``Author.domain``): it is the one that was
    asked about, and DMARC passes, or without a policy SPF or DKIM passes for it. No domain, no proof.
    """
    if not domain or known.domain != domain:
        return False
    if known.dmarc != "none":
        return known.dmarc == "pass"
    if known.spf == "pass" and aligned(known.spf_domain, known.domain, strict=False):
        return True
    return any(aligned(each, known.domain, strict=False) for each in known.dkim_domains)
