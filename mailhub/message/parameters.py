"""Content-Type and Content-Disposition. Job: value and parameters of a structured MIME header, bounded and repaired.

Reads RFC 2045 5.1, RFC 2183 and RFC 2231 (continuations, charsets), and what clients write instead: RFC 2047
words in quotes, unquoted values with blanks, missing semicolons, a type without a slash. Must not: raise, or
take more than linear time.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from mailhub.message import charset, headers, limits, words

_SIMPLE = re.compile(r'([a-z]+/[a-z0-9.+-]+)(?:\s*;\s*charset="?([a-z0-9_-]+)"?)?;?', re.IGNORECASE)
_TYPE = re.compile(r"\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*/\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)")
_TOKEN = re.compile(r"\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)")
_GAP = re.compile(r"[;\s]*+")
_NAME = re.compile(r"([^\s=;\"]{1,128}+)\s*+=\s*+")
_JUNK = re.compile(r"[^\s;]++")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*+)"?', re.DOTALL)
_PLAIN = re.compile(r"[^;]*")
_RUN_ON = re.compile(r"(\S*+)\s++[\w*-]++=")
_ESCAPE = re.compile(r'\\(["\\])')
_SECTION = re.compile(r"([^*]+)\*(\d{1,4})(\*?)$")


def content_type(value: bytes, flags: list[str]) -> tuple[str, dict[str, str]]:
    """("type/subtype" in lower case, parameters); ("", {}) when there is no type to read."""
    if not value:
        return "", {}

    text = headers.unfold(_bounded(value, flags), "", flags)
    simple = _SIMPLE.fullmatch(text)
    if simple is not None:
        return simple[1].lower(), {"charset": simple[2]} if simple[2] else {}

    if "(" in text:
        text = _without_comments(text)
    match = _TYPE.match(text)
    if match is not None:
        kind = f"{match[1]}/{match[2]}".lower()
        return kind, _parameters(text, match.end(), flags)

    bare = _TOKEN.match(text)
    if bare and text[bare.end() :].lstrip().startswith("="):  # the type is missing: "charset=x"
        return "", _parameters(text, 0, flags)

    return _repaired(bare[1].lower() if bare else ""), _parameters(text, bare.end() if bare else 0, flags)


def _repaired(bare: str) -> str:
    """A type without a subtype, as old clients wrote it (RFC 1049 "text")."""
    return {"text": "text/plain", "html": "text/html", "multipart": "multipart/mixed"}.get(bare, "")


def disposition(value: bytes, flags: list[str]) -> tuple[str, dict[str, str]]:
    """("inline", "attachment" or "", parameters); an unknown kind counts as attachment (RFC 2183 2.8)."""
    text = headers.unfold(_bounded(value, flags), "", flags)
    match = _TOKEN.match(text)
    kind = match[1].lower() if match else ""
    if match and text[match.end() : match.end() + 1] == "=":  # the kind is missing: "filename=x"
        return "attachment", _parameters(text, 0, flags)
    parameters = _parameters(text, match.end() if match else 0, flags)
    return ("inline" if kind == "inline" else "attachment" if kind else ""), parameters


def _bounded(value: bytes, flags: list[str]) -> bytes:
    if len(value) > limits.PARAMETER_BYTES:
        flags.append("parameter-bytes")
        return value[: limits.PARAMETER_BYTES]
    return value


def _without_comments(text: str) -> str:
    """RFC 5322 comments removed outside of quotes; an unclosed one is text."""
    out = []
    depth = 0
    quoted = False
    kept = 0

    for position, character in enumerate(text):
        if character == '"' and not depth:
            quoted = not quoted
        elif character == "(" and not quoted:
            if not depth:
                out.append(text[kept:position])
                kept = position
            depth += 1
        elif character == ")" and depth:
            depth -= 1
            if not depth:
                kept = position + 1

    return "".join(out) + text[kept:]


def _parameters(text: str, position: int, flags: list[str]) -> dict[str, str]:
    found: list[tuple[str, str]] = []
    while len(found) < limits.PARAMETERS:
        gap = _GAP.match(text, position)
        position = gap.end() if gap else position
        if position >= len(text):
            break
        match = _NAME.match(text, position)
        if match is not None:
            value, position = _value(text, match.end())
            found.append((headers.clean(match[1].lower()), value))
            continue
        word = _JUNK.match(text, position)  # no name here: go on behind the next semicolon or blank
        position = word.end() if word else position + 1
    else:
        flags.append("parameters")

    return _joined(found, flags)


def _value(text: str, position: int) -> tuple[str, int]:
    quoted = _QUOTED.match(text, position)
    if quoted is not None:
        value = _ESCAPE.sub(r"\1", quoted[1]) if "\\" in quoted[1] else quoted[1]
        end = quoted.end()
        if text[end : end + 1] not in ("", ";") and not text[end : end + 1].isspace() and '"' in text[end:]:
            rest = _PLAIN.match(text, end)  # quotes inside a quoted name, not escaped
            assert rest is not None
            return value + rest[0].replace('"', ""), rest.end()
        return value, end

    plain = _PLAIN.match(text, position)
    assert plain is not None
    value = plain[0].strip()
    word = _RUN_ON.match(value)
    if word is not None and not value.startswith("=?"):  # the next parameter without a semicolon before it
        return word[1], position + text[position:].index(word[1]) + len(word[1])

    return value.strip("\"'") if value[:1] == "'" else value.strip('"'), plain.end()


def _joined(found: list[tuple[str, str]], flags: list[str]) -> dict[str, str]:
    """Names to decoded values: RFC 2231 sections joined in number order, else the first value of a name wins."""
    result: dict[str, str] = {}
    sections: dict[str, dict[int, tuple[bool, str]]] = {}

    for name, value in found:
        match = _SECTION.match(name)
        if match is not None:
            sections.setdefault(match[1], {}).setdefault(int(match[2]), (match[3] == "*", value))
        elif name.endswith("*"):
            sections.setdefault(name[:-1], {}).setdefault(0, (True, value))
        else:
            result.setdefault(name, headers.clean(words.decode(value, flags)))

    for name, numbered in sections.items():
        result[name] = headers.clean(_section_text([numbered[number] for number in sorted(numbered)], flags))

    return result


def _section_text(pieces: list[tuple[bool, str]], flags: list[str]) -> str:
    encoded, first = pieces[0]
    if not encoded:
        if any(coded for coded, _ in pieces):
            return _percent(pieces, "utf-8", flags)
        return words.decode("".join(value for _, value in pieces), flags)

    label, language_mark, rest = first.partition("'")
    if language_mark:
        _, mark, value = rest.partition("'")
        return _percent([(True, value if mark else rest), *pieces[1:]], label, flags)

    return _percent(pieces, "utf-8", flags)


def _percent(pieces: list[tuple[bool, str]], label: str, flags: list[str]) -> str:
    data = b"".join(
        unquote_to_bytes(value) if coded else value.encode("utf-8", "replace") for coded, value in pieces
    )
    text, fault = charset.decode(data, charset.of_header(label), guess=False)
    if fault:
        flags.append(fault)
    return text
