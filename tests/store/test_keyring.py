"""Where the key is kept: in the computer's password store if one works, else under a password; never as it is."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordDeleteError
from tests.conftest import AGREED

from alumni_desk.cli.main import run as main
from alumni_desk.errors import StoreProblem
from alumni_desk.members.actions import add_member
from alumni_desk.members.lists import count_members
from alumni_desk.schema import open_desk
from alumni_desk.store import backup, backup_head, keys
from alumni_desk.store.profile import Profile
from alumni_desk.store.recovery import recovery_key


class Shelf(KeyringBackend):
    """A password store in memory, which can fall silent."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}
        self.silent = False

    def get_password(self, service: str, username: str) -> str | None:
        self._speak()
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._speak()
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._speak()
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError("not found")

    def _speak(self) -> None:
        if self.silent:
            raise KeyringLocked("locked")


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Shelf:
    monkeypatch.delenv("ALUMNI_DESK_PASSPHRASE")
    made = Shelf()
    monkeypatch.setattr(keys, "_keyring", lambda: made)
    return made


def raw_key(profile: Profile) -> list[bytes]:
    with open_desk(profile) as desk:
        return [desk.key, desk.key.hex().encode()]


def test_the_password_store_keeps_it_and_nothing_on_disk_does(profile: Profile, shelf: Shelf) -> None:
    with open_desk(profile) as desk:
        desk.make_chapter("Boston")
        add_member(desk, first_name="Ada")
        assert desk.kept_by == "keyring"
    secrets = [*raw_key(profile), *(value.encode() for value in shelf.kept.values())]
    for file in profile.path.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert not any(secret in content for secret in secrets), file.name
            assert b"SQLite format 3" not in content[:16]
    with open_desk(profile) as desk:
        assert count_members(desk) == 1


def test_a_silent_store_is_said_and_makes_no_second_key(profile: Profile, shelf: Shelf, caplog: pytest.LogCaptureFixture) -> None:
    with open_desk(profile) as desk:
        desk.make_chapter("Boston")
    shelf.silent = True
    with pytest.raises(StoreProblem) as silent:
        open_desk(profile)
    assert str(silent.value).endswith(".")
    shelf.silent = False
    with open_desk(profile) as desk:
        assert desk.scope is not None


@pytest.mark.parametrize(("keeper", "code", "next_one"), [
    ("passphrase", "passphrase_needed", "Type the chapter’s password"), ("recovery", "recovery_needed", "Type the recovery key, or restore a backup"),
    (None, "keyring_silent", "Restore a backup that has a password")])
@pytest.mark.parametrize("instead", [None, "bm8ga2V5"])
def test_a_key_that_is_gone_from_the_store_is_said_with_what_is_left(profile: Profile, shelf: Shelf, keeper: str | None, code: str, next_one: str,
                                                                     instead: str | None) -> None:
    """Nobody is told to unlock a store that is open and has nothing."""
    with open_desk(profile) as desk:
        desk.make_chapter("Boston")
        key = desk.key
        if keeper == "passphrase":
            keys.keep_under(profile.path, "desk", key, "three words here")
        elif keeper == "recovery":
            recovery_key(desk)
    shelf.kept = {} if instead is None else dict.fromkeys(shelf.kept, instead)
    for call in (lambda: open_desk(profile), lambda: keys.keyring_opens(profile.path, "desk", key)):
        with pytest.raises(StoreProblem, match="password store does not have the key of the chapter any more") as raised:
            call()
        assert "nlock" not in str(raised.value) and "try again" not in str(raised.value) and raised.value.facts["gone"]
    with pytest.raises(StoreProblem) as raised:
        open_desk(profile)
    assert raised.value.code == code and next_one in str(raised.value)


def test_another_key_in_the_store_is_as_good_as_none(profile: Profile, shelf: Shelf) -> None:
    with open_desk(profile) as desk:
        key = desk.key
    shelf.kept = dict.fromkeys(shelf.kept, base64.b64encode(bytes(32)).decode())
    with pytest.raises(StoreProblem, match="does not have the key") as raised:
        keys.keyring_opens(profile.path, "desk", key)
    assert "Restore a backup" in str(raised.value)


