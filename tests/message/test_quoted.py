"""Replies split into what is new and what was folded away: languages, clients, styles of quoting, plain and HTML."""

from __future__ import annotations

import pytest

from mailhub.message.quoted import split_reply

NEW = "Vielen Dank, das hat geholfen.\n\nKarla"

ATTRIBUTIONS = {
    "en-gmail": "On Tue, Mar 3, 2026 at 9:14 AM Ben Ode <ben@shop.example> wrote:",
    "en-apple": "On 3 Mar 2026, at 09:14, Ben Ode <ben@shop.example> wrote:",
    "en-thunderbird": "On 03/03/2026 09:14 AM, Ben Ode wrote:",
    "en-mutt": "* Ben Ode <ben@shop.example> [2026-03-03 09:14]:",
    "en-name-first": "Ben Ode <ben@shop.example> wrote on 2026-03-03:",
    "de-gmail": "Am Di., 3. März 2026 um 09:14 Uhr schrieb Ben Ode <ben@shop.example>:",
    "de-apple": "> Am 03.03.2026 um 09:14 schrieb Ben Ode <ben@shop.example>:",
    "de-thunderbird": "Am 03.03.26 um 09:14 schrieb Ben Ode:",
    "fr-gmail": "Le mar. 3 mars 2026 à 09:14, Ben Ode <ben@shop.example> a écrit :",
    "fr-apple": "Le 3 mars 2026 à 09:14, Ben Ode <ben@shop.example> a écrit :",
    "es-gmail": "El mar, 3 mar 2026 a las 9:14, Ben Ode (<ben@shop.example>) escribió:",
    "ca-gmail": "Missatge de Ben Ode <ben@shop.example> del dia dt., 3 de març 2026 a les 9:14:",
    "pt-gmail": "Em ter., 3 de mar. de 2026 às 09:14, Ben Ode <ben@shop.example> escreveu:",
    "it-gmail": "Il giorno mar 3 mar 2026 alle ore 09:14 Ben Ode <ben@shop.example> ha scritto:",
    "nl-gmail": "Op di 3 mrt 2026 om 09:14 schreef Ben Ode <ben@shop.example>:",
    "nl-apple": "Op 3 mrt 2026 om 09:14 heeft Ben Ode <ben@shop.example> het volgende geschreven:",
    "pl-gmail": "wt., 3 mar 2026 o 09:14 Ben Ode <ben@shop.example> napisał(a):",
    "pl-thunderbird": "W dniu 3.03.2026 o 09:14, Ben Ode pisze:",
    "da-gmail": "Den tirs. 3. mar. 2026 kl. 09.14 skrev Ben Ode <ben@shop.example>:",
    "no-gmail": "tir. 3. mars 2026 kl. 09:14 skrev Ben Ode <ben@shop.example>:",
    "sv-gmail": "Den tis 3 mars 2026 kl 09:14 skrev Ben Ode <ben@shop.example>:",
    "fi-gmail": "ti 3. maalisk. 2026 klo 9.14 Ben Ode (ben@shop.example) kirjoitti:",
    "ru-gmail": "вт, 3 мар. 2026 г. в 09:14, Ben Ode <ben@shop.example>:",
    "ru-mailru": "Вторник, 3 марта 2026, 9:14 +03:00 от Ben Ode <ben@shop.example>:",
    "ru-thunderbird": "03.03.2026 09:14, Ben Ode пишет:",
    "uk-gmail": "вт, 3 бер. 2026 р. о 09:14 Ben Ode <ben@shop.example> пише:",
    "cs-gmail": "út 3. 3. 2026 v 9:14 odesílatel Ben Ode <ben@shop.example> napsal:",
    "sk-gmail": "ut 3. 3. 2026 o 9:14 Ben Ode <ben@shop.example> napísal(a):",
    "hu-gmail": "Ben Ode <ben@shop.example> ezt írta (időpont: 2026. márc. 3., K, 9:14):",
    "ro-gmail": "În mar., 3 mar. 2026 la 09:14, Ben Ode <ben@shop.example> a scris:",
    "tr-gmail": "Ben Ode <ben@shop.example>, 3 Mar 2026 Sal, 09:14 tarihinde şunu yazdı:",
    "el-gmail": "Στις Τρί 3 Μαρ 2026 στις 9:14 π.μ., ο χρήστης Ben Ode <ben@shop.example> έγραψε:",
    "bg-gmail": "На вт, 3.03.2026 г. в 9:14 Ben Ode <ben@shop.example> написа:",
    "hr-gmail": "uto, 3. ožu 2026. u 09:14 Ben Ode <ben@shop.example> napisao je:",
    "ja-gmail": "2026年3月3日(火) 9:14 Ben Ode <ben@shop.example>:",
    "ja-apple": "2026/03/03 9:14、Ben Ode <ben@shop.example>のメール:",
    "zh-gmail": "Ben Ode <ben@shop.example> 于2026年3月3日周二 09:14写道：",
    "zh-apple": "在 2026年3月3日，上午9:14，Ben Ode <ben@shop.example> 写道：",
    "ko-gmail": "2026년 3월 3일 (화) 오전 9:14, Ben Ode <ben@shop.example>님이 작성:",
    "he-gmail": "‫בתאריך יום ג׳, 3 במרץ 2026 ב-9:14 מאת ‪Ben Ode‬‏ <‪ben@shop.example‬‏>:",
    "ar-gmail": "في الثلاثاء، 3 مارس 2026 في 9:14 ص تمت كتابة ما يلي بواسطة Ben Ode <b@s.example>:",
    "vi-gmail": "Vào Th 3, 3 thg 3, 2026 vào lúc 09:14 Ben Ode <b@s.example> đã viết:",
    "id-gmail": "Pada tanggal Sel, 3 Mar 2026 pukul 09.14 Ben Ode <b@s.example> menulis:",
    "wrapped": "On Tue, Mar 3, 2026 at 9:14 AM The Department of Long Names <\nthe-long-names@shop.example> wrote:",
    "broken address": "Am 3. März 2026 um 09:14 schrieb Ben Ode <ben@shop.example\n>:",
    "yandex": '03.03.2026, 09:14, "Ben Ode" <b@s.example>:',
}

