"""Believes what a trusted host says about a mail: its Authentication-Results header (RFC 8601). Pure, linear.

For doors behind somebody else's MX (LMTP, loopback, IMAP). Only a host the operator names counts, and only fields
above the first Received below the topmost of them: anything lower was there before the trusted host had the mail, and
may be forged (RFC 8601 5). Milters put theirs below their own host's Received, right on top of what the sender wrote:
so of each method the topmost field that has it decides, and where the host writes none it must strip forged ones
(README, "Behind Postfix").

What a host strips by its own reading must be all that we believe by ours. So the bytes are read, not decoded text:
the name stands right before its colon, and the identity is a plain token with nothing but blanks before it: no
encoded word, comment or quotes, which are not how hosts write themselves. A field of a trusted host that is not of
RFC 8601's grammar behind that is believed in nothing, and neither is the author then: a sender can put words into it
by their reverse path. Microsoft 365 writes no identity: its topmost field is believed where the operator names
``mail.protection.outlook.com``, stands right above that hop's own Received, and below none but its hosts'. Policies
are written in every way but a standard one: OpenDMARC and Gmail ``(p=reject dis=none)``, rspamd ``(policy=reject)``,
Microsoft ``action=oreject``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mailhub.message.dmarc import aligned, organisation
from mailhub.message.dns_questions import ascii_name
from mailhub.message.values import Authentication

MICROSOFT = "mail.protection.outlook.com"  # by which the operator says that mail comes from Microsoft 365
VALUE_CHARACTERS = 8_000
FIELDS = 10  # of one host; a host writes one, or one a method
RESULTS = 50  # of one field

_IDENTITY = re.compile(rb"[ \t\r\n]*([A-Za-z0-9._-]{1,255})(?=[ \t\r\n;(]|\Z)")
_UNNAMED = re.compile(rb"[ \t\r\n]*+(?:spf|dkim|dmarc)=", re.IGNORECASE)
_BY = re.compile(rb"(?<![^\s(])by[ \t\r\n]++([^\s;()]{1,255})", re.IGNORECASE)
_MICROSOFTS_HOSTS = (b".outlook.com", b".exchangelabs.com")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|[();]|\\.|[^"();\\]++|.', re.DOTALL)
_ODD = re.compile(r"[^\t\r\n\x20-\x7e]")
_RESULT = re.compile(r"\s*+([a-z][a-z0-9_.-]*+)\s*+(?:/\s*+\d++\s*+)?=\s*+([a-z]++)(?![^\s])", re.IGNORECASE)
_PAIR = re.compile(
    r'\s++([a-z][a-z0-9_.-]*+)\s*+=\s*+("(?:[^"\\]|\\.)*+")?([^\s"]*+)(?![^\s])', re.IGNORECASE
)
_DOT = re.compile(r"\s*+\.\s*+(?=[a-z]+\s*+=)", re.IGNORECASE)
_POLICY = re.compile(
    r"(?<![\w.])(p|sp|dis|policy|policy\.dmarc|action)\s{0,9}=\s{0,9}(?:o\.?|pct\.)?(none|quarantine|reject)\b",
    re.IGNORECASE,
)
_METHODS = frozenset(("spf", "dkim", "dmarc", "arc"))
_STRICTNESS = ("none", "quarantine", "reject")
_WORDS = frozenset(("pass", "fail", "softfail", "neutral", "none", "temperror", "permerror"))
_ALIASES = {
    "hardfail": "fail",
    "policy": "fail",
    "error": "temperror",
    "unknown": "permerror",
    "bestguesspass": "none",
}
_RANK = ("pass", "temperror", "fail", "permerror", "softfail", "neutral", "none")


def authentication_results(
    fields: Sequence[tuple[bytes, bytes]], trusted_hosts: Collection[str], author: str
) -> Authentication | None:
    """What a trusted host found, None when no such field counts. ``fields``: as ``author.fields_of`` yields them.

    ``author`` is the domain of the one author (``Author.domain``), "" when there is none or several: that is a
    permerror, whatever the host found. A result about another domain (``header.from``) fails: it says nothing of them.
    """
    found, host, _ = _of_hosts(fields, trusted_hosts)
    return _read(found, host, author) if found else None


def written_by(fields: Sequence[tuple[bytes, bytes]]) -> str:
    """By which name the topmost field would be believed, "" where there is none: what an operator might trust."""
    for name, value in fields:
        if name == b"authentication-results":
            identity = _IDENTITY.match(value)
            if identity is not None and not _UNNAMED.match(value):
                return identity[1].decode("ascii").lower()
            return MICROSOFT if _of_microsoft(fields) is not None else ""
    return ""


def below_hop(fields: Sequence[tuple[bytes, bytes]], trusted_hosts: Collection[str]) -> int:
    """The first field that was there before the trusted host whose results count had the mail."""
    return _of_hosts(fields, trusted_hosts)[2]


def says_pass(value: bytes, author: str) -> bool:
    """Whether a field without its name says that DMARC passes for a domain, whoever wrote it."""
    identity = _IDENTITY.match(value)
    return identity is not None and _read([value[identity.end() :]], "", author).dmarc == "pass"


def _of_hosts(
    fields: Sequence[tuple[bytes, bytes]], trusted_hosts: Collection[str]
) -> tuple[list[bytes], str, int]:
    """(the fields that count, without identity; the topmost one's host; where what was there before it begins)."""
    trusted = {host.lower() for host in trusted_hosts}
    found: list[bytes] = []
    host = ""
    below = len(fields)

    for index, (name, value) in enumerate(fields):
        if name.strip() == b"received" and found:
            below = index
            break
        identity = _IDENTITY.match(value) if name == b"authentication-results" else None
        if identity is not None and (who := identity[1].decode("ascii").lower()) in trusted:
            found.append(value[identity.end() :])
            host = host or who
            if len(found) >= FIELDS:
                break

    if not found and MICROSOFT in trusted and (unnamed := _of_microsoft(fields)) is not None:
        value, below = unnamed
        return [value], MICROSOFT, below

    return found, host, below


def _of_microsoft(fields: Sequence[tuple[bytes, bytes]]) -> tuple[bytes, int] | None:
    """The field without an identity that Microsoft 365 wrote, as if it had an empty one, and where its hop's own
    Received stands; None where it may be another's.

    Whoever sends us mail by another way cannot take away the Received of the host that had it last: above the
    field there is none but Microsoft's, and right below it the one of the hop that looked.
    """
    value: bytes | None = None
    for index, (name, each) in enumerate(fields):
        if name.strip() == b"received":
            if not _is_microsofts(each):
                return None
            if value is not None:
                return value, index
        elif name.strip() == b"authentication-results" and value is None:
            if name != b"authentication-results" or not _UNNAMED.match(each):
                return None
            value = b";" + each
    return None


def _is_microsofts(received: bytes) -> bool:
    """Whether a Received was written by a host of Microsoft 365: each "by" in it names one."""
    hosts = _BY.findall(received[:VALUE_CHARACTERS])
    return bool(hosts) and all(host.lower().endswith(_MICROSOFTS_HOSTS) for host in hosts)


@dataclass(frozen=True, slots=True)
class _Result:
    word: str
    properties: tuple[tuple[str, str], ...]
    policies: tuple[tuple[str, str], ...]

    def named(self, *names: str) -> list[str]:
        """The values of these properties, in the order of the names."""
        return [value for wanted in names for name, value in self.properties if name == wanted]


def _results(value: bytes) -> dict[str, list[_Result]] | None:
    """Method -> what one field says of it behind its authserv-id; None when it is odd anywhere."""
    text = value.decode("latin-1")
    items = _items(text) if len(text) <= VALUE_CHARACTERS and not _ODD.search(text) else None
    if items is None or len(items) > RESULTS:
        return None
    version, *said = items
    if version[0].strip() not in ("", "1"):
        return None

    results: dict[str, list[_Result]] = {}
    for plain, comment in said:
        if plain.strip().lower() in ("", "none"):
            continue
        match = _RESULT.match(plain)
        pairs = _pairs(plain, match.end()) if match else None
        if match is None or pairs is None:
            return None
        if (method := match[1].lower()) not in _METHODS:
            continue
        word = match[2].lower()
        known = word if word in _WORDS else _ALIASES.get(word, "neutral")
        results.setdefault(method, []).append(_Result(known, tuple(pairs), _policies(pairs, comment)))
    return results


def _policies(pairs: Sequence[tuple[str, str]], comment: str) -> tuple[tuple[str, str], ...]:
    """The policies that are named beside a result: by whole properties, or in a comment."""
    found = [match for name, text in pairs if (match := _POLICY.fullmatch(f"{name}={text}"))]
    return tuple((match[1].lower(), match[2].lower()) for match in (*found, *_POLICY.finditer(comment)))


def _pairs(plain: str, position: int) -> list[tuple[str, str]] | None:
    """The reason and the properties behind a result; None when there is anything else."""
    pairs = []
    while match := _PAIR.match(plain, position):
        quoted = match[2] or ""
        rest = match[3]
        pairs.append((match[1].lower(), rest if rest else quoted[1:-1]))
        position = match.end()
    return None if plain[position:].strip() else pairs


def _items(text: str) -> list[tuple[str, str]] | None:
    """What stands between semicolons: without comments, and the comments; None when one or a quotation has no end."""
    items: list[tuple[list[str], list[str]]] = [([], [])]
    depth = 0

    for match in _TOKEN.finditer(text):
        piece = match[0]
        plain, comment = items[-1]
        if piece in ("(", ")"):
            depth += 1 if piece == "(" else -1
            (comment if depth else plain).append(" ")
            if depth < 0:
                return None
        elif depth:
            if piece[0] == '"' and any(each in piece for each in "();"):
                return None  # in a comment quotes mean nothing, and not everybody knows
            comment.append(piece)
        elif piece == ";":
            items.append(([], []))
        elif piece[0] == "\\" or piece == '"':
            return None
        else:
            plain.append(piece if piece[0] == '"' else _DOT.sub(".", piece))

    return None if depth else [("".join(plain), "".join(comment)) for plain, comment in items]


def _read(values: Sequence[bytes], host: str, author: str) -> Authentication:
    found: dict[str, list[_Result]] = {}
    for value in values:
        said = _results(value)
        if said is None:
            return Authentication(dmarc="permerror", reason="authentication-results-syntax", source=host)
        for method, results in said.items():
            found.setdefault(method, results)  # the topmost field that has the method

    best = {
        method: min((each.word for each in found.get(method, ())), key=_RANK.index, default="none")
        for method in ("spf", "dkim")
    }
    senders = [name for each in found.get("spf", ()) for name in each.named("smtp.mailfrom", "smtp.helo")[:1]]
    passed = [each for each in found.get("dkim", ()) if each.word == "pass"]
    signed = [_domain(name) for each in passed for name in each.named("header.d", "header.i")[:1]]
    dmarc, policy = _dmarc(found.get("dmarc", ()), author)

    return Authentication(
        **best,
        arc="pass" if {each.word for each in found.get("arc", ())} == {"pass"} else "none",
        dmarc=dmarc,
        policy=policy,
        domain=author if "dmarc" in found else "",
        spf_domain=next((domain for each in senders if (domain := _domain(each))), ""),
        dkim_domains=tuple(dict.fromkeys(each for each in signed if each)),
        reason="authentication-results",
        source=host,
    )


def _dmarc(results: Sequence[_Result], author: str) -> tuple[str, str]:
    """The result and the policy for this author: the worst said of them, and the strictest policy that is named."""
    words = {each.word for each in results} or {"none"}
    about = [_domain(name) for each in results for name in each.named("header.from")]
    word = "fail" if "fail" in words else max(words, key=_RANK.index)

    if not author:
        word = "fail" if word == "fail" else "permerror"
    elif not all(aligned(each, author, strict=False) for each in about):
        word = "fail"
    elif word == "pass" and not about:
        word = "none"

    named = [pair for each in results for pair in each.policies]
    below = any(name == "sp" for name, _ in named) and author != organisation(author)
    named = [(name, policy) for name, policy in named if name != ("p" if below else "sp")]
    policy = max((policy for _, policy in named), key=_STRICTNESS.index, default="")

    return word, policy or ("unknown" if word == "fail" else "")


def _domain(value: str) -> str:
    return ascii_name(value.rpartition("@")[2])
