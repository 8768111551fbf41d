"""Run inside a machine, by its own Python: sends mail until a line comes on standard input, one connection a mail.

Prints one JSON object: ``answered`` (the subjects that got 250), ``postponed`` (sessions told 421 or 451: the
sender keeps the mail and comes again, which is done here), ``cut`` (connections that ended without an answer,
in words: tried again too), ``broken`` (what no sender should see, in words).
"""

from __future__ import annotations

import json
import os
import smtplib
import sys
import threading

SESSIONS = 10
PATIENCE_SECONDS = 180.0  # a client waits in the socket while the daemon restarts
stop = threading.Event()
answered: list[str] = []
broken: list[str] = []
cut: list[str] = []
postponed: list[int] = []


def session(number: int) -> None:
    """Send mail after mail, each once again where the server asks for that."""
    count = 0
    while not stop.is_set():
        subject = f"restart-{os.getpid()}-{number}-{count}"
        while not deliver(subject, number) and not stop.is_set():
            pass
        count += 1


def deliver(subject: str, number: int) -> bool:
    """One mail in a session of its own; whether it need not be tried again."""
    sender = f"c{number}@customer.example"
    text = f"From: {sender}\r\nSubject: {subject}\r\nMessage-ID: <{subject}@customer.example>\r\n\r\nx\r\n"
    smtp = smtplib.SMTP(local_hostname="client.example", timeout=PATIENCE_SECONDS)
    steps = (
        ("greeting", 220, lambda: smtp.connect("127.0.0.1", 25)),
        ("EHLO", 250, smtp.ehlo),
        ("MAIL", 250, lambda: smtp.mail(sender)),
        ("RCPT", 250, lambda: smtp.rcpt("support@example.com")),
        ("DATA", 250, lambda: smtp.data(text)),
    )
    at = "the start"
    try:
        for name, wanted, step in steps:
            at = name
            if (code := step()[0]) != wanted:
                return wait_or_complain(subject, code)
    except smtplib.SMTPResponseException as error:  # instead of 354
        return wait_or_complain(subject, error.smtp_code)
    except ConnectionRefusedError:
        broken.append(f"{subject}: the connection was refused")
        return True
    except (OSError, smtplib.SMTPException) as error:
        cut.append(f"{subject}: {at}: {type(error).__name__}: {error}")
        return False
    finally:
        smtp.close()
    answered.append(subject)
    return True


def wait_or_complain(subject: str, code: int) -> bool:
    if code in (421, 451):
        postponed.append(code)
        return False
    broken.append(f"{subject}: answered {code}")
    return True


threads = [threading.Thread(target=session, args=(number,)) for number in range(SESSIONS)]
for each in threads:
    each.start()
sys.stdin.readline()
stop.set()
for each in threads:
    each.join()
print(json.dumps({"answered": answered, "postponed": len(postponed), "cut": cut, "broken": broken}))
