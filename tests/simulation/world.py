"""What is simulated beneath the real code: time, chance and where it runs. One world at a time, no thread."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import random
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import Any
from unittest.mock import patch

START_MS = 1_790_000_000_000
"""When every run begins, in milliseconds since 1970."""


class World:
    """True time, the seeded chance behind every id, and whose computer acts now (its clock is what the code reads)."""

    def __init__(self, seed: int) -> None:
        self.now = START_MS
        self.chance = random.Random(seed)
        self.skew = 0
        self.acting: Any = None  # the laptop

    def clock_ms(self) -> int:
        """What the acting computer's clock shows."""
        return max(1, self.now + self.skew)

    @contextlib.contextmanager
    def at(self, skew: int) -> Iterator[None]:
        """On a computer whose clock is so many milliseconds ahead."""
        before, self.skew = self.skew, skew
        try:
            yield
        finally:
            self.skew = before


class Killed(BaseException):
    """The process ends here. Nothing may catch it but the simulator."""


_world = World(0)


def the_world() -> World:
    """The one that runs."""
    return _world


def begin(world: World) -> World:
    """Let another world run."""
    global _world
    _world = world
    return world


class _Datetime(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Any:
        return datetime.fromtimestamp(_world.clock_ms() / 1000, tz)


def _random_bytes(count: int) -> bytes:
    return _world.chance.randbytes(count)


async def _at_once(work: Callable[..., Any], *arguments: Any) -> Any:
    return work(*arguments)


def _argon2_once() -> Callable[..., bytes]:
    from alumni_desk.store import keys

    return lru_cache(maxsize=64)(keys._derived)


def _key_at_once(code: str, salt: bytes) -> bytes:
    return hashlib.blake2b(code.encode(), salt=salt, digest_size=32).digest()


def _one_dialect() -> Callable[..., Any]:
    """Engines that are alike share what SQLAlchemy compiled: a laptop opened anew need not work out the same statements once more."""
    import sqlalchemy as sa

    right, known = sa.create_engine, dict[str, sa.Engine]()

    def make(url: Any, **options: Any) -> Any:
        engine = right(url, **options)
        first = known.setdefault(str(sorted(options)), engine)
        if first is not engine:
            engine.dialect, engine._compiled_cache = first.dialect, first._compiled_cache
        return engine

    return make


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """What goes wrong on purpose is not worth a line in the log; what goes wrong otherwise is raised."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


@contextlib.contextmanager
def simulated() -> Iterator[None]:
    """Inside, clocks and chance are the world's, calls of the server are answered in the caller's thread, and a password is derived once."""
    import alumni_desk.cli.main  # noqa: F401  so that every module is there to be given the clock
    import alumni_desk.schema as schema
    import alumni_desk.server.app as app
    import alumni_desk.server.state as server_state
    import alumni_desk.sync.venue.channel as venue_channel
    import alumni_desk.sync.venue.sharing as sharing
    import alumni_desk.sync.venue.visiting as visiting
    import simulation.venue as venue
    from alumni_desk.store import keys

    assert isinstance(app.aside, Callable)  # the seam must still be there
    with contextlib.ExitStack() as stack:
        stack.enter_context(_silence())
        stack.enter_context(patch.dict(os.environ, {"ALUMNI_DESK_PASSPHRASE": "three words to remember"}))
        stack.enter_context(patch.object(time, "time_ns", lambda: _world.clock_ms() * 1_000_000))
        stack.enter_context(patch.object(os, "urandom", _random_bytes))
        stack.enter_context(patch.object(random, "_urandom", _random_bytes))
        stack.enter_context(patch.object(secrets, "token_bytes", lambda count=32: _random_bytes(count)))
        stack.enter_context(patch.object(app, "aside", _at_once))
        stack.enter_context(patch.object(keys, "_derived", _argon2_once()))
        stack.enter_context(patch.object(schema, "desk_schema", lru_cache(maxsize=1)(schema.desk_schema)))
        stack.enter_context(patch.object(server_state, "all_tables", lru_cache(maxsize=1)(server_state.all_tables)))
        stack.enter_context(patch("sqlalchemy.create_engine", _one_dialect()))
        for module in (sharing, venue_channel, visiting, venue):
            stack.enter_context(patch.object(module, "key_of", _key_at_once))
        for name, module in list(sys.modules.items()):
            if name.startswith("alumni_desk.") and getattr(module, "datetime", None) is datetime:
                stack.enter_context(patch.object(module, "datetime", _Datetime))
        yield
