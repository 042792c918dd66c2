"""Shared transactions: what waits for the same thing at the same time is one transaction, pushes to a scope above all. Each is answered after the commit."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

A = TypeVar("A")
R = TypeVar("R")


@dataclass
class _Waiting(Generic[A, R]):
    asked: A
    weight: int
    turn: threading.Event = field(default_factory=threading.Event)
    replies: list[R] = field(default_factory=list)
    trouble: Exception | None = None

    @property
    def answered(self) -> bool:
        return bool(self.replies) or self.trouble is not None


class Together(Generic[A, R]):
    """Gathers what waits under one name. ``work`` does several in a transaction of its own, or raises and has changed nothing.

    ``room``: how much weight goes into one.
    """

    def __init__(self, work: Callable[[str, Sequence[A]], Sequence[R]], room: int) -> None:
        self._work, self._room = work, room
        self._lock = threading.Lock()
        self._queues: dict[str, deque[_Waiting[A, R]]] = {}

    def do(self, name: str, asked: A, weight: int = 1) -> R:
        """Carry it out with whatever else waits then. Whoever comes first works for all; the others wait, and one of them is the next."""
        mine: _Waiting[A, R] = _Waiting(asked, weight)
        with self._lock:
            queue = self._queues.get(name)
            first = queue is None
            if queue is None:
                queue = self._queues[name] = deque()
            queue.append(mine)
        if not first:
            mine.turn.wait()
        if not mine.answered:
            self._lead(name, queue)
        if mine.trouble is not None:
            raise mine.trouble
        return mine.replies[0]

    def _lead(self, name: str, queue: deque[_Waiting[A, R]]) -> None:
        with self._lock:
            batch = [queue.popleft()]
            room = self._room - batch[0].weight
            while queue and (room := room - queue[0].weight) >= 0:
                batch.append(queue.popleft())
        try:
            self._carry_out(name, batch)
        finally:
            with self._lock:
                if queue:
                    queue[0].turn.set()  # the next to work
                else:
                    del self._queues[name]
            for one in batch:
                one.turn.set()

    def _carry_out(self, name: str, batch: Sequence[_Waiting[A, R]]) -> None:
        try:
            replies = self._work(name, [one.asked for one in batch])
        except Exception as error:
            if len(batch) == 1:
                batch[0].trouble = error
                return
            for one in batch:  # one of them is the trouble, and it is nobody else's
                self._carry_out(name, [one])
            return
        for one, reply in zip(batch, replies, strict=True):
            one.replies.append(reply)
