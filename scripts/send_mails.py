"""Send .eml files to the running mailhub by SMTP: their Return-Path is MAIL FROM, and is not sent itself.

usage: send_mails.py HOST:PORT RECIPIENT FILE...
"""

from __future__ import annotations

import smtplib
import sys
from pathlib import Path


def main() -> None:
    """Send every file over one connection and print the reply, which names the message and says what became of it."""
    host, _, port = sys.argv[1].rpartition(":")
    with smtplib.SMTP(host, int(port), local_hostname="demo.example") as smtp:
        smtp.ehlo()
        for name in sys.argv[3:]:
            first, _, message = Path(name).read_bytes().partition(b"\n")
            sender = first.removeprefix(b"Return-Path:").strip(b" <>\r").decode()
            smtp.mail(sender, ["BODY=8BITMIME"])
            smtp.rcpt(sys.argv[2])
            code, text = smtp.data(message)
            print(f"{Path(name).name:<28} {code} {text.decode()}")


main()
