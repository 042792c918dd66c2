"""Waiting for the computer's password store, which may never answer: it hangs, or asks its question where nobody looks."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from importlib import import_module
from typing import Generic, TypeVar, cast

T = TypeVar("T")

ANSWERS_S = 20
"""So long a store may take that asks nobody."""
ASKED_S = 120
"""So long somebody may take who is asked by it."""
LOOK_S = 4
"""After so long it is looked at whether it asks somebody."""
_STATE_S = 2


class NoAnswer(Exception):
    """The store did not answer in time, or somebody did not wait for it. ``asks``: it has a question."""

    def __init__(self, seconds: float, *, asks: bool) -> None:
        super().__init__("no answer")
        self.seconds, self.asks = seconds, asks


class Patience:
    """How long a call to the store is waited for. ``told(seconds, asks)`` is called once if it takes a while; ``give_up`` from any thread.

    A call that hangs cannot be ended: it goes on in a thread of its own, which holds up nothing, not even the end of the program. Whoever was
    waited for in vain is not asked again until ``renew``: a command has several questions, and each would wait as long.
    """

    def __init__(self, answers_s: float = ANSWERS_S, asked_s: float = ASKED_S, told: Callable[[float, bool], object] | None = None) -> None:
        self.answers_s, self.asked_s, self._told = answers_s, asked_s, told
        self._one_at_a_time = threading.Lock()
        self._woken = threading.Event()
        self.given_up = self._asked = False

    def give_up(self) -> None:
        """Somebody has another way: wait no longer, nor again until ``renew``."""
        with self._one_at_a_time:
            self.given_up = True
            self._woken.set()

    def renew(self) -> None:
        """Wait again."""
        self.given_up = self._asked = False

    def ask(self, call: Callable[[], T], late: Callable[[T], object] | None = None) -> T:
        """What the call returns, or raises; NoAnswer if it does not in time. What comes too late goes to ``late``, in the thread of the call."""
        with self._one_at_a_time:
            if self.given_up:
                raise NoAnswer(0, asks=self._asked)
            woken = self._woken = threading.Event()
        one = _Call(call, late, woken)
        threading.Thread(target=one.run, name="password store", daemon=True).start()
        asks = self._wait(woken)
        if one.leave():
            return one.result()
        self.given_up, self._asked = True, asks
        raise NoAnswer(self.asked_s if asks else self.answers_s, asks=asks)

    def _wait(self, woken: threading.Event) -> bool:
        """Whether it asks somebody, as far as that was looked at."""
        begun = time.monotonic()
        if woken.wait(min(LOOK_S, self.answers_s)):
            return False
        asks = asks_somebody()
        seconds = self.asked_s if asks else self.answers_s
        if self._told is not None and not woken.is_set():
            self._told(seconds, asks)
        woken.wait(max(0.0, begun + seconds - time.monotonic()))
        return asks


class _Call(Generic[T]):
    """A call on its way in another thread, which somebody waits for or has left."""

    def __init__(self, call: Callable[[], T], late: Callable[[T], object] | None, woken: threading.Event) -> None:
        self._call, self._late, self._woken = call, late, woken
        self._one_at_a_time = threading.Lock()
        self._done = self._left = False
        self._gave: T | None = None
        self._error: Exception | None = None

    def run(self) -> None:
        try:
            self._gave = self._call()
        except Exception as error:  # raised again where it is waited for; nobody is there to hear of it later
            self._error = error
        with self._one_at_a_time:
            self._done = True
            left = self._left
        if left and self._late is not None and self._error is None:
            self._late(cast("T", self._gave))
        self._woken.set()

    def leave(self) -> bool:
        """Wait no longer; whether it is done."""
        with self._one_at_a_time:
            self._left = not self._done
            return self._done

    def result(self) -> T:
        if self._error is not None:
            raise self._error
        return cast("T", self._gave)


def asks_somebody() -> bool:
    """Whether a store that has not answered yet is locked, and so shows a question. It is not waited for long."""
    if sys.platform != "linux":
        return sys.platform == "darwin"  # Keychain answers at once, or asks
    try:
        jeepney, blocking = import_module("jeepney"), import_module("jeepney.io.blocking")
        collection = jeepney.DBusAddress("/org/freedesktop/secrets/aliases/default", "org.freedesktop.secrets", "org.freedesktop.Secret.Collection")
        with closing(blocking.open_dbus_connection()) as connection:
            reply = connection.send_and_get_reply(jeepney.Properties(collection).get("Locked"), timeout=_STATE_S)
    except (ImportError, KeyError, OSError):  # among them that it does not answer this either
        return False
    return reply.header.message_type is jeepney.MessageType.method_return and bool(reply.body[0][1])
