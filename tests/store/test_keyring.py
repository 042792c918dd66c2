"""Where the key is kept: in the computer's password store if one works, else under a password; never as it is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

from alumni_desk.errors import StoreProblem
from alumni_desk.members.actions import add_member
from alumni_desk.members.lists import count_members
from alumni_desk.schema import open_desk
from alumni_desk.store import keys
from alumni_desk.store.profile import Profile


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
        del self.kept[service, username]

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


def test_a_key_that_is_gone_is_said(profile: Profile, shelf: Shelf) -> None:
    with open_desk(profile) as desk:
        desk.make_chapter("Boston")
    shelf.kept.clear()
    with pytest.raises(StoreProblem, match="password store"):
        open_desk(profile)


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


def test_the_password_is_made_slow_as_agreed(profile: Profile) -> None:
    import json

    with open_desk(profile, passphrase="three words here"):
        pass
    kept = json.loads((profile.path / "desk.key").read_text())
    assert ("argon2id" in json.dumps(kept) and "65536" in json.dumps(kept)) or str(64 * 1024 * 1024) in json.dumps(kept)


SECRET_SERVICE = [tool for tool in ("dbus-run-session", "gnome-keyring-daemon") if shutil.which(tool) is None]


@pytest.mark.skipif(sys.platform != "linux" or bool(SECRET_SERVICE), reason="no Secret Service on this machine")
def test_a_real_secret_service(tmp_path: Path) -> None:
    script = """
set -e
printf 'pass' | gnome-keyring-daemon --unlock --components=secrets >/dev/null
"$PY" -m alumni_desk --profile "$FOLDER" member add first_name=Ada --json
"$PY" -m alumni_desk --profile "$FOLDER" members --json
"""
    environment = {name: value for name, value in os.environ.items() if name not in ("ALUMNI_DESK_PASSPHRASE", "DBUS_SESSION_BUS_ADDRESS")}
    environment |= {"PY": sys.executable, "FOLDER": str(tmp_path / "profile"), "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path),
                    "XDG_DATA_HOME": str(tmp_path / "data")}  # fmt: skip
    done = subprocess.run(["dbus-run-session", "--", "sh", "-c", script], env=environment, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    assert '"Ada"' in done.stdout
    assert '"keyring"' in (tmp_path / "profile" / "desk.key").read_text()
