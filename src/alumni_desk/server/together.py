"""Shared transactions: what waits for the same thing at the same time is one transaction, pushes to a scope above all. Each is answered after the commit."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

A = TypeVar("A")
R = TypeVar("R")

Aside = Callable[..., Awaitable[Any]]
"""Runs a function in a thread and waits for it, as ``aside.aside`` does."""


@dataclass
class _Waiting(Generic[A, R]):
    asked: A
    weight: int
    answer: asyncio.Future[R]
    after: Awaitable[object] | None


class Together(Generic[A, R]):
    """Gathers what waits under one name. ``work`` does several in a transaction of its own, in a thread, or raises and has changed nothing.

    ``room``: how much weight goes into one. Whoever waits holds no thread. All of it belongs to one event loop.
    """

    def __init__(self, work: Callable[[str, Sequence[A]], Sequence[R]], room: int, aside: Aside) -> None:
        self._work, self._room, self._aside = work, room, aside
        self._queues: dict[str, deque[_Waiting[A, R]]] = {}
        self._working: set[asyncio.Task[None]] = set()

    async def do(self, name: str, asked: A, weight: int = 1, *, after: Awaitable[object] | None = None) -> R:
        """Carry it out with whatever else waits then, and in its turn, but not before what it comes ``after`` is done."""
        loop = asyncio.get_running_loop()
        mine: _Waiting[A, R] = _Waiting(asked, weight, loop.create_future(), after)
        queue = self._queues.get(name)
        if queue is None:
            queue = self._queues[name] = deque()
            task = loop.create_task(self._empty(name, queue))
            self._working.add(task)  # a task that nobody holds may be collected
            task.add_done_callback(self._working.discard)
        queue.append(mine)
        return await mine.answer

    async def _empty(self, name: str, queue: deque[_Waiting[A, R]]) -> None:
        """One batch after the other, until nobody waits."""
        batch: list[_Waiting[A, R]] = []
        try:
            while queue:
                batch = [queue.popleft()]
                room = self._room - batch[0].weight
                while queue and (room := room - queue[0].weight) >= 0:
                    batch.append(queue.popleft())
                await self._carry_out(name, batch)
        except BaseException as error:  # the loop ends, or the process: nobody may wait for an answer that never comes
            for one in (*batch, *queue):
                if not one.answer.done():
                    one.answer.set_exception(error)
            raise
        finally:
            del self._queues[name]

    async def _carry_out(self, name: str, batch: Sequence[_Waiting[A, R]]) -> None:
        try:
            for one in batch:
                if one.after is not None:
                    await one.after
            replies = await self._aside(self._work, name, [one.asked for one in batch])
        except Exception as error:
            if len(batch) > 1:
                for one in batch:  # one of them is the trouble, and it is nobody else's
                    await self._carry_out(name, [one])
            elif not batch[0].answer.done():
                batch[0].answer.set_exception(error)
            return
        for one, reply in zip(batch, replies, strict=True):
            if not one.answer.done():  # whoever asked may be gone
                one.answer.set_result(reply)
