"""An address in base64, as links have it: another's text around it stays."""

from __future__ import annotations

import base64
from email.message import EmailMessage
from email.policy import SMTP

import pytest

from mailhub.message.parse import parse
from mailhub.privacy.erasing.needles import Needles
from mailhub.privacy.erasing.person import Person
from mailhub.privacy.erasing.quotes import Quotes
from mailhub.privacy.erasing.redaction import redacted
from tests.privacy.erasing.scene import KIM

TOKENS = {
    "plain": base64.b64encode(KIM.encode()).decode(),
    "json": base64.urlsafe_b64encode(f'{{"u":"{KIM}"}}'.encode()).decode().rstrip("="),
    "upper": "x/" + base64.b64encode(KIM.upper().encode()).decode(),
}


@pytest.mark.parametrize("also", ["", f" See {KIM}."], ids=["alone", "named"])
@pytest.mark.parametrize("attached", [False, True])
@pytest.mark.parametrize("encoding", ["7bit", "quoted-printable", "base64"])
@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS)
def test_a_link_empties_nobodys_text(token: str, encoding: str, attached: bool, also: str) -> None:
    """Whatever becomes of the link, the words before and behind it are there, and the plain address is not."""
    made = EmailMessage(policy=SMTP)
    made["From"], made["Subject"] = "Leo <leo@leo.example>", "A link"
    made.set_content(f"Leos words.\nhttps://shop.example/u?t={token}&x=1\nAnd these.{also}\n", cte=encoding)
    if attached:
        made.add_attachment(b"abc" * 10, maintype="application", subtype="x-thing", filename="a.bin")
    person = Person(addresses=(KIM,), contacts=(1,))
    text = parse(redacted(made.as_bytes(), Needles(person), Quotes())).text
    assert text.startswith("Leos words.\nhttps://shop.example/u?t=")
    assert "&x=1\nAnd these." in text
    assert KIM not in text
