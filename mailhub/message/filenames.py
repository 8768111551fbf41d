"""File names that strangers chose. Job: make one safe to show, to offer for download and to store on any system.

Safe: one path component, no control or bidi character, no leading dot, no name Windows reserves, at most
``limits.FILENAME_BYTES`` of UTF-8 with the extension kept. Must not: trust that the type and the extension agree.
"""

from __future__ import annotations

import re

from mailhub.message import headers, limits

_PATH = re.compile(r"^(?:[A-Za-z]:|\.{1,2}[\\/]|[\\/]|file:)")
_FORBIDDEN = re.compile(r'[\\/:*?"<>|]')
_RESERVED = re.compile(r"^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)", re.IGNORECASE)
_BY_TYPE = {
    "application/pgp-signature": "signature.asc",
    "application/pgp-encrypted": "version.asc",
    "application/pgp-keys": "key.asc",
    "application/pkcs7-mime": "smime.p7m",
    "application/x-pkcs7-mime": "smime.p7m",
    "application/pkcs7-signature": "smime.p7s",
    "application/x-pkcs7-signature": "smime.p7s",
    "application/ms-tnef": "winmail.dat",
    "application/vnd.ms-tnef": "winmail.dat",
    "application/pdf": "attachment.pdf",
    "application/zip": "attachment.zip",
    "image/jpeg": "image.jpg",
    "image/png": "image.png",
    "image/gif": "image.gif",
    "message/delivery-status": "delivery-status.txt",
    "message/global-delivery-status": "delivery-status.txt",
    "message/disposition-notification": "receipt.txt",
    "message/feedback-report": "feedback-report.txt",
    "message/rfc822": "message.eml",
    "message/global": "message.eml",
    "text/rfc822-headers": "headers.txt",
    "text/calendar": "invite.ics",
    "text/html": "attachment.html",
    "text/plain": "attachment.txt",
    "text/csv": "attachment.csv",
    "text/vcard": "contact.vcf",
    "text/x-vcard": "contact.vcf",
    "text/directory": "contact.vcf",
}


def safe(name: str) -> str:
    """``name`` made safe; "" when nothing of it is left."""
    name = headers.clean(name).strip()
    if _PATH.match(name):
        name = re.split(r"[\\/]", name)[-1]
    if _FORBIDDEN.search(name):
        name = _FORBIDDEN.sub("_", name)
    name = name.lstrip(". ").rstrip(". ")
    if _RESERVED.match(name):
        name = "_" + name
    return _shortened(name)


def _shortened(name: str) -> str:
    data = name.encode("utf-8", "replace")
    if len(data) <= limits.FILENAME_BYTES:
        return name
    stem, dot, extension = name.rpartition(".")
    tail = (dot + extension) if stem and len(extension) <= 16 else ""
    room = limits.FILENAME_BYTES - len(tail.encode())
    return data[:room].decode("utf-8", "ignore") + tail


def default(content_type: str) -> str:
    """A name for a part that has none, told by its type."""
    return _BY_TYPE.get(content_type, "attachment.bin")
