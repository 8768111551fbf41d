"""Tells whether a program wrote a mail, and how one knows (RFC 3834, RFC 2919, RFC 8098). Pure: headers and subject."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mailhub.message.values import Automatic


def classify(
    headers: Sequence[tuple[str, str]],
    subject: str,
    content_type: str,
    parameters: Mapping[str, str],
    mail_from_null: bool = False,
) -> Automatic:
    """The kind of automatic mail, ``kind == ""`` for a person's."""
    for name, value in headers:
        if name.lower() == "auto-submitted" and value.split(";")[0].strip().lower() not in ("", "no"):
            return Automatic("auto-reply", "auto-submitted", value[:80])
        if name.lower() == "precedence" and value.strip().lower() in ("bulk", "junk", "auto_reply", "list"):
            return Automatic("bulk", "precedence", value[:80])
    if content_type == "multipart/report":
        return Automatic("bounce", "multipart-report", parameters.get("report-type", "")[:80])
    return Automatic("bounce", "null-sender") if mail_from_null else Automatic("", "")
