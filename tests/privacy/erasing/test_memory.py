"""The plan of an erasure among large mails: they are looked at one by one, however many there are."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path

from mailhub.privacy.erasing.plan import make_plan
from tests.houses.desk import Desk
from tests.privacy.erasing import scene as scenes

SIZE = 4 * 1024 * 1024
MAILS = 12


def _peak(run: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _large_mails(desk: Desk) -> None:
    """The person's own, and others' that mention them; each compresses to a few KiB."""
    for number in range(MAILS):
        sender = scenes.KIM if number % 2 else "leo@leo.example"
        head = (
            f"From: {sender}\r\nTo: support@example.com\r\nMessage-ID: <large-{number}@customer.example>\r\n"
        )
        text = f"Subject: Large {number}\r\n\r\nMail {number} about {scenes.KIM}\r\n"
        desk.receive((head + text).encode() + b"\r\n" * (SIZE // 2), mail_from=sender)


def test_a_plan_holds_a_few_mails_at_most(desk: Desk, tmp_path: Path) -> None:
    """What a plan needs in memory does not grow with the number of mails it looks at."""
    scene = scenes.set_up(desk, tmp_path)
    _large_mails(desk)
    assert _peak(lambda: make_plan(scene.parts, desk.account, [scenes.KIM])) < 5 * SIZE
