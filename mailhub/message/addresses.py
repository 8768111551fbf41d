"""Address headers. Job: the mailboxes of From, To, Cc ..., read as RFC 5322 3.4 writes them and as clients really do.

One pass over the characters, no backtracking: groups are opened, comments kept as a name when there is no
other, quotes and encoded words decoded after the structure is known (RFC 2047 5), and what is no address at
all is kept as a name. Domains are lower-cased; Unicode and xn-- forms stay as written. Must not: raise, or
verify that anything exists. Sources: RFC 5322 3.4 and 4.4, RFC 6531 (EAI).
"""

from __future__ import annotations

import re

from mailhub.message import headers, limits, words
from mailhub.message.dns_questions import ascii_name
from mailhub.message.values import Address

_BARE = re.compile(r"<?([A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+)@([A-Za-z0-9.-]+)>?")
_NAMED = re.compile(
    r'("?)([A-Za-z0-9._-][A-Za-z0-9 ._\'-]*)\1\s+<([A-Za-z0-9!#$%&\'*+/=?^_`{|}~.-]+)@([A-Za-z0-9.-]+)>'
)
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"?|<[^<>]*+>?|[,;:()\\]|[^"<,;:()\\]++', re.DOTALL)
_DOT_ATOM = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]++(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]++)*+")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_FOUND = re.compile(r"[^\s<>()\[\],;:\"@]{1,256}+@(?:\[[^\s\]]{1,64}\]|[^\s<>()\[\],;:\"@]{1,256}+)")
_WORD = re.compile(r"=\?[^?\s]{1,64}\?[bBqQ]\?[^?\s]*+\?=")


def served_form(address: str) -> str:
    """An address as it is served and looked up: in lower case, its domain as DNS writes it, without needless quotes.

    The one form in tables, look-ups and comparisons; people see what was written.
    """
    local, at, domain = address.lower().rpartition("@")
    if len(local) > 2 and local[0] == local[-1] == '"' and _DOT_ATOM.fullmatch(local, 1, len(local) - 1):
        local = local[1:-1]
    plain = domain.isascii() and not domain.endswith(".")
    return f"{local}{at}{domain if plain else ascii_name(domain) or domain.rstrip('.')}"


def spellings(address: str) -> tuple[str, ...]:
    """An address as typed, in lower case, then the other forms it stands under: the served one, and with U-labels."""
    typed = address.strip().lower()
    served = served_form(typed)
    local, at, domain = served.rpartition("@")
    try:
        shown = f"{local}{at}{domain.encode('ascii').decode('idna')}"
    except UnicodeError:
        shown = served
    return tuple(dict.fromkeys((typed, served, shown)))


def parse(text: str, flags: list[str]) -> tuple[Address, ...]:
    """The mailboxes of an unfolded header value, at most ``limits.ADDRESSES`` (then flagged). Never raises."""
    simple = _BARE.fullmatch(text)
    if simple is not None and "=?" not in text:
        return (Address("", f"{simple[1]}@{simple[2].lower().rstrip('.')}"),)

    named = _NAMED.fullmatch(text)
    if named is not None:
        return (Address(named[2].strip(), f"{named[3]}@{named[4].lower().rstrip('.')}"),)

    found = _mailboxes(text, flags)
    if "=?" in text and not any(
        "@" in each.address for each in found
    ):  # the whole header was encoded, address and all
        decoded = headers.clean(words.decode(text, flags))
        found = _mailboxes(decoded, flags) if "@" in decoded else found

    return tuple(found)


class _Mailbox:
    """The pieces of the mailbox being read."""

    __slots__ = ("address", "at", "comments", "loose", "quoted")

    def __init__(self) -> None:
        self.loose: list[str] = []  # display name or bare address, as written
        self.quoted = False
        self.at = False  # whether an "@" is among the loose pieces
        self.comments: list[str] = []
        self.address: str | None = None

    def is_bare_name(self) -> bool:
        """Whether so far there are words of a name and nothing else."""
        named = any(piece.strip(" \t,") for piece in self.loose)
        return named and not self.at and not self.quoted and self.address is None and not self.comments


