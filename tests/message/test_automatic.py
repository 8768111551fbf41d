"""Automatic mail told from a person's, by header, subject, content type and null sender."""

from __future__ import annotations

import pytest

from mailhub.message.automatic import classify
from mailhub.message.values import Automatic

HEADERS = [
    (("Auto-Submitted", "auto-replied"), "auto-reply", "auto-submitted"),
    (("Auto-Submitted", "auto-replied (vacation)"), "out-of-office", "auto-submitted"),
    (("Auto-Submitted", "auto-generated"), "generated", "auto-submitted"),
    (("auto-submitted", 'auto-replied; owner-email="a@b.example"'), "auto-reply", "auto-submitted"),
    (("X-Autoreply", "yes"), "auto-reply", "private-header"),
    (("X-Autorespond", "help desk 2.0"), "auto-reply", "private-header"),
    (("X-Precedence", "auto_reply"), "auto-reply", "precedence"),
    (("X-Apple-Action", "VACATION"), "out-of-office", "private-header"),
    (("X-MS-Exchange-Inbox-Rules-Loop", "a@b.example"), "auto-reply", "inbox-rule"),
    (("X-FC-MachineGenerated", "true"), "generated", "private-header"),
    (("X-Auto-Response-Suppress", "OOF, AutoReply"), "generated", "auto-response-suppress"),
    (("X-Mailer", "vacation 1.2"), "auto-reply", "mailer"),
    (("List-Id", "things <things.lists.example>"), "list", "list-id"),
    (("Precedence", "list"), "list", "precedence"),
    (("Precedence", "bulk"), "bulk", "precedence"),
    (("List-Unsubscribe", "<https://a.example/u>"), "bulk", "list-unsubscribe"),
    (("Return-Path", "<>"), "bounce", "null-sender"),
]

PERSONS = [
    ("Auto-Submitted", "no"),
    ("X-Autoreply", "no"),
    ("Precedence", "normal"),
    ("X-Mailer", "Evening Mail 4"),
    ("X-Auto-Response-Suppress", "None"),
    ("Delivered-To", "support@shop.example"),
    ("Return-Path", "<karla@c.example>"),
    ("From", "noreply@web-form.example"),
]

AWAY = (
    "Out of Office: your order",
    "Abwesenheitsnotiz: Ihre Bestellung",
    "Absence du bureau : commande",
    "Fuera de la oficina: pedido",
    "Ausência temporária: pedido",
    "Fuori sede: ordine",
    "Afwezig: bestelling",
    "Nieobecność: zamówienie",
    "Frånvaro: order",
    "Poissa: tilaus",
    "В отпуске: заказ",
    "Karla Ude is out of the office (back on Monday)",
    "不在通知: 注文",
)
REPLIED = (
    "Automatic reply: your order",
    "Automatische Antwort: Ihre Bestellung",
    "Réponse automatique : commande",
    "Respuesta automática: pedido",
    "Resposta automática: pedido",
    "Risposta automatica: ordine",
    "Automatisch antwoord: bestelling",
    "Automatyczna odpowiedź: zamówienie",
    "Autosvar: order",
    "Автоответ: заказ",
    "自動返信: 注文",
    "自动回复: 订单",
)


def _kind(*headers: tuple[str, str], subject: str = "your order", null: bool = False) -> Automatic:
    return classify((("From", "a@b.example"), *headers), subject, "text/plain", {}, null)


@pytest.mark.parametrize(("header", "kind", "reason"), HEADERS)
def test_header_tells_a_program(header: tuple[str, str], kind: str, reason: str) -> None:
    """Each header of a program gives its kind, a reason and the value as evidence."""
    found = _kind(header)
    assert (found.kind, found.reason) == (kind, reason)


@pytest.mark.parametrize("header", PERSONS)
def test_header_of_a_person_tells_nothing(header: tuple[str, str]) -> None:
    """The same headers with a harmless value, and a noreply sender, leave the mail a person's."""
    assert not _kind(header)


@pytest.mark.parametrize("subject", AWAY)
def test_subject_of_an_absence_is_known_in_any_language(subject: str) -> None:
    """Vacation programs are known by how their subjects begin."""
    assert _kind(subject=subject).kind == "out-of-office"


@pytest.mark.parametrize("subject", REPLIED)
def test_subject_of_an_automatic_answer_is_known_in_any_language(subject: str) -> None:
    """Automatic answers are known by how their subjects begin."""
    assert _kind(subject=subject).kind == "auto-reply"


@pytest.mark.parametrize(
    "subject", ["Re: Out of Office: your order", "AW: Abwesenheitsnotiz", "Office chairs", "Author"]
)
def test_a_person_may_answer_an_automatic_mail(subject: str) -> None:
    """A subject that only quotes such a beginning is a person's."""
    assert not _kind(subject=subject)


@pytest.mark.parametrize(
    ("report_type", "kind"),
    [
        ("delivery-status", "bounce"),
        ("disposition-notification", "receipt"),
        ("feedback-report", "complaint"),
    ],
)
def test_reports_are_told_by_their_type(report_type: str, kind: str) -> None:
    """multipart/report says itself what it is (RFC 3462)."""
    assert classify((), "", "multipart/report", {"report-type": report_type}).kind == kind


def test_what_the_program_says_beats_the_list_header() -> None:
    """An auto-reply that a list passed on is an auto-reply; the order of headers does not matter."""
    pair = (("Precedence", "bulk"), ("Auto-Submitted", "auto-replied"))
    assert _kind(*pair).kind == _kind(*reversed(pair)).kind == "auto-reply"


def test_null_sender_marks_what_nothing_else_explains() -> None:
    """The null envelope sender makes a bounce of a mail, but an auto-reply stays an auto-reply."""
    assert _kind(null=True).kind == "bounce"
    assert _kind(("X-Autoreply", "yes"), null=True).kind == "auto-reply"
