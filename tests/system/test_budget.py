"""One account of bytes over all doors: whose share is whose, and that everything comes back."""

from __future__ import annotations

import threading

import pytest

from mailhub.errors import TooManyRequests, Unavailable
from mailhub.intake.smtp.limits import Counters, DoorSettings, InFlight
from mailhub.system.budget import MIB, ByteBudget, Charges, Flights


def test_two_doors_share_one_budget() -> None:
    """What one door holds, the other has not."""
    budget, settings = ByteBudget(80 * MIB, 50 * MIB), DoorSettings(in_flight_bytes=80 * MIB)
    smtp, lmtp = (InFlight(settings, Counters(), budget) for _ in range(2))
    assert smtp.take(40 * MIB, 40 * MIB, "")
    assert not lmtp.take(40 * MIB, 40 * MIB, "")
    smtp.give_back(40 * MIB, "")
    assert lmtp.take(40 * MIB, 40 * MIB, "")
    assert budget.held_bytes == 40 * MIB


@pytest.mark.parametrize("kind", ["api", "imap"])
def test_requests_and_fetched_mail_leave_half_to_mail(kind: str) -> None:
    """However many callers there are, together they hold half, and one of them a quarter."""
    budget = ByteBudget(80 * MIB, MIB)
    assert [budget.take(20 * MIB, 20 * MIB, f"{kind}:{caller}") for caller in "abc"] == [True, True, False]
    assert not budget.take(1, 1, f"{kind}:a")
    assert budget.take(20 * MIB, 20 * MIB, "192.0.2.1")
    budget.give_back(20 * MIB, f"{kind}:a")
    assert budget.take(20 * MIB, 20 * MIB, f"{kind}:c")


def test_a_request_gives_everything_back() -> None:
    """A body, a mail that was read, a copy: at the request's end, and twice gives nothing twice."""
    budget, flights = ByteBudget(80 * MIB, MIB), Flights(1)
    charges = Charges(budget, "api:a")
    assert charges.take(MIB, MIB)
    charges.hold(2 * MIB)
    with charges.holding(3 * MIB):
        assert budget.held_bytes == 6 * MIB
    charges.fly(flights, "copy")
    charges.give_back()
    charges.give_back()
    assert budget.held_bytes == 0
    flights.begin("copy")


def test_a_copy_is_sent_once_at_a_time() -> None:
    """The same again is refused while it is sent, and so is one too many of others."""
    flights = Flights(2)
    flights.begin("a")
    with pytest.raises(TooManyRequests):
        flights.begin("a")
    flights.begin("b")
    with pytest.raises(TooManyRequests):
        flights.begin("c")
    flights.end("a")
    flights.begin("c")


def test_who_waits_gets_what_is_given_back() -> None:
    """A thread that waits for room goes on as soon as there is some; without any it is told to try again."""
    budget = ByteBudget(8 * MIB, 6 * MIB)
    assert budget.take(6 * MIB, 6 * MIB, "api:a")
    with pytest.raises(Unavailable):
        Charges(budget, "api:b").hold(6 * MIB, 0)
    got: list[bool] = []
    thread = threading.Thread(target=lambda: got.append(budget.wait_for(6 * MIB, "api:b", 30)))
    thread.start()
    budget.give_back(6 * MIB, "api:a")
    thread.join(30)
    assert got == [True]
