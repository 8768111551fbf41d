"""Whose words they are: of who wrote them first, and a quote goes where it is provably the person's."""

from __future__ import annotations

import tracemalloc
from email.message import EmailMessage

import pytest

from mailhub.privacy.erasing.needles import Needles
from mailhub.privacy.erasing.person import Person
from mailhub.privacy.erasing.quotes import Quotes, WrittenText
from mailhub.privacy.erasing.redaction import redacted
from mailhub.proof import receipts
from tests.privacy.erasing.scene import KEYS, Scene
from tests.privacy.erasing.test_names import ZED, erase, receive, text_of

HIS = "The purple walrus sings at noon beside the harbour wall."
SAID = "purple walrus sings"
ZORA = Person(addresses=("zora@z.example",), contacts=(1,), names=("Zora Quill",))
LEO = "Leo <leo@leo.example>"
FORMS = {
    "gmail": "Yes.\n\nOn Mon, 3 Mar 2025 at 10:11, Zora Quill <zora@z.example> wrote:\n\n> {0}\n",
    "gmail wrapped": "Yes.\n\nOn Mon, 3 Mar 2025 at 10:11, Zora Quill\n<zora@z.example> wrote:\n\n> {0}\n",
    "apple": "Yes.\n\n> On 3. Mar 2025, at 10:11, Zora Quill <zora@z.example> wrote:\n> \n> {0}\n",
    "thunderbird": "On 03.03.25 10:11, Zora Quill wrote:\n> {0}\n\nYes.\n",
    "thunderbird german": "Am 03.03.25 um 10:11 schrieb Zora Quill:\n> {0}\n\nYes.\n",
    "outlook": "Yes.\n\nFrom: Zora Quill <zora@z.example>\nSent: Monday, March 3, 2025 10:11\nTo: Leo\n"
    "Subject: Help\n\n{0}\n",
    "outlook german": "Yes.\n\nVon: Zora Quill <zora@z.example>\nGesendet: Montag, 3. März 2025 10:11\nAn: Leo\n"
    "Betreff: Help\n\n{0}\n",
    "outlook old": "Yes.\n\n-----Original Message-----\nFrom: Zora Quill [mailto:zora@z.example]\n"
    "Sent: Monday, March 3, 2025 10:11\nTo: Leo\nSubject: Help\n\n{0}\n",
    "forwarded": "Look.\n\n---------- Forwarded message ---------\nFrom: Zora Quill <zora@z.example>\n"
    "Date: Mon, 3 Mar 2025 at 10:11\nSubject: Help\nTo: <leo@leo.example>\n\n{0}\n",
    "mutt": "On Mon, Mar 03, 2025 at 10:11:00AM +0100, Zora Quill wrote:\n> {0}\n\nYes.\n",
    "japanese": "はい。\n\n2025年3月3日(月) 10:11 Zora Quill <zora@z.example>:\n\n> {0}\n",
    "no introduction": "> {0}\n\nYes.\n",
    "separator": "Yes.\n\n-----Ursprüngliche Nachricht-----\n{0}\n",
    "wrapped": "Yes.\n\nZora Quill <zora@z.example> wrote:\n> The purple walrus sings at\n> noon beside the\n"
    "> harbour wall.\n",
}
HTML = {
    "gmail": '<div>Caf&eacute;&nbsp;first.</div><div class="gmail_quote"><div class="gmail_attr">On Mon, 3 Mar 2025 at '
    '10:11, Zora Quill &lt;<a href="mailto:zora@z.example">zora@z.example</a>&gt; wrote:<br></div><blockquote>'
    "<div>{0}</div></blockquote></div>",
    "outlook": "<p>Caf&eacute;&nbsp;first.</p><div><p><b>From:</b> Zora Quill &lt;zora@z.example&gt;<br><b>Sent:</b> "
    "Monday, March 3, 2025 10:11<br><b>To:</b> Leo<br><b>Subject:</b> Help</p></div><p>{0}</p>",
    "apple": '<div>Caf&eacute;&nbsp;first.</div><blockquote type="cite"><div>On 3. Mar 2025, at 10:11, Zora Quill &lt;'
    "zora@z.example&gt; wrote:</div><div>{0}</div></blockquote>",
    "bare": "<p>Caf&eacute;&nbsp;first.</p><blockquote>The <b>purple</b> wal<i>rus</i> sings at noon beside the "
    "har&#98;our wall.</blockquote>",
}


