"""Outcomes, refusals and errors as SMTP replies."""

import pytest

from mailhub.envelope import Fate, Outcome, Refusal
from mailhub.errors import BadRequest, ConfigurationError, InsufficientStorage, Unavailable
from mailhub.intake.smtp import replies
from mailhub.intake.smtp.data import DataFault

FILED = Outcome(recipient="a@example.com", fate=Fate.FILED, message=7)
SAME = Outcome(recipient="b@example.com", fate=Fate.DUPLICATE, message=3)
ERASED = Outcome(recipient="c@example.com", fate=Fate.ERASED)
REJECTED = Outcome(recipient="d@example.com", fate=Fate.REJECTED, reason="policy-x")
DEFERRED = Outcome(recipient="e@example.com", fate=Fate.DEFERRED)
FULL = Outcome(recipient="f@example.com", fate=Fate.DEFERRED, no_space=True)


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([FILED], b"250 2.0.0 Ok: message 7\r\n"),
        ([SAME, FILED], b"250 2.0.0 Ok: message 3\r\n"),
        ([ERASED], b"250 2.0.0 Ok\r\n"),
        ([REJECTED, FILED], b"250 2.0.0 Ok: message 7\r\n"),
        ([REJECTED, REJECTED], b"554 5.7.1 Message refused: policy-x\r\n"),
        ([FILED, DEFERRED], b"451 4.3.0 Temporary failure, try again\r\n"),
        ([DEFERRED, FULL, REJECTED], b"452 4.3.1 Not enough room now, try again\r\n"),
    ],
)
def test_smtp_gives_one_reply_for_all(outcomes: list[Outcome], expected: bytes) -> None:
    """One deferred recipient asks for the whole message again; only if all are rejected is it refused."""
    assert replies.for_all(outcomes, len(outcomes)) == expected


def test_lmtp_gives_each_recipient_its_own() -> None:
    """The replies stand in the order of the recipients."""
    lines = replies.for_each([FILED, REJECTED, FULL], 3).split(b"\r\n")
    assert [line[:9] for line in lines] == [b"250 2.0.0", b"554 5.7.1", b"452 4.3.1", b""]


@pytest.mark.parametrize("reply", [replies.for_all, replies.for_each])
def test_every_recipient_needs_an_outcome(reply: object) -> None:
    """A pipeline that forgets a recipient is a fault, not a 250."""
    with pytest.raises(ValueError, match="every recipient"):
        reply([FILED], 2)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Unavailable("locked"), b"451"),
        (InsufficientStorage("full"), b"452"),
        (OSError(28, "x", "/var/lib/secret"), b"451"),
        (ConfigurationError("bad"), b"451"),
        (BadRequest("wrong"), b"554"),
    ],
)
def test_an_error_is_temporary_unless_known_and_is_never_quoted(error: Exception, code: bytes) -> None:
    """Only what is refused for good is answered 5xx, and no reply repeats the error's text."""
    reply = replies.for_error(error, "abc123")
    assert reply[:3] == code
    assert str(error).encode() not in reply


def test_refusals_and_faults_all_have_replies() -> None:
    """Every refusal and every fault of a message has a reply with an enhanced code of its class."""
    for reply in [*map(replies.for_refusal, Refusal), *map(replies.for_data_fault, DataFault)]:
        assert reply[4:5] == reply[:1]
        assert reply.endswith(b"\r\n")


def test_ehlo_offers_what_is_implemented_and_no_more() -> None:
    """No CHUNKING, no AUTH, and STARTTLS only where there is a certificate and no TLS yet."""
    words = "250-h\r\n250-PIPELINING\r\n250-SIZE 9\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n"
    assert replies.capabilities("h", 9, start_tls=False) == (words + "250 ENHANCEDSTATUSCODES\r\n").encode()
    with_tls = words + "250-ENHANCEDSTATUSCODES\r\n250 STARTTLS\r\n"
    assert replies.capabilities("h", 9, start_tls=True) == with_tls.encode()
