"""An agent answers on the command line, the daemon sends it, and the customer's answer comes back by the door."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest

from tests.houses.hub import Hub
from tests.houses.sink import Sink, listening

CUSTOMER = "ana@customer.example"


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A smarthost on a loop of its own thread."""
    made, ready, loop = Sink(), threading.Event(), asyncio.new_event_loop()
    done = asyncio.Event()

    async def serve() -> None:
        async with listening(made):
            ready.set()
            await done.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    ready.wait()
    yield made
    loop.call_soon_threadsafe(done.set)
    thread.join()
    loop.close()


@pytest.fixture
def sending_hub(make_hub: Callable[[], Hub], sink: Sink) -> Hub:
    """A daemon whose relay is the sink."""
    hub = make_hub()
    relay = {"HOST": "127.0.0.1", "PORT": str(sink.port), "TLS": "none"}
    hub.environment |= {f"MAILHUB_RELAY__{name}": value for name, value in relay.items()}
    hub.start()
    return hub


def written(text: str, **headers: str) -> bytes:
    """A mail of the customer's."""
    given = {"From": f"Ana <{CUSTOMER}>", "To": "support@example.com", "Subject": "Broken"} | headers
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in given.items()]
    return "\r\n".join([*lines, "", text, ""]).encode()


def shown(hub: Hub) -> dict[str, Any]:
    """The one ticket there is."""
    found: dict[str, Any] = hub.json("ticket", "show", "1")
    return found


def test_the_whole_conversation(sending_hub: Hub, sink: Sink) -> None:
    """What arrives at the customer can be answered by address, Message-ID and subject; the ticket tells it was sent."""
    hub = sending_hub
    hub.send(written("It broke.", Message_ID="<1@customer.example>"))
    hub.json("ticket", "reply", "1", "--text", "Please turn it off and on.")
    hub.wait_until(lambda: bool(sink.taken))
    hub.wait_until(lambda: shown(hub)["messages"][1]["sending"][0]["state"] == "sent")
    question, answer = shown(hub)["messages"][:2]
    assert (question["verdict"], question["verdict_reason"]) == ("ham", "answer")
    (sent,) = answer["sending"]
    assert (sent["recipient"], sent["reply"], sent["attempts"]) == (CUSTOMER, "250 2.0.0", 1)
    assert (answer["direction"], answer["text"].strip()) == ("out", "Please turn it off and on.")
    mail = message_from_bytes(sink.taken[0].raw, policy=default)
    back = str(mail["Reply-To"].addresses[0].addr_spec)
    with hub.smtp() as smtp:
        smtp.sendmail(CUSTOMER, [back], written("By address.", To=back))
        smtp.sendmail(
            CUSTOMER, ["support@example.com"], written("By id.", In_Reply_To=str(mail["Message-ID"]))
        )
        smtp.sendmail(CUSTOMER, ["support@example.com"], written("By subject.", Subject=str(mail["Subject"])))
    found = [(each["text"].strip(), each["thread_reason"]) for each in shown(hub)["messages"][2:]]
    expected = [
        ("By address.", "reply-address"),
        ("By id.", "reply-message-id"),
        ("By subject.", "subject-tag"),
    ]
    assert found == expected
    assert len(hub.json("ticket", "list")) == 1
    assert f"to {CUSTOMER}: sent (250 2.0.0)" in hub.run("ticket", "show", "1").stdout.decode()
