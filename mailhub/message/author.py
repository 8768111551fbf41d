"""Who wrote a message, as one value from one reading: the address that is believed and the domain that proves it.

DMARC judges ``Author.domain``, and whoever believes the author takes ``Author.address`` of the same value: a
second reading would be a second author to choose from. So this one is strict: it reads what RFC 5322 3.4 and
RFC 6532 write, from the bytes and without any charset label, and has no author where two readers could see
two: several From, none, one that only a repair can read (a byte order mark, a blank before the colon, an
encoded word inside the address), or a header block that others may end elsewhere. Such a mail is filed like
any other, under the address that ``addresses`` makes of it, and is nobody's proof.

Pure, linear, raises nothing. Sources: RFC 5322 2.2, 3.4.1; RFC 6376 8.15 (attacks by repeated fields); RFC
6532 3.2; RFC 7489 6.6.1; RFC 5890 2.3.2.1 (U-labels).
"""

from __future__ import annotations

import re
import unicodedata

from mailhub.message import limits
from mailhub.message.dns_questions import ascii_name
from mailhub.message.values import Author

Fields = list[tuple[bytes, bytes]]  # (name in lower case, value still folded)

_END = re.compile(rb"\r?\n\r?\n")
_FIELD = re.compile(rb"([!-9;-~]{1,200})([ \t]*):")
_MBOX = re.compile(rb"From [^\s:]+ [^\n]*\n")  # RFC 4155; not "From :", which is a field to some
_FORBIDDEN = re.compile(rb"\r(?!\n)|\0")
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|<[^<>"()\\,;:]*+>|[()]|\\.|[^"<>()\\,;:@]++|.', re.DOTALL)
_LOCAL = re.compile("[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\u00a0-\ud7ff\ue000-\U0010ffff-]++")
_LABEL = re.compile(r"[a-z0-9_-]{1,63}+")
_LONGEST = 320  # RFC 5321 4.5.3.1: 64 + @ + 255


def read(raw: bytes) -> Author:
    """The author of a message as received."""
    fields, fault = fields_of(raw)
    if fault:
        return Author(fault=fault)
    found = [value for name, value in fields if name.strip() == b"from"]
    if len(found) != 1:
        return Author(fault="several-from" if found else "no-from")
    if any(name != b"from" for name, _ in fields if name.strip() == b"from"):
        return Author(fault="from-name")
    return _of_value(found[0])


def fields_of(raw: bytes) -> tuple[Fields, str]:
    """The header fields as everybody reads them, and a fault when somebody could read others ("" for none).

    With a fault the fields end where the doubt begins.
    """
    start = mbox.end() if (mbox := _MBOX.match(raw, 0, limits.VALUE_BYTES)) else 0
    end = _END.search(raw, start, start + limits.HEADER_BYTES + 4)
    if end is None and len(raw) - start > limits.HEADER_BYTES:
        return _split(raw[start : start + limits.HEADER_BYTES])[0], "header-bytes"
    head = raw[start : end.start() if end else len(raw)]
    odd = _FORBIDDEN.search(head)
    fields, fault = _split(head[: odd.start()] if odd else head)
    return fields, fault or ("header-control" if odd else "")


def _split(head: bytes) -> tuple[Fields, str]:
    fields: list[tuple[bytes, list[bytes]]] = []
    fault = ""
    for line in head.removesuffix(b"\n").replace(b"\r\n", b"\n").removesuffix(b"\r").split(b"\n"):
        if line[:1] in (b" ", b"\t") and fields:
            fields[-1][1].append(line)
            continue

        match = _FIELD.match(line)
        if match is None or len(fields) >= limits.HEADERS:
            fault = "header-count" if match else "header-junk"
            break
        fields.append((match[1].lower() + match[2], [line[match.end() :]]))
    return [(name, b"\n".join(lines)) for name, lines in fields], fault


def _of_value(value: bytes) -> Author:
    """The one mailbox of a From (RFC 5322 3.4): an address, alone or in angle brackets behind a name."""
    if len(value) > limits.VALUE_BYTES:
        return Author(fault="from-bytes")
    text = value.replace(b"\n", b"").decode("utf-8", "surrogateescape")
    if _CONTROL.search(text):
        return Author(fault="from-control")

    name, address, fault = _mailbox(text)
    if not fault and address is None:
        name, address = "", name
    if fault or (name and "@" in name and name.lower() != (address or "").lower()):
        return Author(fault=fault or "from-name-address")
    return _of_address(address or "")


def _mailbox(text: str) -> tuple[str, str | None, str]:
    """(what stands outside of quotes, brackets and comments; what the brackets hold, if there are any; a fault)."""
    loose = []
    inside = None
    depth = 0
    quoted = False

    for match in _TOKEN.finditer(text):
        piece = match[0]
        if piece in ("(", ")"):
            depth += 1 if piece == "(" else -1
            if depth < 0:
                return "", None, "from-comment"
        elif depth:
            if any(
                each in piece for each in '@"<>'
            ):  # in a comment they mean nothing, to whoever knows that it is one
                return "", None, "from-comment"
        elif len(piece) > 1 and piece[0] == '"':
            quoted = True
        elif piece[0] == "<" and piece[-1] == ">" and inside is None:
            inside = piece[1:-1].strip(" \t")
        elif piece in ",;:":
            return "", None, "from-list"
        elif piece[0] in '<>"\\' or (inside is not None and piece.strip(" \t")):
            return "", None, "from-syntax"
        else:
            loose.append(piece)

    if depth or (quoted and inside is None):
        return "", None, "from-syntax"

    return "".join(loose).strip(" \t"), inside, ""


def _of_address(text: str) -> Author:
    """An address that is the same to whoever compares, writes to it, or asks DNS about it."""
    local, _, domain = text.lower().rpartition("@")
    dots = f".{local}."
    if not _LOCAL.fullmatch(local) or ".." in dots or "=?" in text or len(text) > _LONGEST:
        return Author(fault="from-address")
    if not text.isascii() and (unicodedata.normalize("NFKC", text) != text or not text.isprintable()):
        return Author(fault="from-address")  # it would be somebody else's in another spelling

    asked = ascii_name(domain)
    sound = all(_LABEL.fullmatch(each) and each.strip("-") == each for each in asked.split("."))
    if not sound or (asked if domain.isascii() else _unicode_name(asked)) != domain:
        return Author(fault="from-domain")
    return Author(f"{local}@{domain}", asked)


def _unicode_name(name: str) -> str:
    """The U-labels of a name, "" when it has none. What IDNA 2003 folds and 2008 tells apart (ss) never comes back."""
    try:
        return name.encode("ascii").decode("idna")
    except UnicodeError:
        return ""
