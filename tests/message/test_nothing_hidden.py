"""What a person wrote is never folded on a guess. Each kind of mistake as a table of languages, and as properties."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailhub.message import parse
from mailhub.message.quoted import split_reply

SENTENCES = {
    "en": ("Where is it?", "Sent via your own courier on 3 May.", "The number is 4711."),
    "de": ("Wo ist mein Paket?", "Gesendet von Ihrem Lager am 3. Mai.", "Die Nummer ist 4711."),
    "de-with": ("Mein Paket fehlt.", "Gesendet mit DHL, sagt Ihr Kollege.", "Die Nummer ist 4711."),
    "fr": ("Je n'ai rien reçu.", "Envoyé par Chronopost le 3 mai.", "Merci de me rembourser."),
    "es": ("No llegó nada.", "Enviado por Correos el 3 de mayo.", "Quiero mi dinero."),
    "it": ("Non è arrivato niente.", "Inviato con corriere il 3 maggio.", "Vorrei il rimborso."),
    "nl": ("Er is niets.", "Verzonden via PostNL op 3 mei.", "Stuur een nieuw pakket."),
    "pl": ("Nic nie ma.", "Wysłane z magazynu 3 maja.", "Proszę o zwrot."),
    "sv": ("Inget har kommit.", "Skickat från ert lager den 3 maj.", "Jag vill ha pengarna."),
    "ru": ("Ничего нет.", "Отправлено с вашего склада 3 мая.", "Верните деньги."),
    "tr": ("Gelmedi.", "Androıd telefon değil, kılıf istemiştim.", "Param geri verilsin."),
    "device": ("It broke.", "Sent from my Samsung tablet it never worked.", "Pay me back.", "Now."),
}


@pytest.mark.parametrize("name", SENTENCES)
@pytest.mark.parametrize("gap", ["\n", "\n\n"])
def test_a_sentence_that_begins_like_a_signature_stays(name: str, gap: str) -> None:
    """Prose that begins with "sent via" in any language folds nothing."""
    text = gap.join(SENTENCES[name])
    assert split_reply(text, "", "Re: x").new == text


@pytest.mark.parametrize(
    "text",
    [
        "Good morning,\nOn Monday 2 November 2026 at 10:15 your colleague wrote:\nit is free.\n\nNow I got a bill. Why?",
        "Guten Tag,\nam 2.11.2026 um 10:15 schrieb Ihr Kollege:\nalles kostenlos.\n\nJetzt kam eine Rechnung.",
        "Bonjour,\nLe 2 novembre 2026 à 10:15 votre collègue a écrit :\nc'est gratuit.\n\nEt la facture ?",
        "Hola,\nel 2/11/2026 a las 10:15 su compañero escribió:\nes gratis.\n\n¿Y esta factura?",
        "Please change this:\n\nFrom: London\nTo: Rome\nDate: 3 May 2027\nSubject: two adults\n\nA window seat.",
        "Bitte umbuchen:\n\nVon: Kiel\nAn: Rom\nDatum: 3. Mai 2027\nBetreff: zwei Personen\n\nEinen Fensterplatz bitte.",
        "De: Madrid\nPara: Roma\nFecha: 3 de mayo de 2027\nAsunto: dos adultos\n\nVentana, por favor.",
        "Hi\n--\nOrder: 5519\nProblem: broken glass\nWish: new one by Friday",
        "Hallo\n--\nBestellung: 5519\nProblem: Glas kaputt\n\nWann kommt Ersatz?",
        "One thing.\n--\nWhen can somebody come?",
        "We saw this header:\n\nFrom: a@b.example\nTo: c@d.example\nSubject: x\nContent-Type: text/plain\n\nWhat is wrong?",
        "| a | b |\n| 1 | 2 |\n\nIs this table right?",
    ],
)
def test_prose_that_looks_like_a_mark_stays(text: str) -> None:
    """Attributions inside a letter, journeys, facts under dashes and tables are the letter's own."""
    assert split_reply(text, "", "Re: x").new == text


