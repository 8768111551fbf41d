"""Messages that attack a parser. Job: one builder per attack, each taking a size, for the benchmark and the tests.

Each builder returns about ``size`` bytes of the structure in question, so that twice the size is twice the
attack. The first eleven are the ones that cost the standard library seconds or an exception; the rest were
found by reading our own regular expressions for what could make them go back. Must not: need anything but the
standard library.
"""

from __future__ import annotations

from collections.abc import Callable

HEAD = b"From: a@example.org\r\nTo: b@example.net\r\nMIME-Version: 1.0\r\n"


def _filled(unit: bytes, size: int) -> bytes:
    return unit * max(1, size // len(unit))


def _html(unit: str, size: int) -> bytes:
    return HEAD + b"Content-Type: text/html; charset=utf-8\r\n\r\n" + _filled(unit.encode(), size)


def _plain(unit: bytes, size: int, parameters: bytes = b"") -> bytes:
    return HEAD + b"Content-Type: text/plain; charset=utf-8" + parameters + b"\r\n\r\n" + _filled(unit, size)


def _field(name: bytes, value: bytes) -> bytes:
    return HEAD + name + b": " + value + b"\r\n\r\nbody\r\n"


def nesting(size: int) -> bytes:
    """Multiparts inside multiparts, each with its own boundary."""
    out, number = [HEAD], 0
    while sum(map(len, out[-2:])) and len(out) * 75 < size:
        out.append(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (number, number))
        number += 1
    return b"".join(out)


def parts(size: int) -> bytes:
    """As many parts as fit, each of two bytes."""
    return HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + _filled(b"--b\r\n\r\nx\r\n", size)


def headers(size: int) -> bytes:
    """As many header fields as fit."""
    return HEAD + _filled(b"X-A: 1\r\n", size) + b"\r\nbody\r\n"


def folding(size: int) -> bytes:
    """One Subject, folded at every letter."""
    return _field(b"Subject", _filled(b"a\r\n ", size))


def encoded_words(size: int) -> bytes:
    """One Subject of encoded words in changing charsets."""
    return _field(b"Subject", _filled(b"=?utf-8?q?a?= =?latin1?b?YQ==?= ", size))


def broken_words(size: int) -> bytes:
    """Encoded words that begin and never end."""
    return _field(b"Subject", _filled(b"=?a?q?", size))


def addresses(size: int) -> bytes:
    """As many recipients as fit."""
    return _field(b"Cc", _filled(b"a@b.example, ", size))


def comments(size: int) -> bytes:
    """An address header of opened comments."""
    return _field(b"Cc", _filled(b"(", size // 2) + _filled(b"a@b:", size // 2))


def parameters(size: int) -> bytes:
    """A Content-Type of parameters."""
    return _field(b"Content-Type", b"text/plain" + _filled(b"; a=b", size))


def sections(size: int) -> bytes:
    """A file name in RFC 2231 sections, out of order."""
    pieces = [b"; filename*%d*=%%41" % number for number in range(size // 20, 0, -1)]
    return _field(b"Content-Disposition", b"attachment" + b"".join(pieces))


def blanks(size: int) -> bytes:
    """A Content-Type padded with blanks, which a greedy expression goes back over."""
    return _field(b"Content-Type", b"text/plain" + b" " * size + b"x")


def message_ids(size: int) -> bytes:
    """Malformed Message-ID and References."""
    return (
        HEAD
        + b"Message-ID: <[[[["
        + b"[" * (size // 2)
        + b"\r\nReferences: "
        + _filled(b"<a@b", size // 2)
        + b"\r\n\r\n"
    )


def charsets(size: int) -> bytes:
    """Parts in charsets nobody knows."""
    part = b"--b\r\nContent-Type: text/plain; charset=x-%d\r\n\r\nGr\xfc\xdfe aus K\xf6ln\r\n"
    count = max(1, size // 75)
    return (
        HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"".join(part % n for n in range(count))
    )


def html_depth(size: int) -> bytes:
    """Nested elements."""
    return _html("<div>", size)


def html_styles(size: int) -> bytes:
    """Nested elements that all have to be remembered."""
    return _html('<b style="color:red">', size)


def html_quotes(size: int) -> bytes:
    """Tags whose quotes are closed in the next tag, and one that never is."""
    return _html('<a ">" ', size) + b"'"


def html_open(size: int) -> bytes:
    """Tags that never end."""
    return _html("<a b=c ", size)


def html_less(size: int) -> bytes:
    """Signs that begin no tag."""
    return _html("<", size)


def html_links(size: int) -> bytes:
    """Links in links, closed together."""
    return _html("<a href=http://a.example/>", size // 2) + _filled(b"</a>", size // 2)


def quote_marks(size: int) -> bytes:
    """One line of quote marks."""
    return _plain(b">", size)


def quote_lines(size: int) -> bytes:
    """Lines of growing quotes."""
    return _plain(b"> > >\r\n", size)


def flowed(size: int) -> bytes:
    """One flowed paragraph."""
    return _plain(b"a \r\n", size, b"; format=flowed")


def dashes(size: int) -> bytes:
    """Lines that look like boundaries and are none."""
    return HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + _filled(b"\r\n--b-", size)


def bare_parts(size: int) -> bytes:
    """Parts whose header block never ends."""
    return HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + _filled(b"--b\r\nX-A: 1\r\n", size)


def junk_header(size: int) -> bytes:
    """A header block of lines that are no fields, with a field at its end."""
    return HEAD + _filled(b"junk\r\n", size) + b"Subject: x\r\n\r\nbody\r\n"


def base64_padding(size: int) -> bytes:
    """Base64 text that is padded everywhere."""
    body = b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return HEAD + body + _filled(b"QQ==", size)


def quoted_printable(size: int) -> bytes:
    """Soft line breaks behind blanks."""
    body = b"Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    return HEAD + body + _filled(b"= ", size)


def utf7(size: int) -> bytes:
    """UTF-7 shifts."""
    return HEAD + b"Content-Type: text/plain; charset=utf-7\r\n\r\n" + _filled(b"+AGE-", size)


def calendar(size: int) -> bytes:
    """An invite of property parameters."""
    text = b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:x\r\n" + _filled(b'A;B="C;', size)
    return HEAD + b"Content-Type: text/calendar\r\n\r\n" + text


def leading_lines(size: int) -> bytes:
    """Line ends before the header."""
    return _filled(b"\n", size) + HEAD + b"\r\nbody\r\n"


def leading_blanks(size: int) -> bytes:
    """Lines of blanks before the header."""
    return _filled(b" \t\r\n", size) + HEAD + b"\r\nbody\r\n"


def carriage_returns(size: int) -> bytes:
    """Line ends that are no line feeds."""
    return HEAD.replace(b"\r\n", b"\r") + _filled(b"\r", size)


def style_blanks(size: int) -> bytes:
    """A style that could hide, padded with blanks."""
    return _html(f'<p style="font-size:{" " * 2_000}x">', size)


def long_style(size: int) -> bytes:
    """One such style, as long as it gets."""
    return HEAD + b'Content-Type: text/html\r\n\r\n<p style="opacity:' + b" " * size + b'x">text</p>'


def html_breaks(size: int) -> bytes:
    """Nothing but line breaks."""
    return _html("<br>", size)


def html_references(size: int) -> bytes:
    """Nothing but character references."""
    return _html("&#x1f600;", size)


def wide_text(size: int) -> bytes:
    """Letters that take four bytes of memory each, for one of the mail."""
    head = b"Content-Type: text/plain; charset=utf-8\r\n\r\n"
    return HEAD + head + "\U0001f600".encode() + _filled(b"a ", size)


def html_wide(size: int) -> bytes:
    """The same as a page, a tag at each letter."""
    return _html("<b>a", size) + "\U0001f600".encode()


def uuencoded(size: int) -> bytes:
    """Files in the text, as many as fit."""
    return _plain(b"begin 644 x\r\n#86)C\r\n`\r\nend\r\n", size)


def attached_mails(size: int) -> bytes:
    """As many attached mails as fit."""
    part = b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nx\r\n"
    return HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + _filled(part, size)


def attached_within(size: int) -> bytes:
    """Attached mails within attached mails."""
    return HEAD + _filled(b"Content-Type: message/rfc822\r\n\r\n", size)


def signatures(size: int) -> bytes:
    """A DKIM signature over a body of bare line feeds."""
    signature = b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=a; h=from; bh=AA==; b=AA==\r\n"
    return signature * 5 + HEAD + b"\r\n" + _filled(b"\n \n", size)


def words_of_text(size: int) -> bytes:
    """As many different words as fit."""
    return _plain(b" ".join(b"w%d" % number for number in range(max(1, size // 9))), size)


def blank_lines(size: int) -> bytes:
    """Nothing but line ends."""
    return HEAD + b"\r\n" + _filled(b"\r\n", size)


def no_header(size: int) -> bytes:
    """One line without an end."""
    return _filled(b"a", size)


def delivery_status(size: int) -> bytes:
    """A bounce about as many recipients as fit."""
    head = b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
    block = b"Final-Recipient: rfc822; a@b.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"
    return (
        HEAD
        + head
        + b"--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        + _filled(block, size)
        + b"--b--\r\n"
    )


def named(size: int) -> bytes:
    """One file name as long as it gets."""
    return _field(b"Content-Disposition", b'attachment; filename="' + b"a" * size + b'.txt"')


ATTACKS: dict[str, Callable[[int], bytes]] = {
    build.__name__: build
    for build in (
        nesting, parts, headers, folding, encoded_words, addresses, parameters, message_ids, charsets, html_depth,
        quote_marks, broken_words, comments, sections, blanks, html_styles, html_quotes, html_open,
        html_less, html_links, quote_lines, flowed, dashes, bare_parts, junk_header, base64_padding, quoted_printable,
        utf7, calendar, blank_lines, no_header, delivery_status, named, leading_lines, leading_blanks,
        carriage_returns, style_blanks, long_style, html_breaks, html_references, wide_text, html_wide, uuencoded,
        attached_mails, attached_within, signatures, words_of_text,
    )
}  # fmt: skip
