"""What is simulated beneath the real code: time, chance and where it runs. One world at a time, no thread."""

from __future__ import annotations

import contextlib
import gc
import hashlib
import logging
import os
import random
import secrets
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import Any
from unittest.mock import patch
from weakref import WeakKeyDictionary

import migrated_once

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


_heard: WeakKeyDictionary[Any, Callable[[str], None]] = WeakKeyDictionary()


def listen(engine: Any, heard: Callable[[str], None]) -> None:
    """Let somebody hear of every statement before it is carried out, whichever way it goes to the driver."""
    import sqlalchemy as sa

    sa.event.listen(engine, "before_cursor_execute", lambda _connection, _cursor, statement, *_more: heard(statement))
    _heard[engine] = heard


def _told(right: Callable[..., Any]) -> Callable[..., Any]:
    def told(connection: Any, sql: str, *more: Any) -> Any:
        engine = getattr(connection, "engine", None)  # the driver's own connections only read
        heard = None if engine is None else _heard.get(engine)
        if heard is not None:
            heard(sql)
        return right(connection, sql, *more)

    return told


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
    random.seed(world.chance.getrandbits(64))  # how long a desk waits for a busy server is left to chance, too
    return world


class _Datetime(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Any:
        return datetime.fromtimestamp(_world.clock_ms() / 1000, tz)


def _random_bytes(count: int) -> bytes:
    return _world.chance.randbytes(count)


class _AtOnce:
    """Stands where a pool of threads stands: what it is given is done when it is given."""

    def __init__(self, *_options: Any) -> None:
        pass

    def __enter__(self) -> _AtOnce:
        return self

    def __exit__(self, *_trouble: object) -> None:
        return None

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Do it, and keep what came of it."""
        done: Future[Any] = Future()
        try:
            done.set_result(work(*arguments))
        except BaseException as error:  # raised by whoever asks for the result, a kill too
            done.set_exception(error)
        return done


async def _at_once(work: Callable[..., Any], *arguments: Any) -> Any:
    return work(*arguments)


def _derived_at_once(passphrase: str, salt: bytes, _passes: int, _memory: int) -> bytes:
    return hashlib.blake2b(passphrase.encode(), salt=salt, digest_size=32).digest()


def _key_at_once(code: str, salt: bytes) -> bytes:
    return hashlib.blake2b(code.encode(), salt=salt, digest_size=32).digest()


def _made_at_once(snapshots: Any, scope: str, seen: Any) -> threading.Event:
    done = snapshots._under_way[scope, seen] = threading.Event()
    snapshots._work(snapshots._folder, scope, seen, done)
    return done


def _raised(_log: Any, error: Exception, _what: str) -> None:
    raise error


def _those_with(name: str, what: Any) -> list[Any]:
    """The program's modules that have this under that name."""
    return [module for title, module in list(sys.modules.items()) if title.startswith("alumni_desk.") and getattr(module, name, None) is what]


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
def _random_kept() -> Iterator[None]:
    before = random.getstate()
    try:
        yield
    finally:
        random.setstate(before)


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
def _seldom_collected() -> Iterator[None]:
    """All these modules live to the end: looking through them for rubbish again and again takes an eighth of a run."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


@contextlib.contextmanager
def simulated() -> Iterator[None]:
    """Inside, clocks and chance are the world's, calls of the server are answered in the caller's thread, and a password becomes a key at once."""
    import alumni_desk.cli.main
    import alumni_desk.schema as schema
    import alumni_desk.server.app as app
    import alumni_desk.server.backups  # noqa: F401
    import alumni_desk.server.database as server_database
    import alumni_desk.server.ranges as ranges
    import alumni_desk.server.snapshot as server_snapshot
    import alumni_desk.sync.push as push
    import alumni_desk.sync.venue.channel as venue_channel
    import alumni_desk.sync.venue.line as line
    import alumni_desk.sync.venue.sharing as sharing
    import simulation.venue as venue
    from alumni_desk.store import disk, driver, keys
    from simulation.ground import ground

    assert isinstance(app.aside, Callable)  # the seam must still be there
    with contextlib.ExitStack() as stack:
        stack.enter_context(_silence())
        stack.enter_context(_seldom_collected())
        stack.enter_context(_random_kept())
        for name in ("run", "run_many", "rows", "row"):
            stack.enter_context(patch.object(driver, name, _told(getattr(driver, name))))
        stack.enter_context(patch.dict(os.environ, {"ALUMNI_DESK_PASSPHRASE": "three words to remember"}))
        stack.enter_context(patch.object(time, "time_ns", lambda: _world.clock_ms() * 1_000_000))
        stack.enter_context(patch.object(os, "urandom", _random_bytes))
        stack.enter_context(patch.object(random, "_urandom", _random_bytes))
        stack.enter_context(patch.object(secrets, "token_bytes", lambda count=32: _random_bytes(count)))
        stack.enter_context(patch.object(app, "aside", _at_once))
        stack.enter_context(patch.object(push, "ThreadPoolExecutor", _AtOnce))
        stack.enter_context(patch.object(ranges, "aside", _at_once))
        stack.enter_context(patch.object(server_snapshot.Snapshots, "_make", _made_at_once))
        stack.enter_context(patch.object(server_snapshot, "note_bug", _raised))
        stack.enter_context(patch.object(server_database, "migrate", migrated_once.of_servers(server_database.migrate)))
        stack.enter_context(patch.object(keys, "_derived", _derived_at_once))
        stack.enter_context(patch.object(schema, "desk_schema", lru_cache(maxsize=1)(schema.desk_schema)))
        stack.enter_context(patch.object(disk, "on_network", lambda _folder: False))
        stack.enter_context(patch("sqlalchemy.create_engine", _one_dialect()))
        for module in (sharing, venue_channel, line, venue):
            stack.enter_context(patch.object(module, "key_of", _key_at_once))
        for module in _those_with("datetime", datetime):
            stack.enter_context(patch.object(module, "datetime", _Datetime))
        ground()  # now: whatever a run changes in the code, all begin on the same
        yield