def _mailboxes(text: str, flags: list[str]) -> list[Address]:
    found: list[Address] = []
    now = _Mailbox()
    depth = 0
    comment: list[str] = []

    for match in _TOKEN.finditer(text):
        piece = match[0]
        if depth:
            depth += (piece == "(") - (piece == ")")
            if depth:
                comment.append(piece)
            else:
                now.comments.append("".join(comment))
                comment = []
        elif piece == "(":
            depth = 1
        elif piece == "," and now.is_bare_name():
            now.loose.append(piece)  # "Brandt, Jr <...>": a comma that should have stood in quotes
        elif piece in ",;":
            _finish(now, found, flags)
            now = _Mailbox()
            if len(found) >= limits.ADDRESSES:
                flags.append("addresses")
                return found
        elif piece == ":" and now.address is None and not now.at:
            now = _Mailbox()  # the name of a group (RFC 5322 3.4)
        elif piece[0] == "<":
            _angle(now, piece)
        elif piece[0] == '"':
            if "," in now.loose:  # a name without an address, and behind the comma another mailbox
                _finish(now, found, flags)
                now = _Mailbox()
            now.quoted = True
            now.loose.append(piece)
        else:
            if (
                "@" in piece and "," in now.loose
            ):  # "Kim, lee@b.example": two, since no bracket makes them one
                words_of_name, now = now, _Mailbox()
                _finish(words_of_name, found, flags)
            now.loose.append(piece)
            now.at = now.at or "@" in piece

    now.comments += ["".join(comment)] if comment else []
    _finish(now, found, flags)

    return found


def _angle(now: _Mailbox, token: str) -> None:
    inner = token.strip("<> \t")
    if (now.address and "@" in now.address) or ("@" not in inner and now.address is not None):
        return
    now.address = inner


def _finish(now: _Mailbox, found: list[Address], flags: list[str]) -> None:
    loose = "".join(now.loose).strip(" \t,")
    address = now.address
    if address is None and "@" in loose:
        address, loose = _bare(loose, quoted=now.quoted)
    elif address is not None and "@" not in address and "@" in loose:  # "user@host <user>" and the like
        inner = address
        address, loose = _bare(loose, quoted=now.quoted)
        loose = loose or inner

    name = _name(loose, flags) or _name(" ".join(now.comments), flags)
    normal = _normal(address or "", flags)
    if normal or name:
        found.append(Address(name, normal))


def _bare(loose: str, *, quoted: bool) -> tuple[str, str]:
    """A mailbox without angle brackets: (address, what is left as a name)."""
    if quoted and loose.startswith('"') and '"@' in loose:  # a quoted local part
        return loose.rstrip("> "), ""
    match = _FOUND.search(loose)
    if match is None:
        return "", loose
    name = (loose[: match.start()] + " " + loose[match.end() :]).strip(" <>[]\"'")
    return match[0], name


def _name(text: str, flags: list[str]) -> str:
    """A display name: unquoted, encoded words decoded (also inside quotes: many clients do that), blanks collapsed."""
    text = text.strip(" \t<>")
    if len(text) > 1 and text[0] == text[-1] == '"' and text.count('"') == 2:
        text = text[1:-1]
    elif '"' in text:
        text = re.sub(r'(?<!\\)"', "", text)

    if "\\" in text:
        text = _ESCAPE.sub(r"\1", text)
    name = headers.clean(words.decode(text, flags))
    if len(name) > 1 and name[0] == name[-1] and name[0] in "'\"":
        name = name[1:-1]

    return " ".join(name.split())


def _normal(address: str, flags: list[str]) -> str:
    """White space and source routes removed, the domain in lower case, encoded words decoded."""
    if "=?" in address:
        address = words.decode(address, flags)
    if address.lower().startswith("mailto:"):
        address = address[7:]
    if address.startswith("@") and ":" in address:  # RFC 5322 4.4: obsolete route
        address = address.partition(":")[2]
    local, at, domain = address.rpartition("@")
    if not at:
        return headers.clean("".join(address.split())) if address else ""

    local = local.strip()
    if " " in local and not local.startswith('"'):  # no address holds a blank: the last word is the mailbox
        local = local.split()[-1]

    return headers.clean(f"{local}@{''.join(domain.split()).lower().rstrip('.')}")
