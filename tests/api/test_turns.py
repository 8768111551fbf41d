"""A fair share of the threads: one account's requests wait for each other, never for all of another's."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from sqlalchemy import text

from mailhub.callers.turns import Turns
from mailhub.config.live import Live
from mailhub.errors import TooManyRequests
from storage.database import Connection
from storage.errors import TookTooLong
from tests.api.conftest import Home
from tests.houses.asking import Asker

GUARD_SECONDS = 60  # against hanging; not a measure
TOTAL, AT_ONCE, WAITING = 4, 2, 8


class Crowd:
    """Requests that run until they are told to end; the order in which their turns came."""

    def __init__(self) -> None:
        self.turns = Turns(TOTAL)
        self.began: list[tuple[int | None, int]] = []
        self._tasks: dict[tuple[int | None, int], asyncio.Task[None]] = {}
        self._ends: dict[tuple[int | None, int], asyncio.Event] = {}

    async def ask(self, key: int | None, *numbers: int) -> None:
        """Some requests of an account, one after the other."""
        for number in numbers:
            self._ends[key, number] = asyncio.Event()
            self._tasks[key, number] = asyncio.create_task(self._run(key, number))
            await settled()

    async def end(self, key: int | None, number: int) -> None:
        """One of them is done."""
        self._ends[key, number].set()
        await self._tasks[key, number]
        await settled()

    async def leave(self, key: int | None, number: int) -> None:
        """One of them is cancelled."""
        self._tasks[key, number].cancel()
        await asyncio.gather(self._tasks[key, number], return_exceptions=True)
        await settled()

    async def _run(self, key: int | None, number: int) -> None:
        async with self.turns.turn(key, at_once=AT_ONCE, waiting=WAITING):
            self.began.append((key, number))
            await self._ends[key, number].wait()


async def settled() -> None:
    """Until everything that could go on has."""
    for _ in range(5):
        await asyncio.sleep(0)


def going(talk: Callable[[Crowd], Awaitable[None]]) -> None:
    """Run a story, with a guard."""

    async def run() -> None:
        await asyncio.wait_for(talk(Crowd()), GUARD_SECONDS)

    asyncio.run(run())


def test_one_account_waits_for_itself_alone() -> None:
    """Of one account's many requests two run; another account's run at once, beside them."""

    async def story(crowd: Crowd) -> None:
        await crowd.ask(1, *range(8))
        assert crowd.began == [(1, 0), (1, 1)]
        await crowd.ask(2, 0, 1)
        assert crowd.began == [(1, 0), (1, 1), (2, 0), (2, 1)]
        await crowd.end(1, 1)
        assert crowd.began[-1] == (1, 2)

    going(story)


def test_lines_are_served_by_turns() -> None:
    """A free turn goes to the account with the fewest running, of equals to the one due longest, first come first."""

    async def story(crowd: Crowd) -> None:
        await crowd.ask(1, *range(6))
        await crowd.ask(2, *range(6))
        await crowd.ask(3, 0, 1)
        assert len(crowd.began) == TOTAL
        await crowd.end(1, 0)
        await crowd.end(2, 0)
        await crowd.end(2, 1)
        assert crowd.began[TOTAL:] == [(3, 0), (1, 2), (2, 2)]

    going(story)


def test_who_gives_up_keeps_no_turn() -> None:
    """A request that is cancelled while it waits, or while it runs, leaves its place to the next."""

    async def story(crowd: Crowd) -> None:
        await crowd.ask(1, *range(5))
        await crowd.leave(1, 2)
        await crowd.leave(1, 0)
        assert crowd.began == [(1, 0), (1, 1), (1, 3)]
        await crowd.end(1, 1)
        assert crowd.began[-1] == (1, 4)
        await crowd.end(1, 3)
        await crowd.end(1, 4)
        await crowd.ask(2, *range(3))
        assert crowd.began[-2:] == [(2, 0), (2, 1)]

    going(story)


def test_a_line_has_an_end() -> None:
    """Whoever finds the account's line full is told so at once, and another account's line is not."""

    async def story(crowd: Crowd) -> None:
        await crowd.ask(1, *range(AT_ONCE + WAITING))
        with pytest.raises(TooManyRequests, match="wait already"):
            async with crowd.turns.turn(1, at_once=AT_ONCE, waiting=WAITING):
                pass
        await crowd.ask(2, 0)
        assert crowd.began[-1] == (2, 0)

    going(story)


def test_slow_requests_of_an_account_leave_others_a_thread(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With more slow requests of one account than there are threads, another account's is answered meanwhile."""
    app, slow, end = home.app(), home.token(11), threading.Event()
    began = threading.Semaphore(0)

    def search(*_: object, **__: object) -> list[int]:
        began.release()
        assert end.wait(GUARD_SECONDS)
        return []

    monkeypatch.setattr("mailhub.callers.searching.search_messages", search)
    ask, other = Asker(app=app, token=slow), Asker(app=app, token=home.token(21, account=2))

    async def story() -> None:
        async with app.router.lifespan_context(app):
            searches = [asyncio.create_task(ask.ask("GET", "/v1/tickets/search?query=a")) for _ in range(16)]
            at_once = home.house.config.limits.requests_at_once
            for _ in range(at_once):
                assert await asyncio.to_thread(began.acquire, timeout=GUARD_SECONDS)
            answered = await asyncio.wait_for(other.ask("GET", "/v1/tickets"), GUARD_SECONDS)
            assert answered.status == 200
            assert not began.acquire(blocking=False)
            end.set()
            assert {each.status for each in await asyncio.gather(*searches)} == {200}

    asyncio.run(story())


