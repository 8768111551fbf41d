"""Whether an element hides its text from the reader. Job: the tricks of spam and preview lines, told by attributes.

Known: display:none, visibility:hidden, zero font, opacity or box, text pushed off the page, mso-hide, the
hidden attribute, white ink on no ground. Style sheets are not applied (mail clients drop most of them). Must
not: render. Sources: CSS Display 3, CSS Color 4 (names and forms of white).
"""

from __future__ import annotations

import re
from html import unescape

_ATTRIBUTE = re.compile(r"""([a-zA-Z:_-]{1,64})(?:\s*+=\s*+(?:"([^"]*)"|'([^']*)'|([^\s>"']+)))?""")
_ZERO = r"\s*+:\s*+0*+(?:\.0++)?(?:px|pt|em|rem|%)?\s*+(?:!important\s*+)?(?:;|$)"
_HIDING = re.compile(
    r"display\s*+:\s*+none|visibility\s*+:\s*+hidden|mso-hide\s*+:\s*+all|text-indent\s*+:\s*+-\d{3,}"
    r"|(?:^|[;\s])(?:left|top)\s*+:\s*+-\d{3,}|font-size\s*+:\s*+0*+1?(?:px|pt)\b"
    r"|(?:font-size|opacity|(?:^|[;\s])(?:max-)?(?:height|width))" + _ZERO,
    re.IGNORECASE,
)
_INK = re.compile(r"(?:^|[;\s])color\s*:\s*([^;]+)", re.IGNORECASE)
_GROUND = re.compile(r"background(?:-color)?\s*:\s*([^;]+)", re.IGNORECASE)
_WHITE = re.compile(r"#?f[c-f]f[c-f]f[c-f]|#fff|white|rgba?\(25[345],25[345],25[345](?:,1)?\)")
_NO_GROUND = frozenset(("", "transparent", "none", "inherit", "initial"))
_ATTRIBUTES_BYTES = 64 * 1024


def attributes(text: str) -> dict[str, str]:
    """Attribute names in lower case to values with character references resolved; the first of a name wins."""
    values: dict[str, str] = {}
    for name, double, single, bare in _ATTRIBUTE.findall(text[:_ATTRIBUTES_BYTES]):
        value = double or single or bare
        values.setdefault(name.lower(), unescape(value) if "&" in value else value)
    return values


def hides(values: dict[str, str]) -> bool:
    """Whether these attributes take the element out of sight."""
    if "hidden" in values:
        return True
    style = values.get("style", "")
    return bool(style) and _HIDING.search(style) is not None


def colours(values: dict[str, str], *, white: bool, ground: bool) -> tuple[bool, bool]:
    """(ink is white, a ground that is not white lies under it), given what the parent has."""
    style = values.get("style", "")
    lies = _GROUND.search(style) if style else None
    under = lies[1] if lies else values.get("bgcolor") or values.get("background")
    if under and (under := _plain(under)) not in _NO_GROUND:
        ground = _WHITE.fullmatch(under) is None
    dyes = _INK.search(style) if style else None
    ink = dyes[1] if dyes else values.get("color") or values.get("text")
    if ink:
        white = _WHITE.fullmatch(_plain(ink)) is not None

    return white, ground


def _plain(colour: str) -> str:
    return "".join(colour[:64].lower().replace("!important", "").split())
