"""Daemons to test against: one shared by a worker's tests, one of a test's own, or a directory without any."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.houses.hub import Hub, hubs


@pytest.fixture(scope="session")
def make_hub() -> Iterator[Callable[[], Hub]]:
    """Makes initialised data directories; whatever runs on them is ended, and they go."""
    with hubs() as make:
        yield make


@pytest.fixture(scope="session")
def hub(make_hub: Callable[[], Hub]) -> Hub:
    """A daemon that runs, shared by the tests of a worker: each uses mails of its own and stops nothing."""
    made = make_hub()
    made.start()
    return made


@pytest.fixture
def own_hub(make_hub: Callable[[], Hub]) -> Iterator[Hub]:
    """A daemon that runs, for one test alone."""
    made = make_hub()
    made.start()
    yield made
    made.end()


@pytest.fixture
def idle_hub(make_hub: Callable[[], Hub]) -> Iterator[Hub]:
    """An initialised directory without a daemon."""
    made = make_hub()
    yield made
    made.end()