HEADER_BLOCKS = {
    "en": "From: Ben Ode <b@s.example>\nSent: Tuesday, March 3, 2026 9:14 AM\nTo: Karla\nSubject: Your order",
    "en-bold": "*From:* Ben Ode <b@s.example>\n*Sent:* Tuesday, March 3, 2026 9:14 AM\n*To:* Karla\n*Subject:* Order",
    "de": "Von: Ben Ode <b@s.example>\nGesendet: Dienstag, 3. März 2026 09:14\nAn: Karla\nBetreff: Ihre Bestellung",
    "fr": "De : Ben Ode <b@s.example>\nEnvoyé : mardi 3 mars 2026 09:14\nÀ : Karla\nObjet : Votre commande",
    "es": "De: Ben Ode <b@s.example>\nEnviado el: martes, 3 de marzo de 2026 9:14\nPara: Karla\nAsunto: Su pedido",
    "pt": "De: Ben Ode <b@s.example>\nEnviada em: terça-feira, 3 de março de 2026 09:14\nPara: Karla\nAssunto: Pedido",
    "it": "Da: Ben Ode <b@s.example>\nInviato: martedì 3 marzo 2026 09:14\nA: Karla\nOggetto: Il suo ordine",
    "nl": "Van: Ben Ode <b@s.example>\nVerzonden: dinsdag 3 maart 2026 09:14\nAan: Karla\nOnderwerp: Uw bestelling",
    "pl": "Od: Ben Ode <b@s.example>\nWysłano: wtorek, 3 marca 2026 09:14\nDo: Karla\nTemat: Zamówienie",
    "da": "Fra: Ben Ode <b@s.example>\nSendt: 3. marts 2026 09:14\nTil: Karla\nEmne: Din ordre",
    "sv": "Från: Ben Ode <b@s.example>\nSkickat: den 3 mars 2026 09:14\nTill: Karla\nÄmne: Din order",
    "fi": "Lähettäjä: Ben Ode <b@s.example>\nLähetetty: 3. maaliskuuta 2026 9:14\nVastaanottaja: Karla\nAihe: Tilaus",
    "ru": "От: Ben Ode <b@s.example>\nОтправлено: 3 марта 2026 г. 9:14\nКому: Karla\nТема: Заказ",
    "cs": "Od: Ben Ode <b@s.example>\nOdesláno: úterý 3. března 2026 9:14\nKomu: Karla\nPředmět: Objednávka",
    "hu": "Feladó: Ben Ode <b@s.example>\nElküldve: 2026. március 3. 9:14\nCímzett: Karla\nTárgy: Rendelés",
    "tr": "Kimden: Ben Ode <b@s.example>\nGönderildi: 3 Mart 2026 Salı 09:14\nKime: Karla\nKonu: Sipariş",
    "el": "Από: Ben Ode <b@s.example>\nΣτάλθηκε: Τρίτη, 3 Μαρτίου 2026 9:14\nΠρος: Karla\nΘέμα: Παραγγελία",
    "ja": "差出人: Ben Ode <b@s.example>\n送信日時: 2026年3月3日 9:14\n宛先: Karla\n件名: ご注文",
    "zh": "发件人: Ben Ode <b@s.example>\n发送时间: 2026年3月3日 9:14\n收件人: Karla\n主题: 订单",
    "ko": "보낸 사람: Ben Ode <b@s.example>\n보낸 날짜: 2026년 3월 3일 9:14\n받는 사람: Karla\n제목: 주문",
    "rule": "________________________________\nFrom: Ben Ode <b@s.example>\nSent: Tuesday, March 3, 2026 9:14 AM",
    "original": "-----Original Message-----\nFrom: Ben Ode\nTo: Karla",
    "original-de": "-----Ursprüngliche Nachricht-----\nVon: Ben Ode\nAn: Karla",
    "forwarded-es": "---------- Mensaje reenviado ---------\nDe: Ben Ode\nPara: Karla",
    "notes": "-----Ben Ode/SHOP wrote: -----\nTo: Karla\nFrom: Ben Ode\nDate: 03/03/2026 09:14AM",
    "apple-forward": "Begin forwarded message:\n\nFrom: Ben Ode <ben@shop.example>\nDate: 3 March 2026\nTo: Karla",
}

