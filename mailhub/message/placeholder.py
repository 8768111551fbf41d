"""Tells a plain part that says nothing from one that says what the HTML beside it says. Pure, linear.

Programs that write HTML put beside it a plain part of white space, of characters without ink, or of a line
that asks the reader for another program. The text of the HTML is then shown too. Judged by what the two say,
not by the line's words alone: whoever writes about HTML in a text says so in both parts, a placeholder's
words are in the plain part only. Sources: RFC 2046 5.1.4 (the alternatives say the same), reports of mails
shown empty (docs/reading-mail.md).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

CHARACTERS = 600  # a longer text says something

_INKLESS = frozenset(("Cc", "Cf", "Zs", "Zl", "Zp"))  # controls, formats, blanks of every width
_NO_INK = "\u2800\u3164\u115f\u1160\uffa0\u034f"  # letters and marks that print nothing
_WORD = re.compile(r"[^\W\d_]{2,}+")
_LINK = re.compile(r"https?://\S{1,2000}+")

# What such a line is about, in any language: the format, the program or the page to open.
_ABOUT = re.compile(
    r"html|browser|web ?version|e-?mail[ -]?(?:client|programm?|app)|mail[ -]?(?:client|programm?|app)\b"
    r"|navigat(?:eur|or)|navegador|messagerie|correo|posta elettronica|przegląd|prohlížeč|brauser|selain"
    r"|webbläsare|nettleser|böngész|tarayıcı|браузер|почтов|浏览器|瀏覽器|郵件|邮件|ブラウザ|メール|브라우저|메일"
    r"|متصفح|דפדפן|trình duyệt|เบราว์เซอร์|ब्राउज़र|πρόγραμμα περιήγησης",
    re.IGNORECASE,
)


def says_nothing(plain: str, pages: Iterable[str]) -> bool:
    """Whether ``plain`` is blank, or only points to the HTML whose texts ``pages`` are; False where those are blank."""
    said = "".join(pages)
    if is_blank(said):
        return False
    if is_blank(plain):
        return True
    if len(plain) >= CHARACTERS or _ABOUT.search(plain) is None:
        return False

    here = _WORD.findall(_LINK.sub(" ", plain).lower())
    there = said.lower()
    return sum(word in there for word in here) * 2 < len(here)


def is_blank(text: str) -> bool:
    """Whether a text prints nothing: white space, no-break spaces, zero-width marks, the object replacement sign."""
    if text and text[0].isalnum() and text[0] not in _NO_INK:
        return False
    return all(
        character in _NO_INK or character == "\ufffc" or unicodedata.category(character) in _INKLESS
        for character in text
    )