def test_a_full_line_is_429(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """More requests of one account than may wait are answered 429 with Retry-After, whatever the others do."""
    limits = replace(home.house.config.limits, requests_at_once=1, requests_waiting=2)
    app = Home(house=replace(home.house, configuration=Live(replace(home.house.config, limits=limits)))).app()
    end = threading.Event()
    monkeypatch.setattr(
        "mailhub.callers.searching.search_messages",
        lambda *_, **__: [] if end.wait(GUARD_SECONDS) else None,
    )
    ask = Asker(app=app, token=home.token(11))

    async def story() -> None:
        async with app.router.lifespan_context(app):
            tasks = [asyncio.create_task(ask.ask("GET", "/v1/tickets/search?query=a")) for _ in range(6)]
            done, _ = await asyncio.wait(tasks, timeout=GUARD_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            end.set()
            answers = await asyncio.gather(*tasks)
            assert {each.status for each in (task.result() for task in done)} == {429}
            assert sorted(each.status for each in answers) == [200, 200, 200, 429, 429, 429]
            assert {each.headers["retry-after"] for each in answers if each.status == 429} == {"1"}

    asyncio.run(story())


def test_every_question_of_a_request_has_a_deadline(home: Home) -> None:
    """What a request asks the database is cut off after `limits.read_seconds` and answered 503, by every route."""
    limits = replace(home.house.config.limits, read_seconds=0.000_001)
    app = Home(house=replace(home.house, configuration=Live(replace(home.house.config, limits=limits)))).app()
    heavy = text("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i) FROM n")
    with pytest.raises(TookTooLong), app.state.house.for_requests().database.read() as connection:
        connection.execute(heavy)

    def endless(connection: Connection, *_: object, **__: object) -> list[int]:
        connection.execute(heavy)
        return []

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mailhub.callers.searching.search_messages", endless)
        answered = Asker(app=app, token=home.token(11))("GET", "/v1/tickets/search?query=a")
    assert (answered.status, answered.json["code"]) == (503, "took-too-long")
    assert answered.headers["retry-after"]


def test_a_search_that_is_too_broad_is_400(home: Home) -> None:
    """Both routes that take words refuse a query that would read most of the index, and say the bound."""
    ask = Asker(app=home.app(), token=home.token(11))
    query = "+".join(f"{chr(97 + number % 26)}*" for number in range(330))
    for target in (f"/v1/tickets/search?query={query}", f"/v1/spam/choose?query={query}"):
        answered = ask("GET", target)
        assert (answered.status, "up to 4 beginnings" in answered.json["detail"]) == (400, True), target
