"""From a parsed message to the ``Document`` that the classifier understands (it knows no e-mail). Pure, never raises.

What a filter or a mail store ahead of us wrote (X-Spam-*, Status, ...) and what we wrote (X-Mailhub-*) is
never looked at: it says what somebody else thought, not what the mail is. Received lines of the operator's
own hosts stay: they hold the client's address and name, the part of the chain that no sender can forge, and
what is in every mail weighs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from classifier import tokens
from mailhub.message.values import Parsed

_ADDED = re.compile(
    r"(?:x-.*(?:spam|virus|scan|bogosity|phish|junk).*|.*-spam-.*|spam|x-(?:mailhub|imap\w*|uid|keywords|status|mozilla|gmail|ham"
    r"|dspam|crm114|rspamd|pyzor|razor|barracuda|pmx|proofpoint|ms-exchange-organization|microsoft|forefront|ironport|loop)\b.*"
    r"|x-.*-(?:scl|bcl|score)|authentication-results|arc-.*|received-spf|status|content-length|lines|delivered-to|x-original-to"
    r"|x-envelope-.*|envelope-to|xref|x-evolution.*)\Z"
)
_SEPARATE = frozenset(["subject", "date"])  # the subject has a group of its own, a date only its shape
_OPAQUE = frozenset(
    ["dkim-signature", "domainkey-signature", "x-google-dkim-signature", "autocrypt"]
)  # key material
_IP = re.compile(r"\b(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.\d{1,3}\b")
_ADDRESS = re.compile(r"[^\s\"'<>\\]{1,300}")
_KINDS = str.maketrans(
    "".join(map(chr, [*range(97, 123), *range(65, 91), *range(48, 58)])), "a" * 26 + "A" * 26 + "0" * 10
)
_RUN = re.compile(r"([aA0])\1++")
_ONE_WORD = {
    code: f"_{code:x}" for code in range(128) if not chr(code).isalnum() and chr(code) not in "_$!'-"
}
_ZONE = re.compile(r"[+-]\d{4}.*")
_TEXT_LINKS = 10_000  # characters of the visible text that are searched for bare URLs


def document(raw: bytes, parsed: Parsed, authentication: Mapping[str, str] | None = None) -> tokens.Document:
    """The fields of a message for the classifier. ``authentication``: method -> result, e.g. {"dkim": "pass"}."""
    headers = _headers(parsed)
    links = dict.fromkeys([*parsed.links, *_bare_links(parsed.text[:_TEXT_LINKS])])

    return tokens.Document(
        headers=tuple(_words(headers)),
        marks=tuple(_marks(headers, authentication or {})),
        subject=parsed.subject,
        text=parsed.text,
        hidden_text=parsed.hidden_text,
        html=parsed.html,
        links=tuple(links),
        structure=tuple(_structure(raw, parsed)),
        spelling="".join([f"{name}: {value}\n" for name, value in headers]),
    )


def _bare_links(text: str) -> list[str]:
    """URLs that stand in the text as such, whatever their scheme: split at the literal, a fifth of a pattern's cost."""
    found = (_ADDRESS.match(piece) for piece in text.split("://", tokens.LINKS)[1:])
    return ["http://" + each.group() for each in found if each is not None]


def _headers(parsed: Parsed) -> list[tuple[str, str]]:
    """The headers the sender's side wrote, at most as many as the classifier looks at."""
    kept = []
    for name, value in parsed.headers:
        if _is_added(name.lower()):
            continue
        kept.append((name, value))
        if len(kept) == tokens.HEADER_LINES:
            break
    return kept


@lru_cache(maxsize=4096)
def _is_added(name: str) -> bool:
    """Whether a header of this lower-case name was added by a filter or a mail store."""
    return _ADDED.match(name) is not None


def _words(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Names in lower case; values only where words mean something."""
    words = []
    for name, value in headers:
        lower = name.lower()
        if lower not in _SEPARATE:
            words.append((lower, "" if lower in _OPAQUE else value))
    return words


def _marks(headers: list[tuple[str, str]], authentication: Mapping[str, str]) -> list[str]:
    """What the words of the headers do not say: shapes of ids and dates, networks, results of authentication."""
    marks = [f"auth-{method}-{result}" for method, result in sorted(authentication.items())]
    for name, value in headers:
        lower = name.lower()
        if lower == "received":
            for first, second, third in _IP.findall(value[:1000])[:4]:
                marks += [f"net-{first}-{second}", f"net-{first}-{second}-{third}"]
        elif lower == "message-id":
            marks.append("id-" + _shape(value.partition("@")[0].lstrip("<")))
        elif lower == "date":
            zone = _ZONE.search(value[:100])
            marks += ["date-" + _shape(value), "zone-" + _joined(zone.group() if zone else "none")]

    return marks


def _shape(value: str) -> str:
    """Runs of letters, capitals and digits as a, A and 0, so that values of one mailer look alike."""
    return _joined(_RUN.sub(r"\1", value[:100].translate(_KINDS)))


def _joined(value: str) -> str:
    """One word of the classifier: what separates words is replaced."""
    return value[:60].translate(_ONE_WORD)


def _structure(raw: bytes, parsed: Parsed) -> list[str]:
    """One word for each thing about the MIME structure."""
    words = [
        f"size-{len(raw).bit_length()}",
        f"text-size-{len(parsed.text).bit_length()}",
        *parsed.flags[:20],
    ]
    for part in parsed.parts[:20]:
        words += [f"type-{_joined(part.content_type)}", f"encoding-{_joined(part.encoding)}"]
        charset = part.parameters.get("charset")
        if charset:
            words.append(f"charset-{_joined(charset)}")

    for attachment in parsed.attachments[:10]:
        words.append(f"file-{_joined(attachment.filename.rpartition('.')[2][:10])}")
        words.append(f"file-size-{attachment.size_bytes.bit_length()}")

    return words
