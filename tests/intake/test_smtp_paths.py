"""What we override of aiosmtpd's private API gives what aiosmtpd gives."""

import asyncio
import warnings
from collections.abc import Iterator

import aiosmtpd
import pytest
from aiosmtpd.smtp import SMTP
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.intake.smtp.connection import DoorState
from mailhub.intake.smtp.limits import DoorSettings
from mailhub.intake.smtp.session import SmtpSession
from tests.houses.door_house import FakePipeline

ATEXT = "abcdefghijklmnopqrstuvwxyzABCXYZ0123456789!#$%&'*+-/=?^_`{|}~"
ATOM = st.text(ATEXT, min_size=1, max_size=12)
LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
ADDRESS = st.builds(
    lambda atoms, labels: f"{'.'.join(atoms)}@{'.'.join(labels)}",
    st.lists(ATOM, min_size=1, max_size=3),
    st.lists(LABEL, min_size=1, max_size=4),
)
TAIL = st.sampled_from(["", " ", " SIZE=10", "  BODY=8BITMIME SMTPUTF8", "\tSIZE=1 ", " X"])


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[SmtpSession, SMTP]]:
    """Our session and the parent as its own constructor makes it."""
    loop = asyncio.new_event_loop()

    async def make() -> tuple[SmtpSession, SMTP]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parent = SMTP(object(), loop=loop, hostname="x", enable_SMTPUTF8=True)
        return SmtpSession(DoorState(FakePipeline(), DoorSettings(), lmtp=False)), parent

    yield loop.run_until_complete(make())
    loop.close()


def test_the_version_is_the_one_that_was_read() -> None:
    """A new aiosmtpd needs its private API read again before this number changes."""
    assert aiosmtpd.__version__ == "1.4.6"


@settings(deadline=None)
@given(ADDRESS, TAIL)
def test_ordinary_paths_are_read_as_by_the_parent(
    pair: tuple[SmtpSession, SMTP], address: str, tail: str
) -> None:
    """Address and rest of any ordinary path are what aiosmtpd's grammar gives."""
    ours, parent = pair
    found = parent._getaddr(f"<{address}>{tail}")
    assert found[0] == address
    assert ours._getaddr(f"<{address}>{tail}") == found


@settings(deadline=None)
@given(st.text('<>@.,:;"\\[] abc\u00e9\u6f22=', max_size=24))
def test_odd_paths_never_mean_something_else(pair: tuple[SmtpSession, SMTP], inside: str) -> None:
    """For anything in angle brackets we answer what the parent answers, or refuse: where it breaks, or finds no end."""
    ours, parent = pair
    path = f"<{inside}>"
    found = ours._getaddr(path)
    if found != (None, None):
        assert found == parent._getaddr(path)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "a@example.com",
        "<" + "(" * 1_500 + "a@example.com>",
        "<a@example.com> (comment)",
        "<a\x01@example.com>",
        '<"a\tb"@example.com>',
        "<",
        "<a@",
        '<"',
        "<a@b.c d>",
        '<"' + "a" * 400 + '"@b.c>',
    ],
)
def test_paths_outside_rfc_5321_are_refused(pair: tuple[SmtpSession, SMTP], path: str) -> None:
    """Bare addresses, comments (on which the parent recurses), control characters and fragments are no paths."""
    assert pair[0]._getaddr(path) == (None, None)


@pytest.mark.parametrize("parameters", [["SIZE=1", "BODY=8BITMIME"], ["SMTPUTF8"], ["SIZE="], ["A-B=1"], []])
def test_parameters_are_the_parents(pair: tuple[SmtpSession, SMTP], parameters: list[str]) -> None:
    """``_getparams`` works on a session whose parent constructor never ran."""
    ours, parent = pair
    assert ours._getparams(parameters) == parent._getparams(parameters)