SIGNATURES = {
    "rfc3676": "-- \nKarla Ude\nHead of Things",
    "bare": "--\nKarla Ude\nHead of Things",
    "iphone": "Sent from my iPhone",
    "iphone-de": "Von meinem iPhone gesendet",
    "samsung-fr": "Envoyé depuis mon appareil Galaxy",
    "outlook": "Get Outlook for iOS<https://aka.example/o0ukef>",
    "es": "Enviado desde mi iPhone",
    "excuse": "Sent from my iPhone, please excuse whatever the keyboard made of this message",
    "ru": "Отправлено с iPhone",
    "ja": "iPhoneから送信",
    "list": "_______________________________________________\nthings mailing list\nhttps://lists.example/listinfo/things",
}


@pytest.mark.parametrize("name", ATTRIBUTIONS)
def test_attribution_and_marked_quote_are_folded(name: str) -> None:
    """An attribution line of every common client and language ends the new text when quote marks follow."""
    text = f"{NEW}\n\n{ATTRIBUTIONS[name]}\n> Have you tried turning it off?\n>\n> Ben\n"
    reply = split_reply(text, "")
    assert reply.new == NEW
    assert "turning it off" in reply.folded


@pytest.mark.parametrize("name", [name for name, line in ATTRIBUTIONS.items() if not line.startswith(">")])
def test_attribution_without_quote_marks_ends_the_text(name: str) -> None:
    """The same lines end the new text when the quote below has no marks."""
    reply = split_reply(f"{NEW}\n\n{ATTRIBUTIONS[name]}\n\nHave you tried turning it off?\n\nBen\n", "")
    assert (reply.new, reply.reason) == (NEW, "attribution")


@pytest.mark.parametrize("name", HEADER_BLOCKS)
def test_header_block_ends_the_text(name: str) -> None:
    """A quoted header block or an original-message line ends the new text in every common language."""
    text = f"{NEW}\n\n{HEADER_BLOCKS[name]}\n\nHave you tried turning it off?\n"
    reply = split_reply(text, "", "Re: Your order")
    assert reply.new == NEW
    assert "turning it off" in reply.folded


@pytest.mark.parametrize("name", SIGNATURES)
def test_signature_is_folded(name: str) -> None:
    """What a program or a list signs with is no part of the new text."""
    reply = split_reply(f"{NEW}\n\n{SIGNATURES[name]}\n", "")
    assert reply.new == NEW


def test_forward_without_comment_keeps_the_forwarded_text() -> None:
    """Where a header block stands above everything, the forwarded text is what the mail has to say."""
    reply = split_reply(f"{HEADER_BLOCKS['de']}\n\nBitte liefern Sie bis Montag.\n", "")
    assert reply.new == "Bitte liefern Sie bis Montag."


def test_answers_between_quotes_keep_their_context() -> None:
    """In an inline reply the quotes stay, only the attribution goes."""
    text = f"{ATTRIBUTIONS['en-gmail']}\n> When?\n\nOn Monday.\n\n> Where?\n\nIn Kiel.\n"
    assert split_reply(text, "").new == "> When?\n\nOn Monday.\n\n> Where?\n\nIn Kiel."


