"""QR codes (ISO/IEC 18004) of ``otpauth://`` texts, for pages and for terminals. Only this file imports segno."""

from __future__ import annotations

from io import StringIO

import segno


def svg(text: str) -> str:
    """An SVG image, black on white, that draws nothing but paths."""
    return segno.make(text, error="m", micro=False).svg_inline(scale=4, dark="#000", light="#fff")


def terminal(text: str) -> str:
    """Lines of half blocks: what a phone reads off a terminal, dark on light or light on dark."""
    drawn = StringIO()
    segno.make(text, error="l", micro=False).terminal(drawn, compact=True)
    return drawn.getvalue()