def known(*others: str) -> Quotes:
    """Zora's sentence in message 10; what others wrote before."""
    theirs = [WrittenText(10, HIS)]
    return Quotes.of(theirs, [WrittenText(1, each) for each in others]).in_message(20, near=True)


@pytest.mark.parametrize("form", FORMS)
def test_a_quote_goes_in_every_form_of_the_clients(form: str) -> None:
    """Words and name go from the quote, the answer beside it stays."""
    mail = FORMS[form].format(HIS)
    left = ZORA.replaced(known().without(mail, ZORA))
    assert "walrus" not in left
    assert "harbour" not in left
    assert "Quill" not in left
    assert any(word in left for word in ("Yes.", "Look.", "はい。"))


@pytest.mark.parametrize("form", HTML)
def test_a_quote_goes_from_html(form: str) -> None:
    """The quote goes whatever tags and entities are inside it, and every other byte of the page stays."""
    left = ZORA.replaced(known().without_in_html(HTML[form].format(HIS), ZORA))
    for word in ("walrus", "wal<i>", "harbour", "har&#98;our", "Quill"):
        assert word not in left
    assert left.startswith(HTML[form].partition("first.")[0] + "first.")
    assert left.count("<") == HTML[form].count("<")


@pytest.mark.parametrize(
    "source", [f"<p>{HIS} Caf&eacute;</p>", "<p>&Auml;&nbsp;b <blockquote>Leo &amp; co.</blockquote>"]
)
def test_html_without_a_quote_stays_byte_for_byte(source: str) -> None:
    """Entities of others are not spelled out."""
    assert known().without_in_html(source, ZORA) == source


def test_words_belong_to_who_wrote_them_first() -> None:
    """A sentence that the person only repeated stays in others' quotes, introduced as theirs or not."""
    repeated = known(f"Our terms: {HIS}")
    for form in ("no introduction", "gmail", "outlook", "thunderbird"):
        assert SAID in repeated.without(FORMS[form].format(HIS), ZORA), form


def test_what_was_written_before_quotes_nobody() -> None:
    """A mail that was there before the person's holds no quote of it."""
    mail = FORMS["no introduction"].format(HIS)
    assert known().in_message(5, near=True).without(mail, ZORA) == mail


@pytest.mark.parametrize(
    "mail",
    [
        f"I say too: {HIS}",
        f"Leo said:\n\n{HIS}",
        f"Yes.\n\nFrom: Mia <mia@mia.example>\nSent: Monday, March 3, 2025 10:11\nSubject: Help\n\n{HIS}\n",
    ],
)
def test_unquoted_words_stay_and_are_told(mail: str) -> None:
    """What is not provably quoted from the person is not touched, and the receipt's count knows of it."""
    quotes = known()
    assert quotes.without(mail, ZORA) == mail
    assert quotes.are_in(mail)


def test_an_inner_quote_of_another_stays() -> None:
    """In the person's quoted mail, what they quoted of others is others'."""
    mail = (
        "Yes.\n\nOn Mon, 3 Mar 2025 at 10:11, Zora Quill <zora@z.example> wrote:\n"
        f"> {HIS}\n> On Sun, 2 Mar 2025 at 9:00, Leo <leo@leo.example> wrote:\n> > Leos old words.\n> Unknown end.\n"
    )
    left = known().without(mail, ZORA)
    assert "Leos old words." in left
    assert "Unknown end" not in left
    assert "walrus" not in left


def test_a_namesakes_attribution_stays() -> None:
    """Where the words are another's, so is the name above them."""
    mail = "Yes.\n\nOn Mon, 3 Mar 2025 at 10:11, Zora Quill wrote:\n> Something that the other Zora said to me.\n"
    assert known().without(mail, ZORA) == mail