FORWARDS = [
    "---------- Forwarded message ---------\nFrom: Ben <b@o.example>\nDate: Sun, Nov 1, 2026 at 7:12 PM\nTo: <i@f.example>",
    "-------- Weitergeleitete Nachricht --------\nBetreff: w\nDatum: Sun, 1 Nov 2026 19:12\nVon: Ben <b@o.example>",
    "---------- Message transféré ---------\nDe : Ben <b@o.example>\nDate: dim. 1 nov. 2026 à 19:12\nSubject: w",
    "---------- Mensaje reenviado ---------\nDe: Ben <b@o.example>\nFecha: dom, 1 nov 2026\nAsunto: w",
    "Begin forwarded message:\n\nFrom: Ben <b@o.example>\nDate: 1 November 2026\nTo: i@f.example",
    "-------- Пересылаемое сообщение --------\n01.11.2026, 19:12, Ben <b@o.example>:",
    "---------- 転送メッセージ ----------\nFrom: Ben <b@o.example>\nDate: 2026年11月1日",
]


@pytest.mark.parametrize("block", FORWARDS)
def test_a_forward_hides_nothing(block: str) -> None:
    """What is sent on is what its sender wants read."""
    reply = split_reply(f"Please see below.\n\n{block}\n\nThe floor is ruined. Who pays?", "")
    assert "floor is ruined" in reply.new


@pytest.mark.parametrize(
    "prefix", ["Fw:", "FWD: ", "WG: ", "TR : ", "RV: ", "Doorst: ", "PD: ", "转发：", "VB: "]
)
def test_a_subject_that_sends_on_hides_nothing(prefix: str) -> None:
    """Nor where only the subject says so, and the block is Outlook's."""
    block = (
        "From: Ben Ott <ben@ott.example>\nSent: Sunday, November 1, 2026 7:12 PM\nTo: Info\nSubject: water"
    )
    html = '<div style="border:none;border-top:solid #E1E1E1 1.0pt"><p>From: Ben Ott</p></div><p>The floor is ruined.</p>'
    assert (
        "floor is ruined"
        in split_reply(f"See below\n\n{block}\n\nThe floor is ruined.", html, prefix + "water").new
    )


QUOTE = '<blockquote type="cite"><p>Which colour would you like to have?</p></blockquote>'


@pytest.mark.parametrize(
    "page",
    [
        f"<p>See below.</p>{QUOTE}<p>Blue, please.</p>{QUOTE}<p>To 4 Mill Lane.</p>",
        f"<p>Hello,</p>{QUOTE}<p>Blue, please.</p>",
        f'<div class="gmail_quote">x</div><p>Hello</p>{QUOTE}<div>Blue, please.</div>{QUOTE}',
    ],
)
def test_answers_below_and_between_quotes_of_html_stay(page: str) -> None:
    """Text behind a quoting element is an answer: it is shown in its place."""
    read = parse.parse(f"Content-Type: text/html\r\nSubject: Re: order\r\n\r\n{page}".encode())
    assert "Blue, please." in parse.split_reply(read).new


@pytest.mark.parametrize(
    "answer",
    ['<p style="color:red">{}</p>', '<p><span style="color:#C00000">{}</span></p>', '<font color="#0070C0">{}</font>',
     '<p class=x style="margin:0;color: rgb(255, 0, 0)">{}</p>'],
)  # fmt: skip
def test_answers_in_colour_stay(answer: str) -> None:
    """Who answers inside Outlook's quote in a colour is read, with the quote around it."""
    head = "<p>From: Support &lt;s@e.example&gt;<br>Sent: 1 November 2026 10:11<br>To: R<br>Subject: x</p>"
    block = f'<div style="border:none;border-top:solid #E1E1E1 1.0pt">{head}</div><p>Which colour?</p>'
    page = f"<p>In red.</p>{block}{answer.format('Blue, please.')}"
    read = parse.parse(f"Content-Type: text/html\r\nSubject: Re: x\r\n\r\n{page}".encode())
    assert "Blue, please." in parse.split_reply(read).new


@pytest.mark.parametrize("colour", ["#1F497D", "black", "gray", "#666666", "windowtext"])
def test_colours_that_programs_set_are_no_answers(colour: str) -> None:
    """Outlook's own dark blue, black and greys fold as before; so do links."""
    block = '<div style="border-top:solid #E1E1E1 1.0pt"><p>From: Support &lt;s@e.example&gt;</p></div>'
    page = f'<p>Thanks a lot.</p>{block}<p style="color:{colour}">Which colour would it be?</p><a style="color:blue">x</a>'
    read = parse.parse(f"Content-Type: text/html\r\nSubject: Re: x\r\n\r\n{page}".encode())
    assert parse.split_reply(read).new == "Thanks a lot."


