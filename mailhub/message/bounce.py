"""Recognises bounces and complaints in any form. Pure; cheap on ordinary mail, bounded on all.

First the gate: sender, subject, content type and null sender tell most mail apart in microseconds. Then the
machine's part (RFC 3464, RFC 5965), then the text that every server writes in its own way (``bounce_text``).
A success report is no bounce. What was sent is found again by the Message-ID of the returned message.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mailhub.message import automatic, bounce_report, bounce_text, bounce_verdict
from mailhub.message.body import decode_part, part_text
from mailhub.message.bounce_phrases import EVIDENCE, SUBJECTS
from mailhub.message.values import Bounce, BouncedRecipient, Part

_WANTED = frozenset(
    (
        "from",
        "to",
        "return-path",
        "x-failed-recipients",
        "x-ms-exchange-message-is-ndr",
        "in-reply-to",
        "references",
        "auto-submitted",
        "x-auto-response-suppress",
        "delivered-to",
    )
)
_DAEMON = re.compile(
    r"mailer[-_. ]?daemon|mail[. ]delivery?[. ](?:sub)?system|mail delivery service|mdaemon at |"
    r"microsoftexchange[0-9a-f]{20}",
    re.IGNORECASE,
)
_OFFICE = re.compile(
    r"post[_-]?master|sysadmin@|system administrator|mail administrator|mailadmin|administrator@|-bounces?@|bounce@",
    re.IGNORECASE,
)
_REPORTS = ("message/delivery-status", "message/feedback-report", "message/global-delivery-status")
_RETURNED = (
    "message/rfc822",
    "text/rfc822-headers",
    "message/global",
    "message/global-headers",
    "text/rfc822-header",
)
_MESSAGE_ID = re.compile(
    r"^(?:message-id|x-microsoft-original-message-id):[ \t]*(?:\r?\n[ \t]+)?<?([^\s<>]{3,500})>?",
    re.IGNORECASE | re.MULTILINE,
)
_TO = re.compile(r"^to:([^\r\n]{1,500}(?:\r?\n[ \t][^\r\n]{1,500}){0,8})", re.IGNORECASE | re.MULTILINE)
_RETURNED_BYTES = 64 * 1024
_COMPLAINED = frozenset(("original-rcpt-to:",))
_CERTAIN = (
    "delivery status notification (",
    "undelivered mail returned to sender",
    "returned mail: see transcript",
    "mail delivery failed: returning message to sender",
    "warning: could not send message for past",
)
_SUCCESS = frozenset(("delivered", "relayed", "expanded"))


def recognise(
    raw: bytes, parts: Sequence[Part], headers: Sequence[tuple[str, str]], subject: str, text: str
) -> Bounce | None:
    """What a bounce or complaint reports, None for any other mail. Never raises on strange input."""
    fields = {key: value for name, value in reversed(headers) if (key := name.lower()) in _WANTED}
    report = next((part for part in parts if part.content_type in _REPORTS and _is_own(parts, part)), None)
    if report is not None and report.content_type == "message/feedback-report":
        return Bounce("arf", _complained(raw, report), _original_id(raw, parts, "", fields), complaint=True)

    sender = fields.get("from", "")
    reason = _suspicion(fields, sender, subject, headers)
    if report is not None and (reason or parts[0].content_type == "multipart/report"):
        return _bounce(raw, parts, fields, report, text, "multipart-report")
    if reason == "amazon-sns":
        return _amazon(text)
    if not reason:
        return _private_complaint(raw, parts, fields, subject, text)

    return _bounce(raw, parts, fields, None, text, reason) if _agrees(reason, parts, text) else None


def _is_own(parts: Sequence[Part], part: Part) -> bool:
    """Whether a part belongs to this message and not to one attached to it."""
    while part.parent >= 0:
        part = parts[part.parent]
        if not part.content_type.startswith("multipart/"):
            return False
    return True


def _suspicion(
    fields: Mapping[str, str], sender: str, subject: str, headers: Sequence[tuple[str, str]]
) -> str:
    """What makes a mail look like a bounce before its body is read, "" for most."""
    if _DAEMON.search(sender):
        return "mailer-daemon"
    if sender.strip() == "<>":
        return "empty-author"

    for name in ("x-failed-recipients", "x-ms-exchange-message-is-ndr"):
        if name in fields:
            return name

    if "@sns.amazonaws.com" in sender:
        return "amazon-sns"

    title = subject[:60].lower().lstrip(" *[!")
    if title.startswith(_CERTAIN):
        return "subject"

    if fields.get("return-path", "x").strip(" <>").lower() in ("", "mailer-daemon"):
        by = automatic.classify(headers, subject, "", {}).kind
        if by in ("", "bounce", "generated"):
            return "null-sender"

    if _OFFICE.search(sender):
        return "postmaster"

    return "likely-subject" if title.startswith(SUBJECTS) else ""


def _agrees(reason: str, parts: Sequence[Part], text: str) -> bool:
    """Whether the body bears out what the headers suggest. People write "delivery failure" too, of parcels."""
    if reason not in ("postmaster", "likely-subject", "null-sender"):
        return True

    beginning = text[:3_000].lower()
    evident = any(phrase in beginning for phrase in EVIDENCE)
    if reason == "null-sender":  # advertisers forge it: 25 of 2,750 spam messages; theirs have links or HTML
        return evident or not ("://" in text or any("html" in each.content_type for each in parts))
    if reason == "postmaster" or not evident:
        return evident

    words, returned = bounce_text.split_returned(text)
    attached = any(each.content_type in _RETURNED for each in parts)

    return bool(returned or attached) and bool(
        bounce_verdict.reply_code(words) or bounce_verdict.best_status(words)
    )


def _bounce(
    raw: bytes, parts: Sequence[Part], fields: Mapping[str, str], report: Part | None, text: str, reason: str
) -> Bounce | None:
    words, returned = bounce_text.split_returned(text)
    author = {each.lower() for each in _addresses(fields.get("from", ""))}
    told = bounce_text.read(words, author.union(each.lower() for each in _addresses(fields.get("to", ""))))
    if not told.about:  # somebody wrote to themselves
        told = bounce_text.read(words, author)
    rows: tuple[bounce_report.Reported, ...] = ()

    status_text = (
        part_text(raw, report, bounce_report.REPORT_BYTES) if report is not None else _status_fields(words)
    )
    if status_text:
        rows = bounce_report.delivery_status(status_text)
        if rows and all(row.action in _SUCCESS for row in rows):
            return None

    rows = tuple(row for row in rows if row.action not in _SUCCESS)
    if rows and any(row.address for row in rows):
        recipients = [_reported(row, told, words if len(rows) == 1 else "") for row in rows]
    else:
        recipients = _told(raw, parts, fields, told, words, returned)

    return Bounce(reason, tuple(dict.fromkeys(recipients)), _original_id(raw, parts, returned, fields))


def _status_fields(words: str) -> str:
    """The fields of a delivery status report that stands in the text itself, "" when there is none."""
    lower = words.lower()
    place = lower.find("final-recipient:")
    if place < 0:
        return ""
    start = lower.rfind("\n\n", 0, place)
    return words[max(start, 0) :]


def _reported(row: bounce_report.Reported, told: bounce_text.Told, words: str) -> BouncedRecipient:
    """The verdict on one recipient of a report; the text is asked where the report itself does not say why."""
    about = told.about.get(row.address, "") or words
    status = bounce_verdict.best_status(row.diagnostic, row.status)
    if bounce_verdict.says_little(status):
        status = bounce_verdict.best_status(row.diagnostic, f"{row.status}\n{about}")
    reason = bounce_verdict.cause(row.diagnostic, status, about) or bounce_verdict.cause(about, status)
    return _verdict(row.address, status, reason, bounce_verdict.reply_code(row.diagnostic))


def _told(
    raw: bytes,
    parts: Sequence[Part],
    fields: Mapping[str, str],
    told: bounce_text.Told,
    words: str,
    returned: str,
) -> list[BouncedRecipient]:
    """The verdicts where only the text reports: on whom a header names, else the text, else whom the mail was for."""
    listed = _addresses(fields.get("x-failed-recipients", ""))
    found = listed or told.named or list(told.about) or _returned_to(raw, parts, returned)
    answers = [words] if len(found) < 2 else [told.about.get(address, "") for address in found]
    verdicts = [_judged(address, answer) for address, answer in zip(found or [""], answers, strict=True)]
    return [each for each in verdicts if each.address or each.status]


def _judged(address: str, answer: str) -> BouncedRecipient:
    code = bounce_verdict.reply_code(answer)
    status = bounce_verdict.best_status(answer)
    return _verdict(address, status, bounce_verdict.cause(answer, status), code)


def _verdict(address: str, status: str, reason: str, code: str) -> BouncedRecipient:
    return BouncedRecipient(
        address,
        bounce_verdict.status(status, reason, code),
        bounce_verdict.permanent(status, reason, code),
    )


def _addresses(value: str) -> list[str]:
    return [address for each in value[:4_000].split(",") if (address := bounce_text.address_in(each))]


def _returned_part(raw: bytes, parts: Sequence[Part]) -> str:
    """The beginning of the returned message that is attached, "" without one."""
    for part in parts:
        if part.content_type in _RETURNED:
            return decode_part(raw, part, _RETURNED_BYTES).decode("utf-8", "replace")
    return ""


def _returned_to(raw: bytes, parts: Sequence[Part], returned: str) -> list[str]:
    match = _TO.search(returned) or _TO.search(_returned_part(raw, parts))
    found = _addresses(match[1]) if match else []
    return found if len(found) == 1 else []


def _original_id(raw: bytes, parts: Sequence[Part], returned: str, fields: Mapping[str, str]) -> str:
    """Message-ID of the mail a report is about: in the returned message, else what the report refers to (Exchange)."""
    match = _MESSAGE_ID.search(_returned_part(raw, parts)) or _MESSAGE_ID.search(returned)
    if match:
        return match[1]
    referred = fields.get("in-reply-to", "") or fields.get("references", "")
    found = re.findall(r"<([^\s<>]{3,500})>", referred[-2_000:])
    return str(found[-1]) if found else ""


def _complained(raw: bytes, report: Part) -> tuple[BouncedRecipient, ...]:
    """The recipients a feedback report names (RFC 5965 3.2); most providers leave them out."""
    text = part_text(raw, report, bounce_report.REPORT_BYTES)
    named = [line.partition(":")[2] for line in text.split("\n") if line[:17].lower() in _COMPLAINED]
    found = [address for each in named[: bounce_text.RECIPIENTS] if (address := bounce_text.address_in(each))]
    return tuple(BouncedRecipient(address, "", False) for address in dict.fromkeys(found))


def _private_complaint(
    raw: bytes, parts: Sequence[Part], fields: Mapping[str, str], subject: str, text: str
) -> Bounce | None:
    """Complaints that are no RFC 5965 report: Hotmail's junk mail programme, Apple Mail's unsubscribe."""
    title = subject[:40].strip().lower()
    if title.startswith("complaint about message from ") and any(
        part.content_type == "message/rfc822" for part in parts
    ):
        return Bounce("junk-mail-report", (), _original_id(raw, parts, "", fields), complaint=True)
    if title == "unsubscribe" and text.lstrip()[:60].startswith("Apple Mail sent this email to unsubscribe"):
        return Bounce("unsubscribe", (), "", complaint=True)
    return None


def _amazon(text: str) -> Bounce | None:
    """Amazon SES tells bounces and complaints as JSON by its notification service, at times wrapped once more."""
    notice = _json_object(text[: bounce_text.TEXT_CHARACTERS])
    if isinstance(notice.get("Message"), str):
        notice = _json_object(notice["Message"])
    kind = str(notice.get("notificationType", ""))
    mail = notice.get("mail")
    original = str(mail.get("messageId", "")) if isinstance(mail, dict) else ""
    if kind == "Complaint":
        return Bounce(
            "amazon-sns", tuple(_sns_recipients(notice, "complaint", "complainedRecipients")), original, True
        )
    if kind == "Bounce":
        return Bounce("amazon-sns", tuple(_sns_recipients(notice, "bounce", "bouncedRecipients")), original)

    return None


def _json_object(text: str) -> dict[str, Any]:
    """The JSON object a text begins with; line breaks that mail put into it are undone. Empty when it is none."""
    text = text.strip().partition("\n--\n")[0].replace("\n ", "").replace("\n", "")
    try:
        value, _ = json.JSONDecoder(strict=False).raw_decode(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _sns_recipients(notice: Mapping[str, Any], kind: str, key: str) -> Iterator[BouncedRecipient]:
    detail = notice.get(kind)
    rows = detail.get(key) if isinstance(detail, dict) else None
    for row in rows[: bounce_text.RECIPIENTS] if isinstance(rows, list) else ():
        if isinstance(row, dict) and (address := bounce_text.address_in(str(row.get("emailAddress", "")))):
            answer = str(row.get("diagnosticCode", ""))
            status = bounce_verdict.best_status(answer, str(row.get("status", "")))
            yield _verdict(address, status, bounce_verdict.cause(answer), bounce_verdict.reply_code(answer))