def test_answer_below_the_quote_stands_alone() -> None:
    """One quote above the answer is folded away with its attribution."""
    assert split_reply(f"{ATTRIBUTIONS['fr-apple']}\n> Quand ?\n\nLundi.\n", "").new == "Lundi."


def test_line_broken_out_of_a_quote_belongs_to_it() -> None:
    """A line that a program broke off a long quoted line without a mark is folded with the quote."""
    quote = (
        "> this quoted line is so long that some program had to break it and\nforgot the mark\n> and so on"
    )
    assert split_reply(f"Fine.\n\n{ATTRIBUTIONS['en-gmail']}\n{quote}\n", "").new == "Fine."


@pytest.mark.parametrize(
    "text",
    [
        "The meeting is at 10:30, bring the following:\n\n- paper\n- pens",
        "From: what I see, it works.\nTo: be sure, ask Ben.",
        "Our opening hours:\nMon: 9-17\nTue: 9-17",
        "Price list -- see below\n--- \nA: 1\nB: 2",
        "I wrote:\nnothing at all",
        "Here is another one.\n\nSent from my desk, which is much easier to write at than the phone of last week.",
        "Dear all,\n\nthe address is:\n\nMain Street 1",
        "The log says:\n\n2026-03-03 09:14:00 ERROR for kim@b.example: no answer:\ntrace follows\n\nPlease help.",
    ],
)
def test_ordinary_text_is_left_whole(text: str) -> None:
    """Colons, dashes and words like From in a person's text fold nothing away."""
    reply = split_reply(text, "")
    assert (reply.new, reply.folded) == (text, "")


@pytest.mark.parametrize("name", ATTRIBUTIONS)
def test_nothing_is_lost(name: str) -> None:
    """New and folded text together hold every line of the mail."""
    text = f"{NEW}\n\n-- \nKarla\n\n{ATTRIBUTIONS[name]}\n> a\n> b\n\nlast words\n> c\n"
    reply = split_reply(text, "")
    kept = sorted(line for part in (reply.new, reply.folded) for line in part.split("\n") if line.strip())
    assert kept == sorted(line for line in text.split("\n") if line.strip())


@pytest.mark.parametrize(
    "marker",
    [
        '<div class="gmail_quote">',
        '<blockquote type="cite">',
        '<div id="appendonsend"></div>',
        '<div class="yahoo_quoted">',
    ],
)
def test_html_marks_the_quote_where_the_text_does_not(marker: str) -> None:
    """An element that mail programs put around quotes is enough when the text itself gives no sign."""
    html = f"<p>All is well.</p>{marker}<p>Have you tried turning it off and on again?</p>"
    reply = split_reply("All is well.\n\nHave you tried turning it off and on again?\n", html)
    assert (reply.new, reply.reason) == ("All is well.", "html-quote")


def test_html_finds_an_introduction_in_an_unknown_language() -> None:
    """Where quote marks follow, the HTML shows that the line above them belongs to the quote."""
    html = (
        '<div>All is well.</div><div class="gmail_quote"><div class="gmail_attr">Zxq 3 mb Ben gyk:</div>'
        "<blockquote>Have you tried turning it off?</blockquote></div>"
    )
    assert (
        split_reply("All is well.\n\nZxq 3 mb Ben gyk:\n\n> Have you tried turning it off?\n", html).new
        == "All is well."
    )


def test_ending_of_a_letter_below_the_quote_is_no_inline_reply() -> None:
    """A formula and a name under the quote do not make the quote part of the answer."""
    text = f"Yes.\n\n{ATTRIBUTIONS['en-gmail']}\n> Is it?\n> Ben\n\nKind regards,\nKarla\n"
    assert split_reply(text, "").new == "Yes.\n\n\nKind regards,\nKarla"


def test_initials_mark_a_quote_below_an_attribution() -> None:
    """Quotes marked with the writer's initials are quotes; a prompt that looks alike is not."""
    text = "Hello Ben,\n\nTuesday, March 3, 2026, 9:14:00 AM, you wrote:\n\nBO> When?\n\nMonday.\n\nBO> Where?\n\nKiel.\n"
    assert split_reply(text, "").new == "Hello Ben,\n\n\nBO> When?\n\nMonday.\n\nBO> Where?\n\nKiel."
    prompt = "I typed:\n\nSQL> drop table x;\n"
    assert split_reply(prompt, "").new == prompt.strip()
