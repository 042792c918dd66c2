"""A password store that does not answer: it is stopped, or its question waits where nobody looks. Nothing waits for it for ever, and another way is open."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import open_dbus_connection
from tests.conftest import PASSPHRASE

from alumni_desk.errors import StoreProblem
from alumni_desk.members.actions import add_member
from alumni_desk.members.lists import count_members
from alumni_desk.schema import open_desk
from alumni_desk.store import backup, keys
from alumni_desk.store.patience import NoAnswer, Patience
from alumni_desk.store.profile import Profile
from alumni_desk.store.recovery import recovery_key
from alumni_desk.sync.restoring import restore

TOOLS = ["dbus-daemon", "gnome-keyring-daemon"]
real = pytest.mark.skipif(sys.platform != "linux" or any(shutil.which(tool) is None for tool in TOOLS), reason="no Secret Service on this machine")
SOON = 60.0
"""A generous limit in seconds for what is waited for."""


def wait(condition: Callable[[], Any]) -> None:
    until = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        threading.Event().wait(0.02)


def is_there() -> bool:
    """Whether there is a service."""
    import secretstorage

    with closing(secretstorage.dbus_init()) as bus:
        return bool(secretstorage.check_service_availability(bus))


def unlocked_one() -> bool:
    """Whether there is a place for passwords that is open: the service is there a moment before."""
    import secretstorage
    from secretstorage.exceptions import SecretStorageException

    with closing(secretstorage.dbus_init()) as bus:
        try:
            return not secretstorage.get_collection_by_alias(bus, "default").is_locked()
        except SecretStorageException:
            return False


class Store:
    """A message bus and a real Secret Service on it, unlocked, which this process and what it starts speak with."""

    def __init__(self, folder: Path) -> None:
        quiet = folder / "session.conf"  # a bus that starts no service by itself
        quiet.write_text('<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen><policy context="default"><allow send_destination="*"/>'
                         '<allow eavesdrop="true"/><allow own="*"/></policy></busconfig>')
        self._bus = subprocess.Popen(["dbus-daemon", "--config-file", str(quiet), "--print-address", "--nofork", "--nopidfile"], stdout=subprocess.PIPE,
                                     text=True, stderr=subprocess.DEVNULL)
        assert self._bus.stdout is not None
        self.address = self._bus.stdout.readline().strip()
        self._service: int | None = None

    def start(self, *, unlocked: bool = True) -> None:
        """Begin to answer. It goes to the background by itself, once it is ready."""
        subprocess.run(["gnome-keyring-daemon", "--unlock" if unlocked else "--start", "--components=secrets"], input=b"pass" if unlocked else b"",
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=SOON, check=True)
        wait(unlocked_one if unlocked else is_there)
        with closing(open_dbus_connection()) as bus:
            reply = bus.send_and_get_reply(message_bus.GetConnectionUnixProcessID("org.freedesktop.secrets"))
        self._service = int(reply.body[0])

    def end(self) -> None:
        """Whoever waits for it hears that it is gone."""
        if self._service is not None:
            os.kill(self._service, signal.SIGKILL)
            self._service = None
            wait(lambda: not is_there())

    def hang(self) -> None:
        """Answer nobody."""
        assert self._service is not None
        os.kill(self._service, signal.SIGSTOP)

    def go_on(self) -> None:
        """Answer whoever waits."""
        assert self._service is not None
        os.kill(self._service, signal.SIGCONT)

    def close(self) -> None:
        self.end()
        self._bus.kill()
        self._bus.communicate()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    (tmp_path / "runtime").mkdir(mode=0o700)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("runtime", "data", "state"):
        monkeypatch.setenv(f"XDG_{name.upper()}_{'DIR' if name == 'runtime' else 'HOME'}", str(tmp_path / name))
    monkeypatch.delenv("ALUMNI_DESK_PASSPHRASE")
    made = Store(tmp_path)
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", made.address)
    try:
        made.start()
        yield made
    finally:
        made.close()


@pytest.fixture
def paper(store: Store, profile: Profile) -> str:
    """The recovery key of a chapter of one, which the store opens."""
    with open_desk(profile) as desk:
        desk.make_chapter("Boston")
        add_member(desk, first_name="Ada")
        assert desk.kept_by == "keyring"
        return recovery_key(desk)


def members(profile: Profile, **more: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-m", "alumni_desk", "--profile", str(profile.path), "members", "--json"], env={**os.environ, **more},
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@real
def test_a_command_says_so_in_the_end_and_what_it_was_given_opens_meanwhile(store: Store, profile: Profile, paper: str) -> None:
    store.hang()
    waits = members(profile)
    assert waits.stderr is not None and "has not answered yet" in waits.stderr.readline()
    # What opens it is looked at first, and nothing that the other command holds is in its way.
    out, said = members(profile, ALUMNI_DESK_RECOVERY=paper).communicate(timeout=SOON)
    assert '"Ada"' in out and said == ""
    assert waits.poll() is None, "the other one still waits"
    out, said = waits.communicate(timeout=SOON)
    assert waits.returncode == 1 and out == ""
    assert "it does not answer" in said and "type the recovery key; before a command, set ALUMNI_DESK_RECOVERY" in said and said.count("\n") == 1
    with open_desk(profile, passphrase=paper) as desk:
        keys.keep_under(profile.path, "desk", desk.key, PASSPHRASE)
    out, said = members(profile, ALUMNI_DESK_PASSPHRASE=PASSPHRASE).communicate(timeout=SOON)
    assert '"Ada"' in out and said == ""


@real
def test_a_late_answer_harms_nothing(store: Store, profile: Profile, paper: str) -> None:
    store.hang()
    with pytest.raises(StoreProblem, match="it does not answer") as raised:
        open_desk(profile, patience=Patience(0.5))
    assert raised.value.code == "recovery_needed" and raised.value.facts["slow"]
    store.go_on()
    wait(lambda: not any(one.name == "password store" for one in threading.enumerate()))
    with open_desk(profile) as desk:
        assert count_members(desk) == 1


@real
def test_a_new_key_that_the_store_takes_too_late_is_taken_out_again(store: Store, profile: Profile, tmp_path: Path) -> None:
    store.hang()
    with pytest.raises(StoreProblem, match="takes no key: it does not answer") as raised:
        open_desk(profile, patience=Patience(0.5))
    assert raised.value.code == "passphrase_wanted" and not (profile.path / "desk.key").exists()
    with open_desk(profile, passphrase=PASSPHRASE) as desk:
        assert desk.kept_by == "passphrase"
    store.go_on()
    wait(lambda: not any(one.name == "password store" for one in threading.enumerate()))
    import secretstorage

    with closing(secretstorage.dbus_init()) as bus:
        assert list(secretstorage.search_items(bus, {"service": keys.SERVICE})) == []


@real
def test_a_restore_asks_a_store_that_hangs_once_and_what_it_was_given_opens(store: Store, profile: Profile, paper: str) -> None:
    with open_desk(profile) as desk:
        keys.keep_under(profile.path, "desk", desk.key, PASSPHRASE)
        file = backup.by_itself(profile, desk.key, "daily")
        add_member(desk, first_name="Bea")
    store.hang()
    waited: list[float] = []
    patience = Patience(0.5, told=lambda seconds, asks: waited.append(seconds))
    done = restore(profile, file, passphrase=PASSPHRASE, patience=patience)
    assert done.held.members == 1 and waited == [0.5]
    with pytest.raises(StoreProblem) as raised:
        restore(profile, file, patience=Patience(0.5, told=lambda seconds, asks: waited.append(seconds)))
    assert raised.value.code == "passphrase_needed" and waited == [0.5, 0.5]
    store.go_on()
    wait(lambda: not any(one.name == "password store" for one in threading.enumerate()))


@real
@pytest.mark.parametrize("lost", ["the folder", "the key file"])
def test_a_backup_that_a_store_alone_opens_asks_one_that_hangs_once_and_says_why(store: Store, profile: Profile, tmp_path: Path, lost: str) -> None:
    with open_desk(profile) as desk:
        desk.make_chapter("Boston")
        add_member(desk, first_name="Ada")
        file = backup.by_itself(profile, desk.key, "daily").rename(tmp_path / "stick.alumnidesk")
    if lost == "the folder":
        shutil.rmtree(profile.path)
    else:
        (profile.path / "desk.key").unlink()
    store.hang()
    waited: list[float] = []
    with pytest.raises(StoreProblem, match="gives out no key: it does not answer") as raised:
        restore(profile, file, patience=Patience(0.5, told=lambda seconds, asks: waited.append(seconds)))
    assert raised.value.code == "backup_elsewhere" and waited == [0.5]
    store.go_on()
    wait(lambda: not any(one.name == "password store" for one in threading.enumerate()))
    assert restore(profile, file).reopened == (lost == "the key file")
    with open_desk(profile) as desk:
        assert count_members(desk) == 1


PROMPTER = '''
from jeepney import DBusAddress, MessageType, new_method_call, new_method_return
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import open_dbus_connection
connection = open_dbus_connection()
connection.send_and_get_reply(message_bus.RequestName("org.gnome.keyring.SystemPrompter"))
print("there", flush=True)
while True:
    asked = connection.receive()
    if asked.header.message_type is MessageType.method_call:
        connection.send(new_method_return(asked))
        print("asked", flush=True)
'''


ASKS = '''
import pathlib, sys
from alumni_desk.errors import StoreProblem
from alumni_desk.schema import open_desk
from alumni_desk.store.patience import Patience
from alumni_desk.store.profile import Profile
try:
    open_desk(Profile(pathlib.Path(sys.argv[1])), patience=Patience(answers_s=1, asked_s=2, told=print))
except StoreProblem as problem:
    print(problem)
'''


@real
def test_a_question_that_nobody_sees_is_waited_for_longer_and_said(store: Store, profile: Profile, paper: str) -> None:
    store.end()
    store.start(unlocked=False)
    with subprocess.Popen([sys.executable, "-c", PROMPTER], stdout=subprocess.PIPE, text=True) as prompter:
        try:
            assert prompter.stdout is not None and prompter.stdout.readline() == "there\n"
            asks = subprocess.run([sys.executable, "-c", ASKS, str(profile.path)], capture_output=True, text=True, timeout=SOON, check=False)
            assert asks.stdout.split("\n")[0] == "2 True" and "asks for its password in a window of its own, and nobody has answered" in asks.stdout
            assert prompter.stdout.readline() == "asked\n"
        finally:
            prompter.kill()


def test_who_has_another_way_waits_no_longer() -> None:
    patience, begun, free = Patience(), threading.Event(), threading.Event()
    late: list[str] = []

    def call() -> str:
        begun.set()
        assert free.wait(SOON)
        return "late"

    def give_up() -> None:
        assert begun.wait(SOON)
        patience.give_up()

    other = threading.Thread(target=give_up)
    other.start()
    with pytest.raises(NoAnswer):
        patience.ask(call, late.append)
    other.join()
    with pytest.raises(NoAnswer):
        patience.ask(lambda: "not begun")
    free.set()
    wait(lambda: late == ["late"])
    patience.renew()
    assert patience.ask(lambda: "here") == "here"
    with pytest.raises(ZeroDivisionError):
        patience.ask(lambda: str(1 // 0))
