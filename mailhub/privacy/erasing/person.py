"""Who is to be erased: addresses and names as values, and the patterns by which a text names this person.

A person is found by exact address. Belonging to them: the addresses of the contacts with that address, and
their plus forms (kim+shop@...: the same mailbox, RFC 5233). A *name* is replaced where it is evidently
theirs: at one of their addresses, and in what introduces a quote of their mail. Only a name to which somebody
agreed who saw the places (``agreed``) is replaced, and searched for, wherever it stands. Must not: read or
write anything.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from dataclasses import asdict, dataclass
from functools import cached_property

from mailhub.privacy.erasing.names import is_telling, pattern_of
from mailhub.privacy.erasing.passages import Naming

ERASED = "[erased]"
ERASED_ADDRESS = "erased@erased.invalid"  # RFC 2606 2: leads nowhere


@dataclass(frozen=True, kw_only=True)
class Person:
    """Addresses in lower case, ids of contacts, every name they were seen with, and those agreed to be replaced."""

    addresses: tuple[str, ...]
    contacts: tuple[int, ...]
    names: tuple[str, ...] = ()
    agreed: tuple[str, ...] = ()

    def to_bytes(self) -> bytes:
        return json.dumps(asdict(self), ensure_ascii=False).encode()

    @staticmethod
    def from_bytes(content: bytes) -> Person:
        values = json.loads(content)
        return Person(**{name: tuple(value) for name, value in values.items()})

    @cached_property
    def address_pattern(self) -> re.Pattern[str]:
        """An address of theirs, and not a longer one that ends or begins like it; with ``=`` for ``@`` inside
        VERP's.
        """
        spelled = sorted({form for each in self.addresses for form in _forms(each)}, key=len, reverse=True)
        written = "|".join(re.escape(each).replace("@", "(?:@|%40|&#0*64;)") for each in spelled)
        verp = "|".join(re.escape(each).replace("@", "=") for each in spelled)
        return re.compile(
            rf"(?<![\w.+-])(?:{written})(?![\w-]|\.\w)|(?<![\w.])(?:{verp})(?![\w-]|\.\w)", re.IGNORECASE
        )

    @cached_property
    def name_pattern(self) -> re.Pattern[str] | None:
        """A name that was agreed to, whatever white space stands between its words."""
        return pattern_of(self.agreed)

    @cached_property
    def any_name_pattern(self) -> re.Pattern[str] | None:
        """Any of their names, for places that are evidently theirs."""
        return pattern_of((*self.agreed, *self.names))

    @cached_property
    def _beside_patterns(self) -> tuple[re.Pattern[str], ...]:
        """A name directly at what has taken the place of an address: ``Name <address>``, ``address (Name)``.

        Without brackets only a name that is one where it stands alone: "ask the team kim@a.example".
        """
        every = self.any_name_pattern
        if every is None:
            return ()
        address = re.escape(ERASED_ADDRESS)
        found = [
            rf"[\"']?(?:{every.pattern})[\"']?(?=\s*(?:[<(\[]|&lt;)+\s*(?:mailto:)?{address})",
            rf"(?<={address})(?P<between>(?:[\"'>\])]|&gt;)*\s*[(>\"]\s*)(?:{every.pattern})(?=\s*[)<\"])",
        ]
        telling = pattern_of(name for name in (*self.agreed, *self.names) if is_telling(name))
        if telling is not None:
            found.append(rf"[\"']?(?:{telling.pattern})[\"']?(?=[\s:,]*{address})")
        return tuple(re.compile(each, re.IGNORECASE) for each in found)

    def names_him(self, text: str) -> bool:
        """Whether the text holds an address, or a name that was agreed to."""
        if self.address_pattern.search(text):
            return True
        return self.name_pattern is not None and self.name_pattern.search(text) is not None

    def naming(self, line: str) -> Naming:
        """How a line that introduces a quote names the person; one with somebody else's address does so by name."""
        if ERASED_ADDRESS in line or self.address_pattern.search(line):
            left = self.address_pattern.sub("", line).replace(ERASED_ADDRESS, "")
            return Naming.NAME if "@" in left else Naming.ADDRESS
        pattern = self.any_name_pattern
        return Naming.NAME if pattern is not None and pattern.search(line) else Naming.NOT

    def names_him_anywhere(self, name: str) -> bool:
        """Whether the name of a file holds an address or name of theirs, whatever is written next to it."""
        lowered = name.lower()
        return self.names_him(name) or any(each in lowered for each in self.addresses)

    def strings_replaced(self, text: str) -> Counter[str]:
        """What ``replaced`` would replace in a text, as it is written there in lower case or as a name, and how often."""
        found = Counter(match.group().lower() for match in self.address_pattern.finditer(text))
        without = self.address_pattern.sub(ERASED_ADDRESS, text)

        def note(match: re.Match[str]) -> str:
            between = match.groupdict().get("between") or ""
            found[match.group()[len(between) :].strip("\"'")] += 1
            return between + ERASED

        for pattern in self._beside_patterns if ERASED_ADDRESS in without else ():
            without = pattern.sub(note, without)
        if self.name_pattern is not None:
            found.update(match.group() for match in self.name_pattern.finditer(without))
        return found

    def replaced(self, text: str) -> str:
        """The text without them: addresses, names agreed to, and any of their names at an address."""
        without = self.address_pattern.sub(ERASED_ADDRESS, text)
        if ERASED_ADDRESS in without:
            for pattern in self._beside_patterns:
                without = pattern.sub(_kept_between, without)
        return self.name_pattern.sub(ERASED, without) if self.name_pattern is not None else without


def _kept_between(match: re.Match[str]) -> str:
    return (match.groupdict().get("between") or "") + ERASED


def _forms(text: str) -> set[str]:
    return {text, unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)}