def test_a_mail_enclosed_in_anothers_is_the_persons(scene: Scene) -> None:
    """Forwarded as a file, the person's mail loses their words and files, and what they quoted of others stays."""
    desk = scene.desk
    inner = EmailMessage()
    inner["From"], inner["Subject"] = f"Zed Zeta <{ZED}>", "Inner"
    inner.set_content(
        "canarywhole words\n\nOn Sun, 2 Mar 2025 at 9:00, Leo <leo@leo.example> wrote:\n> Leos words.\n"
    )
    inner.add_attachment(b"canaryfile", maintype="application", subtype="x-thing", filename="a.bin")
    outer = EmailMessage()
    outer["From"], outer["To"], outer["Subject"] = LEO, "support@example.com", "Look"
    outer.set_content("See what is enclosed.")
    outer.add_attachment(inner)
    message = desk.message_of(desk.receive(outer.as_bytes(), mail_from=None))
    receive(desk, f"Zed Zeta <{ZED}>", "Erase me.")
    person = Person(addresses=(ZED,), contacts=())
    made = redacted(outer.as_bytes(), Needles(person), Quotes())
    for gone in (b"canarywhole", b"canaryfile"):
        assert gone not in made
    erase(scene, ZED)
    assert "See what is enclosed." in text_of(desk, message)


def test_others_keep_a_sentence_the_person_repeated(scene: Scene) -> None:
    """Run as a whole: the person pastes Leo's sentence without marks, and Leo keeps it in both their mails."""
    desk = scene.desk
    sentence = "Five pallets of blue tiles arrive on the first of May."
    first = receive(desk, LEO, sentence, Message_ID="<first@l.x>", Cc=f"Zed Zeta <{ZED}>")
    asked = "Is that so, dear all of you there?"
    sent = {"In_Reply_To": "<first@l.x>", "Message_ID": "<second@z.x>"}
    receive(desk, f"Zed Zeta <{ZED}>", f"{sentence}\n{asked}", **sent)
    introduced = f"On Mon, 3 Mar 2025 at 10:11, Zed Zeta <{ZED}> wrote:"
    quoting = f"Yes.\n\n{introduced}\n> {sentence}\n> {asked}\n"
    second = receive(desk, LEO, quoting, In_Reply_To="<second@z.x>")
    before = text_of(desk, first)
    done = erase(scene, ZED)
    assert text_of(desk, first) == before
    assert sentence in text_of(desk, second)
    assert "Is that so" not in text_of(desk, second)
    assert "Zeta" not in text_of(desk, second)
    assert done.state == "done"


def test_words_that_stay_are_an_exception_on_the_receipt(scene: Scene) -> None:
    """Retold without marks, the person's words stay in another's mail, and the receipt counts the message."""
    desk = scene.desk
    receive(desk, LEO, "Hello.", Message_ID="<first@l.x>", Cc=f"Zed <{ZED}>")
    receive(desk, f"Zed <{ZED}>", HIS, In_Reply_To="<first@l.x>", Message_ID="<second@z.x>")
    retold = receive(desk, LEO, f"They told me: {HIS}", In_Reply_To="<second@z.x>")
    done = erase(scene, ZED)
    assert SAID in text_of(desk, retold)
    assert done.receipt is not None
    body = receipts.verify(done.receipt, receipts.public_key_of(KEYS))
    assert any("not provably quoted" in each["what"] and each["count"] == 1 for each in body["exceptions"])


@pytest.mark.parametrize(
    "line", ["\r\n", "> \r\n", "a\r\n", "<b>\r\n", "&amp;", "= \r\n", "> a b c d e f\r\n", ">" * 70 + "\r\n"]
)
@pytest.mark.parametrize("kind", ["plain", "html"])
def test_redaction_is_bounded_in_memory(line: str, kind: str) -> None:
    """Whatever a mail is made of, taking a person out of it needs a few times its size."""
    size = 8 * 1024 * 1024
    head = f"From: {LEO}\r\nContent-Type: text/{kind}; charset=utf-8\r\n\r\nAsk zora@z.example.\r\n"
    raw = head.encode() + line.encode() * (size // len(line))
    tracemalloc.start()
    try:
        made = redacted(raw, Needles(ZORA), known())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert b"zora@z.example" not in made
    assert peak < 6 * size, peak / size