@pytest.mark.parametrize(
    "mark",
    [
        "---- On Tue, 03 Mar 2026 09:14:00 +0100 Ben Ode <b@s.example> wrote ----\n\nHave you tried it?",
        "--- On Tue, 3/3/26, Ben Ode <b@s.example> wrote:\n\nHave you tried it?",
        "Tuesday, 3 March 2026 09:14\n> Have you tried it?",
        "2026-03-03 09:14 GMT+01:00 Ben Ode <b@s.example>\n\n> Have you tried it?",
        "03.03.2026 09:14, Ben Ode <b@s.example>\n> Have you tried it?",
        "Am 03.03.2026 09:14 schrieb Ben Ode:\n| Have you tried it?\n| Ben",
        "Tuesday, March 3, 2026, 9:14:00 AM, you wrote:\n\nC> Have you tried it?\nC> Ben",
        "Da: Ben Ode <b@s.example>\nInviato il: martedì 3 marzo 2026 09:14\nA: Karla\nOggetto: x\n\nHave you tried it?",
        "De: Ben Ode <b@s.example>\nData: 3 de março de 2026 09:14\nPara: Karla\nAssunto: x\n\nHave you tried it?",
        "差出人: Ben Ode <b@s.example>\n日時: 2026年3月3日 9:14\n宛先: Karla\n件名: x\n\nHave you tried it?",
        "보낸이: Ben Ode <b@s.example>\n보낸날짜: 2026년 3월 3일 9:14\n받는이: Karla\n제목: x\n\nHave you tried it?",
        "发信人: Ben Ode <b@s.example>\n時間: 2026年3月3日 9:14\n收信人: Karla\n主題: x\n\nHave you tried it?",
    ],
)
def test_marks_that_slipped_through_fold(mark: str) -> None:
    """A date line alone, Zoho's and Yahoo's dashes, other quote marks, and blocks in more languages end the
    new text.
    """
    reply = split_reply(f"All is well, thank you.\n\n{mark}\n", "", "Re: x")
    assert reply.new == "All is well, thank you."


PIECES = st.sampled_from(
    ["Hello", "", "> quoted", ">> twice", "-- ", "--", "| bar", "C> initials", "Sent from my iPhone", "Gesendet von Ihnen",
     "On Tue, 3 Mar 2026 at 09:14, Ben <b@s.example> wrote:", "From: a@b.example", "To: c@d.example",
     "Date: 3 March 2026 09:14", "Subject: x", "-----Original Message-----", "---------- Forwarded message ---------",
     "____________", "unsubscribe here",
     "2026-03-03 09:14 Ben <b@s.example>", "Regards", "\xa0", "Blue, please: 4711."]
)  # fmt: skip


@given(
    st.lists(PIECES, max_size=40),
    st.sampled_from(["", "Re: x", "Fw: x"]),
    st.sampled_from(["", QUOTE, "<p>Hello</p>" + QUOTE]),
)
def test_new_and_folded_are_the_whole(lines: list[str], subject: str, html: str) -> None:
    """Whatever marks stand in whatever order: each line is in one of the two, once, in its order."""
    reply = split_reply("\n".join(lines), html, subject)
    kept = [line.strip() for part in (reply.new, reply.folded) for line in part.split("\n") if line.strip()]
    wanted = [line.strip() for line in lines if line.strip()]
    plain = [line.removeprefix(">") if line.startswith((">|", ">C>")) else line for line in kept]
    assert sorted(plain) == sorted(wanted)


@given(
    st.lists(
        st.sampled_from(["Hello there", "I need help", "", "My order: 5519", "It broke.", "Why?"]),
        max_size=30,
    )
)
def test_a_mail_without_a_mark_is_never_folded(lines: list[str]) -> None:
    """Plain sentences and facts fold nothing, also where the mail says that it answers."""
    assert split_reply("\n".join(lines), "", "Re: x").folded.strip() == ""
