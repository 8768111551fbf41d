"""Whatever a mail holds: replies lose nothing; bounces, headers and signatures are judged, not raised."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mailhub.message import dkim, dmarc
from mailhub.message.authentication_results import authentication_results
from mailhub.message.automatic import classify
from mailhub.message.dns_questions import NO_ANSWER
from mailhub.message.parse import parse
from mailhub.message.quoted import split_reply
from mailhub.message.spf import Spf

PIECES = st.sampled_from(
    (
        "\n", "\n\n", "> ", ">> ", "-- \n", "--\n", "____\n", "On 2026-03-03 a@b.example wrote:\n",
        "From: a@b.example\n", "Sent: today\n", "To: c\n", "Subject: d\n", "-----Original Message-----\n",
        "Sent from my phone\n", "text ", "a:", "：", "\u200b", "\r\n", "\xa0", "Regards,\n",
    )
)  # fmt: skip
TEXTS = st.lists(st.one_of(PIECES, st.text(max_size=8)), max_size=60).map("".join)
HTML = st.lists(
    st.sampled_from(
        (
            '<div class="gmail_quote">',
            "<blockquote type=cite>",
            "</div>",
            "text ",
            "&amp;",
            "<",
            ">",
            "border-top:solid #",
        )
    ),
    max_size=20,
).map("".join)
BOUNCE_PIECES = st.sampled_from(
    (
        "\n", "<a@b.example>:\n", "550 5.1.1 user unknown\n", "Final-Recipient: rfc822; a@b.example\n",
        "Status: 5.0.0\n", "Action: failed\n", ">>> DATA\n", "----- Original message -----\n",
        "(expanded from: <c@d.example>)\n", "Message-ID: <x@y>\n", "To: e@f.example\n", "x ", "@", "5.1.",
        "--b\n", "Content-Type: message/delivery-status\n\n", "{", '"', "Received: x\n",
    )
)  # fmt: skip
BODIES = st.lists(st.one_of(BOUNCE_PIECES, st.text(max_size=6)), max_size=50).map("".join)
SENDERS = st.sampled_from(
    (
        "MAILER-DAEMON@b.example",
        "postmaster@b.example",
        "<>",
        "no-reply@sns.amazonaws.com",
        "kim@c.example",
        "",
    )
)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            (
                "Auto-Submitted",
                "Precedence",
                "Return-Path",
                "List-Id",
                "Authentication-Results",
                "Received",
                "X-Autoreply",
            )
        ),
        st.text(max_size=40)
        | st.sampled_from(("mx; spf=pass", "mx; dkim=pass (", "auto-replied", "<>", "mx;;;=")),
    ),
    max_size=8,
)


def _letters(text: str) -> list[str]:
    return sorted("".join(text.split()))


@given(TEXTS, HTML)
def test_reply_splitter_loses_nothing(text: str, html: str) -> None:
    """Every character but white space is in the new or in the folded text."""
    reply = split_reply(text, html)
    assert _letters(reply.new + reply.folded) == _letters(text)


@given(TEXTS)
def test_new_text_is_split_no_further(text: str) -> None:
    """Splitting ends: what is kept once the second time over stays."""
    once = split_reply(text, "").new
    for _ in range(60):
        again = split_reply(once, "").new
        if again == once:
            break
        once = again
    assert split_reply(once, "").new == once


@given(SENDERS, BODIES, st.booleans())
def test_any_bounce_is_read_without_an_exception(sender: str, body: str, report: bool) -> None:
    """No stage of the parser fails on a mail that looks like a bounce."""
    kind = 'Content-Type: multipart/report; boundary="b"\n' if report else ""
    read = parse(f"From: {sender}\nSubject: failure notice\n{kind}\n{body}".encode())
    assert not [flag for flag in read.flags if flag.startswith("fault-")]


@given(HEADERS, st.text(max_size=60))
def test_any_header_is_judged_without_an_exception(headers: list[tuple[str, str]], subject: str) -> None:
    """Classification and trusted results take any header."""
    assert classify(headers, subject, "text/plain", {}).kind in (
        "", "auto-reply", "out-of-office", "list", "bulk", "bounce", "generated",
    )  # fmt: skip
    fields = [
        (name.lower().encode("utf-8", "replace"), value.encode("utf-8", "replace")) for name, value in headers
    ]
    found = authentication_results(fields, {"mx"}, "a.example")
    assert found is None or found.source == "mx"


@given(st.binary(max_size=400), st.binary(max_size=200))
def test_any_signature_is_judged_without_an_exception(tags: bytes, body: bytes) -> None:
    """A signature header of any bytes never passes, and asks at most once for a key."""
    raw = (
        b"DKIM-Signature: v=1; a=rsa-sha256; b=AA; bh=AA; h=from; d=a.example; s=s; "
        + tags
        + b"\r\nFrom: k@a.example\r\n\r\n"
        + body
    )
    assert all(dkim.verify(each, NO_ANSWER).result != "pass" for each in dkim.signatures(raw, "a.example", 1))
    assert len(next(dmarc.authenticate(raw, Spf("none"), 1), ())) <= dkim.SIGNATURES + 2
