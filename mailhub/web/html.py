"""HTML of the pages: a few elements put together, every text escaped where it becomes HTML. Pure.

No script, no cookie, nothing from elsewhere: what a page may load is said by ``POLICY`` (CSP 3), and its
style is known by its hash. A page works by its forms alone and in any browser (WCAG 2.2: language, labels,
one heading, plain text).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from html import escape

STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:2rem auto;padding:0 1rem}"
    "label,input,select,button{display:block;font:inherit;margin:.5rem 0}"
    "input,select{width:100%;box-sizing:border-box;padding:.4rem}"
    "button{padding:.5rem 1rem}code,pre{overflow-wrap:anywhere;white-space:pre-wrap}"
)
POLICY = (
    "default-src 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    + "'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def document(title: str, body: Sequence[str], *, language: str = "en") -> str:
    """A whole page; ``body`` is HTML of the functions below, ``language`` what its text is in (BCP 47)."""
    return (
        f'<!doctype html>\n<html lang="{escape(language)}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n"
        f"<body><main><h1>{escape(title)}</h1>\n" + "\n".join(body) + "\n</main></body></html>\n"
    )


def paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def heading(text: str) -> str:
    """The title of a part of the page."""
    return f"<h2>{escape(text)}</h2>"


def items(texts: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(text)}</li>" for text in texts) + "</ul>"


def code(label: str, text: str) -> str:
    """Something to copy, under its name."""
    return f"<p>{escape(label)}</p><pre>{escape(text)}</pre>"


def field(name: str, label: str, *, kind: str = "text", value: str = "", complete: str = "off") -> str:
    """An input with its label. A password's value is never sent back."""
    return (
        f'<label for="{escape(name)}">{escape(label)}</label>'
        f'<input id="{escape(name)}" name="{escape(name)}" type="{escape(kind)}" value="{escape(value)}"'
        f' autocomplete="{escape(complete)}" maxlength="1024" required>'
    )


def choice(name: str, label: str, options: Sequence[tuple[str, str]]) -> str:
    """One of several, the first preset."""
    made = "".join(f'<option value="{escape(value)}">{escape(text)}</option>' for value, text in options)
    return (
        f'<label for="{escape(name)}">{escape(label)}</label>'
        f'<select id="{escape(name)}" name="{escape(name)}">{made}</select>'
    )


def form(button: str, fields: Sequence[str] = (), *, action: str = "") -> str:
    """A form that is sent to ``action``, without one to the page's own address."""
    target = f' action="{escape(action)}"' if action else ""
    return f'<form method="post"{target}>' + "".join(fields) + f"<button>{escape(button)}</button></form>"