def test_without_a_store_a_password_is_wanted(profile: Profile, shelf: Shelf, caplog: pytest.LogCaptureFixture) -> None:
    shelf.silent = True
    with pytest.raises(StoreProblem) as wanted:
        open_desk(profile)
    assert wanted.value.code == "passphrase_wanted"
    with open_desk(profile, passphrase="three words here") as desk:
        desk.make_chapter("Boston")
        assert desk.kept_by == "passphrase"
    with pytest.raises(StoreProblem) as needed:
        open_desk(profile)
    assert needed.value.code == "passphrase_needed"
    with pytest.raises(StoreProblem) as wrong:
        open_desk(profile, passphrase="three words there")
    assert wrong.value.code == "passphrase_wrong"


def test_what_the_environment_says_wins(profile: Profile, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALUMNI_DESK_PASSPHRASE", "three words here")
    with open_desk(profile) as desk:
        assert desk.kept_by == "passphrase"
    assert shelf.kept == {}


def test_from_password_to_password_store_and_back(profile: Profile, shelf: Shelf) -> None:
    with open_desk(profile, passphrase="three words here") as desk:
        key = desk.key
    assert keys.keep_anew(profile.path, "desk", key, None) == "keyring"
    with open_desk(profile) as desk:
        assert desk.key == key and desk.kept_by == "keyring"
    assert keys.keep_anew(profile.path, "desk", key, "other words now") == "passphrase"
    assert shelf.kept == {}
    with open_desk(profile, passphrase="other words now") as desk:
        assert desk.key == key


@pytest.mark.parametrize("way", ["settings", "command"])
def test_a_store_that_does_not_let_go_of_the_key_is_told(profile: Profile, shelf: Shelf, caplog: pytest.LogCaptureFixture, way: str) -> None:
    """Whoever is signed in to the computer could open older backups by it, though the desk asks for a password."""
    with open_desk(profile) as desk:
        key = desk.key
    left: list[bool] = []
    keys.keep_under(profile.path, "desk", key, "three words here")
    shelf.silent = True
    if way == "settings":
        keys.keep_in_keyring(profile.path, "desk", key, on=False, left=lambda: left.append(True))
    else:
        keys.keep_anew(profile.path, "desk", key, "three words here", left=lambda: left.append(True))
    assert left and shelf.kept and keys.keepers(profile.path, "desk") == {"passphrase"}
    shelf.silent = False
    keys.keep_in_keyring(profile.path, "desk", key, on=True, left=lambda: left.append(True))
    keys.keep_in_keyring(profile.path, "desk", key, on=False, left=lambda: left.append(True))
    assert len(left) == 1


def test_a_command_says_that_the_store_did_not_let_go_of_the_key(profile: Profile, shelf: Shelf, monkeypatch: pytest.MonkeyPatch,
                                                                  capsys: pytest.CaptureFixture[str]) -> None:
    with open_desk(profile) as desk:
        desk.make_chapter("Boston")
        keys.keep_under(profile.path, "desk", desk.key, "three words here")
    for none_answers in (False, True):
        monkeypatch.setenv("ALUMNI_DESK_PASSPHRASE", "three words here")
        monkeypatch.setattr("sys.stdin", io.StringIO("other words now\n"))
        if none_answers:
            monkeypatch.setattr(keys, "_keyring", lambda: None)
        keys_before = (profile.path / "desk.key").read_bytes()
        assert main(["--profile", str(profile.path), "passphrase"]) == 0
        assert ("did not let go of the key" in capsys.readouterr().out) is none_answers
        (profile.path / "desk.key").write_bytes(keys_before)


def test_a_command_says_which_backups_open_with_the_former_password(profile: Profile, monkeypatch: pytest.MonkeyPatch,
                                                                     capsys: pytest.CaptureFixture[str]) -> None:
    """The key lies in each of them: whoever knows that password opens the chapter by it, though that has another one."""
    monkeypatch.setenv("ALUMNI_DESK_PASSPHRASE", "three words here")
    with open_desk(profile) as desk:
        desk.make_chapter("Boston")
        add_member(desk, first_name="Ada")
        made = backup.by_itself(profile, desk.key, "daily")
        assert backup.former_words(profile, desk.key) == ""
    monkeypatch.setattr("sys.stdin", io.StringIO("other words now\n"))
    assert main(["--profile", str(profile.path), "passphrase"]) == 0
    assert "1 backup that was made before still opens with the former password" in capsys.readouterr().out
    monkeypatch.setenv("ALUMNI_DESK_PASSPHRASE", "other words now")
    with open_desk(profile) as desk:
        made.unlink()
        backup.by_itself(profile, desk.key, "daily")
        assert backup.former_words(profile, desk.key) == ""


@pytest.mark.parametrize("way", ["settings", "command"])
def test_killed_while_the_store_lets_go_of_the_key_it_is_not_forgotten_there(profile: Profile, shelf: Shelf, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    class Killed(BaseException):
        pass

    def killed(before: object) -> bool:
        raise Killed

    with open_desk(profile) as desk:
        key = desk.key
    keys.keep_under(profile.path, "desk", key, "three words here")
    monkeypatch.setattr(keys, "_forget", killed)
    with pytest.raises(Killed):
        keys.keep_in_keyring(profile.path, "desk", key, on=False) if way == "settings" else keys.keep_anew(profile.path, "desk", key, "other words now")
    assert keys.keepers(profile.path, "desk") == {"passphrase", "keyring"}, "the next one who switches it off takes it out"
    monkeypatch.undo()
    open_desk(profile, passphrase="three words here" if way == "settings" else "other words now").close()


def test_the_password_is_made_slow_as_agreed(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    assert AGREED == (3, 64 * 1024 * 1024)
    monkeypatch.setattr(keys, "PASSES", AGREED[0])
    monkeypatch.setattr(keys, "MEMORY", AGREED[1])
    with open_desk(profile, passphrase="three words here"):
        pass
    sealed = json.loads((profile.path / "desk.key").read_text())
    found = next(one for one in (sealed, *sealed.values()) if isinstance(one, dict) and one.get("kdf") == "argon2id")
    assert (found["passes"], found["memory"]) == AGREED


DBUS = ["dbus-run-session", "gnome-keyring-daemon"]
real = pytest.mark.skipif(sys.platform != "linux" or any(shutil.which(tool) is None for tool in DBUS), reason="no Secret Service on this machine")


class Session:
    """A login of its own: a message bus, a Secret Service or none, and a shell in which the program runs."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.profile = folder, folder / "profile"
        (folder / "runtime").mkdir(mode=0o700)
        self.environment = {name: value for name, value in os.environ.items()
                            if name not in ("ALUMNI_DESK_PASSPHRASE", "DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY")}  # fmt: skip
        self.environment |= {"PY": sys.executable, "FOLDER": str(self.profile), "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder / "runtime"),
                             "XDG_DATA_HOME": str(folder / "data"), "XDG_STATE_HOME": str(folder / "state")}  # fmt: skip

    def run(self, script: str, *, code: int = 0, bus: bool = True, **more: str) -> str:
        """Run a script in a new login; gives what it printed, or, if it is to fail, what it said."""
        command = [*(["dbus-run-session", "--"] if bus else []), "sh", "-c", script]
        environment = {**self.environment, **({} if bus else {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere"}), **more}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=90, check=False)
        assert done.returncode == code, done.stderr
        return "\n".join(line for line in done.stderr.splitlines() if "password" in line) if code else done.stdout

    def made(self) -> None:
        """A desk whose key the real Secret Service keeps."""
        self.run(f'{SIGNED_IN}\n{DESK} member add first_name=Ada --json')
        assert '"keyring"' in (self.profile / "desk.key").read_text()


SIGNED_IN = "set -e\nprintf 'pass' | gnome-keyring-daemon --unlock --components=secrets >/dev/null"
NOT_SIGNED_IN = "gnome-keyring-daemon --start --components=secrets >/dev/null"
DESK = '"$PY" -m alumni_desk --profile "$FOLDER"'

WITH_PASSWORD = ('"$PY" -c "import pathlib, sys; from alumni_desk.store import keys; folder = pathlib.Path(sys.argv[1]); '
                 "keys.keep_under(folder, 'desk', keys.database_key(folder, 'desk'), 'three words here')\" \"$FOLDER\"")


@pytest.fixture
def login(tmp_path: Path) -> Session:
    return Session(tmp_path)


@real
def test_a_real_secret_service(login: Session) -> None:
    login.made()
    assert '"Ada"' in login.run(f"{SIGNED_IN}\n{DESK} members --json")


@real
def test_a_locked_collection_leads_to_the_password_in_words(login: Session) -> None:
    login.made()
    said = login.run(f"{NOT_SIGNED_IN}\n{DESK} members", code=1)
    assert "it is locked" in said and "restore a backup" in said
    key = json.loads(login.run(f"{SIGNED_IN}\n{DESK} recovery-key --json"))["key"]
    said = login.run(f"{NOT_SIGNED_IN}\n{DESK} members", code=1)
    assert "it is locked" in said and "type the recovery key" in said
    assert '"Ada"' in login.run(f"{NOT_SIGNED_IN}\n{DESK} members --json", ALUMNI_DESK_RECOVERY=key)
    login.run(f"{NOT_SIGNED_IN}\nprintf 'three words here\\n' | {DESK} passphrase", ALUMNI_DESK_RECOVERY=key)
    assert "locked with a password" in login.run(f"{NOT_SIGNED_IN}\n{DESK} members", code=1)
    assert '"Ada"' in login.run(f"{NOT_SIGNED_IN}\n{DESK} members --json", ALUMNI_DESK_PASSPHRASE="three words here")


@real
def test_both_keepers_and_the_service_locked_asks_for_the_password_and_says_why(login: Session) -> None:
    login.made()
    login.run(f"{SIGNED_IN}\n{WITH_PASSWORD}")
    said = login.run(f"{NOT_SIGNED_IN}\n{DESK} members", code=1)
    assert "it is locked" in said and "Type the chapter’s password" in said
    assert '"Ada"' in login.run(f"{NOT_SIGNED_IN}\n{DESK} members --json", ALUMNI_DESK_PASSPHRASE="three words here")
    assert '"Ada"' in login.run(f"{SIGNED_IN}\n{DESK} members --json")


@real
@pytest.mark.parametrize("bus", [True, False])
def test_no_service_leads_to_the_password_in_words(login: Session, bus: bool) -> None:
    login.made()
    # A bus without a Secret Service: nothing may start one by itself.
    quiet = login.folder / "session.conf"
    quiet.write_text('<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen><policy context="default"><allow send_destination="*"/>'
                     '<allow eavesdrop="true"/><allow own="*"/></policy></busconfig>')
    script = f'dbus-run-session --config-file "{quiet}" -- sh -c \'{DESK} members\'' if bus else f"{DESK} members"
    said = login.run(script, code=1, bus=False)
    assert "none answers" in said
    shutil.rmtree(login.profile)
    assert "password of your own" in login.run(script, code=1, bus=False)
    assert login.run(script, bus=False, ALUMNI_DESK_PASSPHRASE="three words here") == "No members yet.\n"


@real
def test_no_collection_leads_to_the_password_in_words(login: Session) -> None:
    said = login.run(f"{NOT_SIGNED_IN}\n{DESK} members", code=1)
    assert "password of your own" in said
    login.made()
    shutil.rmtree(login.folder / "data" / "keyrings")
    said = login.run(f"{NOT_SIGNED_IN}\n{DESK} members", code=1)
    assert "does not have the key of the chapter any more" in said, "what is read is not made, so nobody is asked to choose a password for it"


@real
def test_to_read_asks_a_secret_service_to_make_no_collection(login: Session) -> None:
    """Whoever unlocks would have typed the chapter's password into the question for a new keyring's."""
    login.made()
    login.run(f"{SIGNED_IN}\n{WITH_PASSWORD}")
    shutil.rmtree(login.folder / "data" / "keyrings")
    log = login.folder / "calls"
    said = login.run(f'dbus-monitor --session "interface=org.freedesktop.Secret.Service" > "{log}" 2>/dev/null &\nMONITOR=$!\n{NOT_SIGNED_IN}\n'
                     f'until grep -q "member=NameAcquired" "{log}"; do :; done\n{DESK} members; CODE=$?; kill $MONITOR; exit $CODE', code=1)
    assert "any more" in said and "Type the chapter’s password" in said
    assert "ReadAlias" in log.read_text() and "CreateCollection" not in log.read_text()


FILE = '"$(ls "$HOME"/stick/*.alumnidesk)"'


def backed_up(login: Session) -> None:
    """A desk whose key the store alone keeps, and a backup of it on a stick; a member came since."""
    (login.folder / "stick").mkdir()
    login.made()
    said = login.run(f'{SIGNED_IN}\n{DESK} backups --folder "$HOME/stick" --now\n{DESK} member add first_name=Zed --json')
    assert "open only on this computer" in said


def without_a_name(file: Path) -> None:
    """The backup as a program of before made it, whose heads did not name what the store calls the key."""
    header, start = backup_head.read_head(file)
    header.pop("keyring", None)
    text, rest = json.dumps(header).encode(), file.read_bytes()[start:]
    file.write_bytes(backup_head.MAGIC + hashlib.sha256(text).hexdigest().encode() + b" " + text + b"\n" + rest)


@real
@pytest.mark.parametrize("named", [True, False])
def test_the_store_opens_its_backups_after_the_profile_is_lost(login: Session, named: bool) -> None:
    backed_up(login)
    login.run(f'{SIGNED_IN}\n"$PY" -m alumni_desk --profile "$HOME/another" member add first_name=Obi --json')  # not the only entry there
    if not named:
        without_a_name(next((login.folder / "stick").glob("*.alumnidesk")))
    shutil.rmtree(login.profile)
    assert "it is locked" in login.run(f"{NOT_SIGNED_IN}\n{DESK} restore {FILE}", code=1)
    said = login.run(f'{SIGNED_IN}\n{DESK} restore {FILE}\n{DESK} members --json\n"$PY" -m alumni_desk --profile "$HOME/third" restore {FILE}\n'
                     '"$PY" -m alumni_desk --profile "$HOME/third" members --json')
    assert said.count('"Ada"') == 2
    shutil.rmtree(login.folder / "data" / "keyrings")
    login.run(f"{SIGNED_IN}\n\"$PY\" -m alumni_desk --profile \"$HOME/fourth\" member add first_name=Ida --json")
    said = login.run(f"{SIGNED_IN}\n\"$PY\" -m alumni_desk --profile \"$HOME/fifth\" restore {FILE}", code=1)
    assert "does not have its key" in said and "Restore it there" not in said


@real
@pytest.mark.parametrize("how", ["restore FILE", "restore --salvage"])
@pytest.mark.parametrize("database", [True, False])
def test_the_store_opens_what_is_here_though_the_key_file_is_lost(login: Session, how: str, database: bool) -> None:
    backed_up(login)
    (login.profile / "desk.key").unlink()
    if not database:
        login.profile.joinpath("desk.db").unlink()
    said = login.run(f'{SIGNED_IN}\n{DESK} {how.replace("FILE", FILE)} --json\n{DESK} members --json')
    assert '"Ada"' in said and '"Zed"' in said and f'"reopened": {json.dumps(database)}' in said


def test_a_locked_store_and_a_new_desk(profile: Profile, shelf: Shelf, caplog: pytest.LogCaptureFixture) -> None:
    shelf.silent = True
    with pytest.raises(StoreProblem, match="it is locked") as raised:
        open_desk(profile)
    assert raised.value.code == "passphrase_wanted" and "no password store" not in str(raised.value)
    shelf.silent = False
    open_desk(profile).close()
    assert keys.keepers(profile.path, "desk") == {"keyring"}
