"""In which language a page speaks: the one its visitor's browser prefers of ours (RFC 9110 12.5.4), else English.

The English text is its own name: whoever reads a page's code reads what it says. What has no translation, as the text of
an unexpected refusal, stays English. Pure.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from mailhub.web.portuguese import PORTUGUESE

ENGLISH, BRAZILIAN = "en", "pt-BR"
TRANSLATIONS = {ENGLISH: dict[str, str](), BRAZILIAN: PORTUGUESE}
RANGES = 20  # of one header that are looked at


def language_of(request: Request) -> str:
    """The language of the answer to this request."""
    return preferred(request.headers.get("accept-language", ""))


def preferred(header: str) -> str:
    """The first of ours in an Accept-Language by its weights; English where none is wanted."""
    wanted = []
    for place, part in enumerate(header.split(",")[:RANGES]):
        tag, _, parameter = part.strip().partition(";")
        wanted.append((-_weight(parameter), place, tag.strip().lower()))

    for weight, _, tag in sorted(wanted):
        if weight < 0 and tag.partition("-")[0] == "pt":
            return BRAZILIAN
        if weight < 0 and tag.partition("-")[0] in ("en", "*"):
            return ENGLISH
    return ENGLISH


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    digits = value.strip().replace(".", "", 1)
    return float(value) if digits.isascii() and digits.isdecimal() else 0.0


def say(language: str, text: str, /, **values: object) -> str:
    """This English text in the language, with values in the places of their names."""
    said = TRANSLATIONS[language].get(text, text)
    return said.format(**values) if values else said


Language = Annotated[str, Depends(language_of)]
