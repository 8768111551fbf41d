"""Names as strings: when two are one, where one stands in a text, and which may never be replaced in others' words.

A name is what its bearer chose: whoever writes as "team" or "Best regards" does not own the word. So a name
is replaced wherever it stands only when a person agreed to it (``Person.agreed``), and never when it is

    common-word   made of nothing but words that letters are made of: greetings, roles, verbs of writing
    of-others     borne by, or part of, the name of another contact, user, mailbox, or of the account
    widely-used   written by three people or more in tickets in which the person takes no part

Compared are *folded* names: without case, accents, normal forms, signs between words. What a search finds is
always a subset of that, so that no namesake's name can be found by it. Must not: read tables.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable

from mailhub.message.quoted_phrases import (
    DEVICES,
    MOBILE,
    OPENERS,
    ROLE_OF,
    SEPARATORS,
    SIGN_OFFS,
    WEEKDAYS,
    WROTE,
)

TELLING_CHARACTERS = 6  # with two words: no longer a word of the language
WIDELY = 3  # other authors whose letters hold the name where its bearer takes no part

_UNSPACED = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_HANGUL = r"\u1100-\u11ff\u3130-\u318f\uac00-\ud7af"
_MARKS = r"\u0300-\u036f"
_LETTER = rf"[^\W_{_UNSPACED}{_HANGUL}]"  # of a script that sets blanks between its words
_IS_UNSPACED = re.compile(rf"[{_UNSPACED}]")
_IS_HANGUL = re.compile(rf"[{_HANGUL}]")
_SPACED_LETTER = re.compile(_LETTER)
_WORD = re.compile(r"[^\W_]+")

# Roles and words that people, forms and shops write under as if they were names. The formulas of letters come
# from ``quoted_phrases``; what is in neither is found by how many write it ("widely-used").
_ROLES = """
    account accounts admin administrator agent alert all anonymous answer billing bot buyer care client company
    contact customer daemon dear delivery department desk developer digest donotreply editor everybody everyone
    feedback friend guest hello help helpdesk here hey hi home hotline hr info information invoice it job jobs
    legal letter list mail mailer manager marketing me member message moderator news newsletter no none noreply
    notification offer office online operator order orders owner partner payment please postmaster press privacy
    question reception register reminder reply request root sale sales security seller sender server service
    services shop shipping staff status store student subscriber supplier support system teacher team test thank
    thanks the ticket to update user vendor visitor we web webmaster welcome you your
    abteilung alle anfrage angebot antwort bestellung buchhaltung büro kontakt kunde kunden kundendienst
    kundenservice grüssen herzlichen lieferung mannschaft rechnung
    redaktion sekretariat verkauf vertrieb verwaltung zahlung hallo
    bonjour client clients commande équipe facture offre service bureau contact direction vente ventes
    cliente clientes equipo factura hola oferta pedido pedidos servicio soporte ventas tienda
    assistenza cliente fattura offerta ordine squadra ufficio vendita ciao klant bestelling factuur kantoor
    klient zamówienie oferta biuro zespół sprzedaż команда заказ клиент поддержка сервис офис здравствуйте
    客服 团队 订单 公司 お客様 サポート 担当 注文 고객 지원 주문 팀
"""


def folded(text: str) -> str:
    """The words of a name without case, accents and normal form, a blank between them."""
    plain = unicodedata.normalize("NFKD", text)
    bare = "".join(each for each in plain if not unicodedata.combining(each)).casefold()
    return " ".join(_WORD.findall(unicodedata.normalize("NFKC", bare)))


def _common() -> frozenset[str]:
    phrases = (*SIGN_OFFS, *WROTE, *ROLE_OF, *MOBILE, *DEVICES, *OPENERS, *WEEKDAYS, *SEPARATORS, _ROLES)
    return frozenset(word for phrase in phrases for word in folded(phrase).split())


COMMON = _common()


def is_common(name: str) -> bool:
    """Whether a name is nothing but words that letters are made of, or has none."""
    return {*folded(name).split()} <= COMMON


def is_telling(name: str) -> bool:
    """Whether a name can be meant for a person where it stands alone: two words, of some length, not both common."""
    words = folded(name).split()
    return len(name) >= TELLING_CHARACTERS and len(words) > 1 and "@" not in name and not is_common(name)


def why_refused(name: str, others: Iterable[str]) -> str:
    """Why a name cannot be replaced wherever it stands, as a word; "" when it can.

    ``others``: names of other contacts, users, mailboxes and of the account, folded or not.
    """
    words = folded(name).split()
    if "@" in name or is_common(name):
        return "common-word"

    turned = (words, [words[-1], *words[:-1]])
    return "of-others" if any(_holds(folded(each).split(), turned) for each in others) else ""


def _holds(words: list[str], wanted: Collection[list[str]]) -> bool:
    """Whether a name holds another, as words that follow each other."""
    if not any(each in words for each in next(iter(wanted))):
        return False
    return any(words[at : at + len(each)] == each for each in wanted for at in range(len(words)))


def is_spaced_letter(character: str) -> bool:
    """Whether it is a letter or digit of a script that sets blanks between its words."""
    return _SPACED_LETTER.match(character) is not None


def pattern_of(names: Iterable[str]) -> re.Pattern[str] | None:
    """Finds any of these names, whatever white space stands between their words, and not as a part of a longer one.

    Nothing bounds a name in a script that sets no blanks; in Korean, particles follow it.
    """
    forms = {form for name in names if name.strip() for form in _forms(name)}
    spelled = sorted(forms, key=lambda form: (-len(form), form))
    if not spelled:
        return None
    return re.compile("|".join(map(_bounded, spelled)), re.IGNORECASE)


def _bounded(form: str) -> str:
    written = r"[\s_]+".join(map(re.escape, form.split()))
    before = "" if _IS_UNSPACED.match(form[0]) else rf"(?<!{_LETTER})(?<!{_LETTER}[-_])"
    after = rf"(?!{_LETTER}|[-_]{_LETTER}|[{_MARKS}])"
    if _IS_HANGUL.match(form[0]):
        before = rf"(?<![{_HANGUL}])"
    if _IS_UNSPACED.match(form[-1]) or _IS_HANGUL.match(form[-1]):
        after = ""

    return f"{before}(?:{written}){after}"


def _forms(name: str) -> set[str]:
    text = name.strip()
    return {text, unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)}
