"""What must be true of the mail that was sent while a mailhub lived: a small model, and the load that fills it.

    Load    two threads that send one new mail after the other by SMTP, LMTP and the API, through every kill: what got
            no 250 is sent again until it does, as a peer would; what got one never is (but by an act that says so)
    Model   which mail was offered and answered when, whose it is, who was to be erased when, what was purged

A mail that was answered exists exactly once, unless an erasure of its sender or a purge of its ticket
explains that it does not. One answered before such an order was given must be gone once that is done; one
that was on its way meanwhile may be either; one first offered after all orders were seen to be done must be
there. Must not: look at the product's tables (``campaign_life`` does that).
"""

from __future__ import annotations

import random
import re
import smtplib
import threading
import time
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from scripts.rig.life_house import LifeHouse

PEOPLE = 12
SENDERS = 2  # threads of the load
PAUSE_SECONDS = 0.02  # of each thread between two mails: the load must last
WORDS = (
    "printer",
    "lamp",
    "invoice",
    "wheel",
    "garden",
    "parcel",
    "window",
    "battery",
    "colour",
    "bridge",
    "harbour",
)
NUMBER = re.compile(rb"(?im)^Message-ID:\s*<life-(\d+)@")


@dataclass(slots=True)
class Mail:
    """One mail. Times are of the monotonic clock; ``answered`` 0: not yet."""

    number: int
    person: int
    raw: bytes
    names: int  # somebody else who is named in it
    offered: float
    answered: float = 0.0


@dataclass(slots=True)
class Order:
    """An erasure of a person, or a purge of one mail's ticket, that was asked for. ``told``: the daemon said yes."""

    begun: float
    told: bool


@dataclass
class Model:
    """Everything known. Its lock is held by whoever changes it."""

    mails: dict[int, Mail] = field(default_factory=dict)
    erasures: dict[int, list[Order]] = field(default_factory=dict)  # by person
    purges: dict[int, list[Order]] = field(default_factory=dict)  # by mail
    settled_at: float = 0.0  # since then every order given before is known to be done
    lock: threading.Lock = field(default_factory=threading.Lock)

    def address(self, person: int) -> str:
        """Where a person writes from."""
        return f"person{person:02d}.zz@customer{person:02d}.example"

    def orders(self, mail: Mail) -> list[Order]:
        """What may take this mail away."""
        return [*self.erasures.get(mail.person, ()), *self.purges.get(mail.number, ())]

    def expected(self, mail: Mail) -> str:
        """``there``, ``gone`` or ``either``. Asked when every order is done."""
        if not mail.answered:
            return "either"
        orders = self.orders(mail)
        if any(order.told and mail.answered < order.begun for order in orders):
            return "gone"
        if all(mail.offered > self.settled_at > order.begun for order in orders):
            return "there"
        return "either"

    def writers(self) -> list[int]:
        """Who writes and is named: an erasure does not end while its person comes anew in each of its rounds."""
        with self.lock:
            going = {who for who, orders in self.erasures.items() if orders[-1].begun > self.settled_at}
        return [each for each in range(PEOPLE) if each not in going] or [0]

    def is_untouched(self, mail: Mail) -> bool:
        """Whether nobody in it was to be erased: then its bytes are those that were sent."""
        return mail.person not in self.erasures and mail.names not in self.erasures

    def ordered(self, orders: dict[int, list[Order]], key: int) -> Order:
        """Note an order before it is given: whether it was heard may never be known."""
        order = Order(time.monotonic(), told=False)
        with self.lock:
            orders.setdefault(key, []).append(order)
        return order


class Load:
    """The senders. ``house`` says where the doors are; they may be shut at any moment."""

    def __init__(self, model: Model, house: LifeHouse, seed: int) -> None:
        self._model, self._house = model, house
        self._stop = threading.Event()
        self._gave_up = False
        self._threads = [
            threading.Thread(target=self._send, args=(random.Random(f"{seed} {each}"), each))
            for each in range(SENDERS)
        ]

    def start(self) -> None:
        """Begin to send."""
        for thread in self._threads:
            thread.start()

    def stop(self, *, give_up: bool = False) -> None:
        """Send nothing new, and wait until each mail that was begun has its answer, unless nobody will give any."""
        self._stop.set()
        self._gave_up = give_up
        for thread in self._threads:
            thread.join()

    def _send(self, chance: random.Random, lane: int) -> None:
        count = 0
        while not self._stop.is_set():
            mail = self._new(chance, count * SENDERS + lane)
            count += 1
            door = chance.choice((by_smtp, by_lmtp, by_api))
            while not (self._gave_up or offer(self._house, self._model, mail, door)):
                time.sleep(PAUSE_SECONDS)
            time.sleep(PAUSE_SECONDS)

    def _new(self, chance: random.Random, number: int) -> Mail:
        person, other = chance.choices(self._model.writers(), k=2)
        made = EmailMessage(policy=SMTP)
        made["From"] = f"Person {person:02d} <{self._model.address(person)}>"
        made["To"], made["Subject"] = "support@example.com", f"life {number}"
        made["Message-ID"] = f"<life-{number}@load.example>"
        text = " ".join(chance.choices(WORDS, k=chance.choice((5, 30, 400))))
        made.set_content(f"{text}\nAsk {self._model.address(other)}.\n")
        mail = Mail(number, person, made.as_bytes(), other, time.monotonic())
        with self._model.lock:
            self._model.mails[number] = mail
        return mail


def offer(
    house: LifeHouse, model: Model, mail: Mail, door: Callable[[LifeHouse, str, bytes], None] | None = None
) -> bool:
    """Offer it once; whether it was answered with a yes."""
    try:
        (door or by_smtp)(house, model.address(mail.person), mail.raw)
    except (OSError, smtplib.SMTPException, RuntimeError, ValueError):
        return False
    with model.lock:
        mail.answered = mail.answered or time.monotonic()
    return True


def by_smtp(house: LifeHouse, sender: str, raw: bytes) -> None:
    """By the SMTP door."""
    with smtplib.SMTP("127.0.0.1", house.port, local_hostname="load.example", timeout=60) as door:
        door.sendmail(sender, ["support@example.com"], raw)


def by_lmtp(house: LifeHouse, sender: str, raw: bytes) -> None:
    """By the LMTP door, as Postfix does."""
    with smtplib.LMTP("127.0.0.1", house.lmtp_port, local_hostname="load.example") as door:
        door.sendmail(sender, ["support@example.com"], raw)


def by_api(house: LifeHouse, sender: str, raw: bytes) -> None:
    """What `mailhub deliver` does."""
    house.post_raw(f"/v1/deliveries?recipient=support@example.com&mail_from={sender}", raw)
