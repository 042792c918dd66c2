"""Words put into members, notes and settings lie nowhere in plain text: not in the database, its log, backups, temporary files, logs or crash reports.

The real flows run in the real window; meanwhile every file that Python opens for writing is written down, and afterwards every file under
the profile, the home and the folder for temporary files is read.
"""

from __future__ import annotations

import base64
import contextlib
import logging
import os
import sys
import tempfile
import threading
import zlib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from tests.desktop.conftest import Hands

from alumni_desk.cli.main import run
from alumni_desk.desktop.app import build
from alumni_desk.desktop.member_form import MemberForm
from alumni_desk.errors import KnownError
from alumni_desk.gatherings.actions import add_guests, new_gathering
from alumni_desk.logs import start_logging
from alumni_desk.members.actions import add_member, change_member
from alumni_desk.members.lists import member_rows
from alumni_desk.schema import open_desk
from alumni_desk.store import recovery
from alumni_desk.store.backup import back_up
from alumni_desk.store.done import actions
from alumni_desk.store.profile import Profile
from alumni_desk.store.undo import undo
from alumni_desk.sync.restoring import restore

WORDS = {name: f"Canary{name.title().replace('_', '')}Zwitscher" for name in (
    "first", "last", "email", "note", "door_note", "place", "person", "device", "mail")}  # fmt: skip

_opened: set[str] = set()
_listening = threading.Event()


def _hear(event: str, words: tuple[Any, ...]) -> None:
    if event == "open" and _listening.is_set() and isinstance(words[0], str | bytes | os.PathLike) and words[2] & (os.O_WRONLY | os.O_RDWR):
        _opened.add(os.fsdecode(words[0]))


