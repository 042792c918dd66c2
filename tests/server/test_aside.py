"""Threads beside the loop: all of much work is done, none of it twice, errors come back, and threads end."""

from __future__ import annotations

import asyncio
import threading

import pytest

from alumni_desk.server import aside as threads
from alumni_desk.server.aside import MOST, aside


def test_more_work_than_threads() -> None:
    go, counted = threading.Event(), threading.Lock()
    begun: list[int] = []

    def work(number: int) -> int:
        with counted:
            begun.append(number)
            if len(begun) == MOST:
                go.set()
        assert go.wait(30), "as many as there may be work at once"
        return number * 2

    async def ask() -> list[int]:
        return list(await asyncio.gather(*(aside(work, number) for number in range(3 * MOST))))

    assert asyncio.run(ask()) == [number * 2 for number in range(3 * MOST)]
    assert sorted(begun) == list(range(3 * MOST))


@pytest.mark.parametrize("trouble", [ValueError, KeyboardInterrupt])
def test_what_was_raised_is_raised_where_it_was_asked(trouble: type[BaseException]) -> None:
    def work() -> None:
        raise trouble("so")

    async def ask() -> str:
        try:
            await aside(work)
        except BaseException as error:
            return f"{type(error).__name__} {error}"
        return "nothing"

    assert asyncio.run(ask()) == f"{trouble.__name__} so"


def test_whoever_is_gone_keeps_no_thread() -> None:
    begun, go = threading.Event(), threading.Event()

    async def ask() -> str:
        gone = asyncio.create_task(aside(lambda: (begun.set(), go.wait(30))))
        while not begun.is_set():
            await asyncio.sleep(0)
        gone.cancel()
        go.set()
        return await aside(str, 7)

    assert asyncio.run(ask()) == "7"
    for one in threading.enumerate():
        if one.name == "aside":
            one.join(threads.IDLE_SECONDS + 20)
    assert threads._THREADS._threads == threads._THREADS._asked == 0
