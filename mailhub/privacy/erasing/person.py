"""Who is to be erased: addresses and names as values, and the patterns by which a text names this person.

A person is found by exact address. Belonging to him: the addresses of the contacts with that address, and
their plus forms (kim+shop@...: the same mailbox, RFC 5233). A *name* that is his alone (two words or more, of
no other contact) is replaced and searched for everywhere; any other name he was seen with only where it
stands at his address. Must not: read or write anything.
"""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import asdict, dataclass
from functools import cached_property

NAME_CHARACTERS = 6  # a shorter one is a word of the language somewhere
ERASED = "[erased]"
ERASED_ADDRESS = "erased@erased.invalid"  # RFC 2606 2: leads nowhere


@dataclass(frozen=True, kw_only=True)
class Person:
    """Addresses in lower case, ids of contacts, names of his alone, and other names he was seen with."""

    addresses: tuple[str, ...]
    contacts: tuple[int, ...]
    names: tuple[str, ...] = ()
    shared_names: tuple[str, ...] = ()

    def to_bytes(self) -> bytes:
        return json.dumps(asdict(self), ensure_ascii=False).encode()

    @staticmethod
    def from_bytes(content: bytes) -> Person:
        values = json.loads(content)
        return Person(**{name: tuple(value) for name, value in values.items()})

    @cached_property
    def address_pattern(self) -> re.Pattern[str]:
        """An address of his, and not a longer one that ends or begins like it; with ``=`` for ``@`` inside VERP's."""
        spelled = sorted({form for each in self.addresses for form in _forms(each)}, key=len, reverse=True)
        written = "|".join(re.escape(each).replace("@", "(?:@|%40|&#0*64;)") for each in spelled)
        verp = "|".join(re.escape(each).replace("@", "=") for each in spelled)
        return re.compile(
            rf"(?<![\w.+-])(?:{written})(?![\w-]|\.\w)|(?<![\w.])(?:{verp})(?![\w-]|\.\w)", re.IGNORECASE
        )

    @cached_property
    def name_pattern(self) -> re.Pattern[str] | None:
        """A name of his alone, whatever white space and quotes stand between its words."""
        return _names_pattern(self.names)

    @cached_property
    def beside_pattern(self) -> re.Pattern[str] | None:
        """Any of his names directly before one of his addresses, or what has already taken its place."""
        names = _names_pattern((*self.names, *self.shared_names))
        if names is None:
            return None
        return re.compile(
            rf"[\"']?{names.pattern}[\"']?(?=\s*[<(\[]?\s*{re.escape(ERASED_ADDRESS)})", re.IGNORECASE
        )

    def names_him(self, text: str) -> bool:
        """Whether the text holds an address or a name of his alone."""
        if self.address_pattern.search(text):
            return True
        return self.name_pattern is not None and self.name_pattern.search(text) is not None

    def names_him_anywhere(self, name: str) -> bool:
        """Whether the name of a file holds an address or name of his, whatever is written next to it."""
        lowered = name.lower()
        return self.names_him(name) or any(each in lowered for each in self.addresses)

    def replaced(self, text: str) -> str:
        """The text without him: addresses, names of his alone, and any of his names beside an address."""
        text = self.address_pattern.sub(ERASED_ADDRESS, text)
        if self.beside_pattern is not None:
            text = self.beside_pattern.sub(ERASED, text)
        return self.name_pattern.sub(ERASED, text) if self.name_pattern is not None else text


def is_telling(name: str) -> bool:
    """Whether a name can be meant for a person wherever it stands: two words, of some length."""
    return len(name) >= NAME_CHARACTERS and len(name.split()) > 1 and "@" not in name


def _forms(text: str) -> set[str]:
    return {text, unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)}


def _names_pattern(names: tuple[str, ...]) -> re.Pattern[str] | None:
    spelled = sorted({form for name in names if name.strip() for form in _forms(name)}, key=len, reverse=True)
    if not spelled:
        return None
    written = "|".join(r"[\s_]+".join(map(re.escape, each.split())) for each in spelled)
    return re.compile(rf"(?<!\w)(?:{written})(?!\w)", re.IGNORECASE)
