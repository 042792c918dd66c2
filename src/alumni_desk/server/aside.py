"""Work that would hold up the event loop is carried out in a thread beside it. Made for much small work: the way there and back costs next to nothing."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

MOST = 40
"""Threads of this process at once; what comes beyond waits for one."""

IDLE_SECONDS = 2.0
"""A thread that has had nothing to do for so long ends."""


async def aside(work: Callable[..., T], *arguments: Any) -> T:
    """Carry it out in a thread and wait for it."""
    answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    _THREADS.put(answer, work, arguments)
    return await answer


class _Threads:
    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[tuple[asyncio.Future[Any], Callable[..., Any], tuple[Any, ...]]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads = self._asked = 0  # how many there are, and how much is asked of them: waiting or under way

    def put(self, answer: asyncio.Future[Any], work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        with self._lock:
            self._asked += 1
            more = self._threads < min(self._asked, MOST)
            self._threads += more
        self._queue.put((answer, work, arguments))
        if more:
            threading.Thread(target=self._run, name="aside", daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                answer, work, arguments = self._queue.get(timeout=IDLE_SECONDS)
            except queue.Empty:
                with self._lock:
                    if self._asked < self._threads:  # else something is in the queue by now
                        self._threads -= 1
                        return
                continue
            settle: Callable[[asyncio.Future[Any], Any], None] = _succeed
            try:
                outcome = work(*arguments)
            except BaseException as error:  # whoever asked is told, whatever it was
                settle, outcome = _fail, error
            with self._lock:
                self._asked -= 1
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
                answer.get_loop().call_soon_threadsafe(settle, answer, outcome)
            del answer, work, arguments, outcome  # held by nobody while there is nothing to do


def _succeed(answer: asyncio.Future[Any], result: Any) -> None:
    if not answer.done():  # whoever asked may be gone
        answer.set_result(result)


def _fail(answer: asyncio.Future[Any], error: BaseException) -> None:
    if not answer.done():
        answer.set_exception(error)


_THREADS = _Threads()