sys.addaudithook(_hear)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home, a folder for temporary files and a log of this test alone."""
    for name in ("home", "tmp", "state", "data", "cache", "config"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("TMPDIR", "TMP", "TEMP", "SQLITE_TMPDIR"):
        monkeypatch.setenv(name, str(tmp_path / "tmp"))
    for name in ("STATE", "DATA", "CACHE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    monkeypatch.setattr(tempfile, "tempdir", None)
    _opened.clear()
    _listening.set()
    yield tmp_path
    _listening.clear()


def forms_of(word: str) -> list[bytes]:
    """A word as it may lie in a file: in three encodings, any case, and as base64 at each of three places."""
    plain = [word, word.lower(), word.upper(), word.casefold()]
    found = [text.encode(code) for text in plain for code in ("utf-8", "utf-16-le", "utf-16-be")]
    found += [base64.b64encode(b"x" * shift + word.encode())[4:-4] for shift in range(3)]
    return found


def finds(folder: Path) -> list[tuple[str, str]]:
    """Every word in every file of a folder, and in what zlib packed there."""
    found = []
    for file in folder.rglob("*"):
        if not file.is_file():
            continue
        content = file.read_bytes()
        for name, word in WORDS.items():
            if any(form in part for part in (content, os.fsencode(file.name), *_unpacked(content)) for form in forms_of(word)):
                found.append((str(file.relative_to(folder)), name))
    return found


def _unpacked(content: bytes) -> Iterator[bytes]:
    for sign in (b"\x78\x9c", b"\x78\x01", b"\x78\xda"):
        at = content.find(sign)
        while at >= 0:
            with contextlib.suppress(zlib.error):
                yield zlib.decompressobj().decompress(content[at:], 1 << 20)
            at = content.find(sign, at + 1)


def test_the_search_itself_finds_what_is_there(tmp_path: Path) -> None:
    word = WORDS["first"]
    for name, content in (("plain", word.encode()), ("wide", word.encode("utf-16-le")), ("small", word.lower().encode()),
                          ("packed", b"%PDF" + zlib.compress(word.encode() * 3)), ("sixty-four", base64.b64encode(b"ab" + word.encode() + b"cd"))):  # fmt: skip
        (tmp_path / name).write_bytes(b"before " + content + b" after")
    assert {file for file, _word in finds(tmp_path)} == {"plain", "wide", "small", "packed", "sixty-four"}


def test_no_canary_sings(house: Path, qtbot: Any, capsys: pytest.CaptureFixture[str]) -> None:
    profile = Profile(house / "profile")
    start_logging()
    with open_desk(profile) as desk:
        desk.make_chapter("Boston")
        recovery.recovery_key(desk)
        recovery.note_read_back(desk)
        for key, name in (("person_name", "person"), ("device_name", "device"), ("found_mail", "mail")):
            desk.set_setting(key, WORDS[name])
        room = build(desk, theme="light", today=lambda: date(2026, 11, 10))
        room.shell.resize(1280, 800)
        room.shell.show()
        hands = Hands(room, qtbot.waitUntil)
        hands.rest()
        _in_the_window(hands, house)
        _in_the_store(hands, house)
        assert finds(house) == []  # while it is open: write-ahead log and all
        room.close()
        room.shell.close()
        room.shell.deleteLater()
    assert finds(house) == []
    _by_command(house, capsys)
    assert finds(house) == []
    assert any("desk.key" in file for file in _opened)  # it does listen
    known = ("profile", "state", "out", "elsewhere")
    strange = {file for file in _opened if file.startswith(str(house)) and Path(file).relative_to(house).parts[0] not in known}
    assert not strange, "files that nobody expected"
    for file in _opened:
        assert not any(word in file for word in WORDS.values())


def _in_the_window(hands: Hands, house: Path) -> None:
    page = hands.page("members")
    page.add()
    form = hands.dialog(MemberForm)
    for field, name in (("first_name", "first"), ("last_name", "last"), ("door_note", "door_note")):
        form._fields[field].setText(WORDS[name])
    form._fields["email"].setText(WORDS["email"] + "@example.org")
    form._fields["notes"].setPlainText(WORDS["note"])
    QTest.mouseClick(form.done_button, Qt.MouseButton.LeftButton)
    hands.until(lambda: len(member_rows(hands.desk)) == 1)
    hands.rest()
    member = member_rows(hands.desk)[0].id
    gathering = new_gathering(hands.desk, name="Reception", place=WORDS["place"], start="2026-11-12T18:30").id
    add_guests(hands.desk, gathering, [member])
    page.search.setText(WORDS["first"][:12])
    hands.rest()
    page._show_member(member)
    hands.rest()
    badges = hands.page("badges", gathering=gathering)
    hands.until(lambda: badges._laid is not None)  # the sheet as PDF, and its picture on the screen
    hands.rest()
    hands.page("gatherings", gathering=gathering)
    door = hands.page("checkin")
    door.open(gathering=gathering)
    hands.until(lambda: door.door is not None)
    hands.rest()
    QTest.keyClicks(door.door.field, "canary")
    hands.until(lambda: door.door.finding.found is not None and door.door.finding.found.hits)
    QTest.keyClick(door.door.field, Qt.Key.Key_Return)
    hands.until(lambda: door.door.state() == "verdict")
    hands.rest()
    door.door.close()
    hands.room.lock.lock()
    hands.room.lock.unlock()
    page.add()  # a draft, left open
    hands.dialog(MemberForm)._fields["notes"].setPlainText(WORDS["note"])
    assert finds(house) == []
    hands.dialog(MemberForm).reject()
    _print(badges, house)


def _print(badges: Any, house: Path) -> None:
    """What goes to a printer, into a file that the user could have chosen: pages are pictures there, and nothing is left beside it."""
    from PySide6.QtPrintSupport import QPrinter

    from alumni_desk.desktop.printing import _print as print_pages

    (house / "out").mkdir()
    printer = QPrinter(QPrinter.PrinterMode.ScreenResolution)
    printer.setOutputFormat(QPrinter.OutputFormat.PdfFormat)
    printer.setOutputFileName(str(house / "out" / "spool.pdf"))
    print_pages(printer, badges._laid.pdf, badges._laid.wanted.stock)
    assert (house / "out" / "spool.pdf").stat().st_size > 1000


def _in_the_store(hands: Hands, house: Path) -> None:
    desk = hands.desk
    member = member_rows(desk)[0].id
    change_member(desk, member, notes=WORDS["note"] + " again", city=WORDS["place"])
    for number in range(300):  # so much that the log is folded into the file
        add_member(desk, first_name=f"{WORDS['first']} {number}", notes=WORDS["note"] * 20)
    undo(desk, actions(desk)[0].id)
    back_up(desk, house / "out" / "copy.alumnidesk")
    restore(Profile(house / "elsewhere"), house / "out" / "copy.alumnidesk", dry_run=True)
    restore(Profile(house / "elsewhere"), house / "out" / "copy.alumnidesk")
    hands.room.lanes.write(lambda: _crash(), None, lambda error: None)
    hands.until(hands.room.lanes.idle)


def _crash() -> None:
    person = WORDS["first"]
    raise ValueError(f"no such person: {person}")


def _by_command(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    profile = str(house / "profile")
    assert run(["--profile", profile, "member", "show", WORDS["first"] + " 298"]) == 0
    assert run(["--profile", profile, "member", "show", WORDS["last"] + "Nobody"]) == 1
    with pytest.raises(SystemExit):  # wrong usage
        run(["--profile", profile, "member", "add", f"nonsense={WORDS['note']}"])
    capsys.readouterr()
    log = logging.getLogger("alumni_desk")
    try:
        _crash()
    except ValueError as error:
        log.error("a fault", exc_info=error)
    assert (house / "state").exists() and any(file.stat().st_size for file in (house / "state").rglob("*.log"))


def test_what_a_slot_throws_is_not_written_to_the_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
                                                           caplog: pytest.LogCaptureFixture) -> None:  # fmt: skip
    """A desktop keeps what a program prints in its own journal: an exception's text may quote a person."""
    from alumni_desk.desktop.wiring import quiet_crashes

    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    quiet_crashes()
    try:
        _crash()
    except ValueError:
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
    said = capsys.readouterr()
    assert WORDS["first"] not in said.err + said.out
    assert any("a fault" in record.getMessage() for record in caplog.records)
    assert issubclass(KnownError, Exception)
