"""The tour: the main job done in windows that nobody sees, by their own buttons and keys, with a picture of every page.

Nothing is faked for it: an encrypted desk in a folder of its own, a server in a process of its own, PDFs as they would be printed.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from PySide6.QtCore import QDeadlineTimer, QPoint, Qt, QtMsgType, qInstallMessageHandler
from PySide6.QtGui import QPainter, QPixmap
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QWidget

from alumni_desk.checkin.actions import check_in
from alumni_desk.checkin.lists import DoorList, headcount
from alumni_desk.desktop.app import Room, build
from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.badges_page import BadgesPage
from alumni_desk.desktop.controls import Radio
from alumni_desk.desktop.door import DoorWindow
from alumni_desk.desktop.door_page import CheckInPage
from alumni_desk.desktop.first_run import FirstRun, StartEmpty
from alumni_desk.desktop.front import Front
from alumni_desk.desktop.gathering_form import GatheringForm
from alumni_desk.desktop.gatherings_page import GatheringsPage
from alumni_desk.desktop.guest_picker import GuestPicker
from alumni_desk.desktop.import_sheet import ImportSheet
from alumni_desk.desktop.join_form import JoinForm
from alumni_desk.desktop.member_form import MemberForm
from alumni_desk.desktop.members_page import MembersPage
from alumni_desk.desktop.opening import Opening
from alumni_desk.desktop.recovery_page import RecoveryPage
from alumni_desk.desktop.sheet import PlainSheet
from alumni_desk.desktop.sound import Sounds
from alumni_desk.desktop.theme import Appearance, Theme
from alumni_desk.desktop.unlock import UnlockPage
from alumni_desk.desktop.wiring import help_files, ways_of
from alumni_desk.errors import KnownError, StoreProblem
from alumni_desk.gatherings.lists import GuestRow, gathering_rows, guest_rows
from alumni_desk.resources import resource
from alumni_desk.sample.chapter import make_sample
from alumni_desk.schema import open_desk
from alumni_desk.store.desk import Desk
from alumni_desk.store.profile import Profile
from alumni_desk.store.recovery import recovery_key
from alumni_desk.words import _

PATIENCE_MS = 40_000
Kind = TypeVar("Kind", bound=QWidget)


@dataclass
class Tour:
    """Where pictures go, how large and in which theme; what went wrong on a background lane."""

    out: Path
    size: tuple[int, int]
    theme: Theme
    files: list[Path] = field(default_factory=list)
    troubles: list[KnownError] = field(default_factory=list)

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Let the window work until something is so. Raises StoreProblem if it never is."""
        patience = QDeadlineTimer(PATIENCE_MS)
        while not condition():
            if self.troubles:
                raise self.troubles[0]
            if patience.hasExpired():
                for number, window in enumerate(widget for widget in QApplication.topLevelWidgets() if widget.isVisible()):
                    window.grab().save(str(self.out / f"stuck-{number}.png"))
                raise StoreProblem("tour_stuck", _("The tour waited in vain for {what}."), what=what)
            QTest.qWait(5)
        if self.troubles:
            raise self.troubles[0]

    def settle(self, lanes: Lanes) -> None:
        """Until nothing is under way, and what follows from it is not either."""
        for _turn in range(4):
            self.until(lanes.idle, "the background work")
            QApplication.processEvents()

    def picture(self, name: str, window: QWidget, dialog: QDialog | None = None) -> None:
        """Keep a window, with the dialog over it."""
        for _turn in range(3):  # what is laid out anew may change the height of what it lies in
            QApplication.processEvents()
        shot = window.grab()
        if dialog is not None:
            over = dialog.grab()
            paint_over(shot, over)
        file = self.out / f"{len([f for f in self.files if f.suffix == '.png']) + 1:02d}-{name}.png"
        if not shot.save(str(file), "PNG"):
            raise StoreProblem("tour_not_written", _("“{file}” could not be written. Is there room on the disk?"), file=file)
        self.files.append(file)

    def dialog(self, kind: type[Kind]) -> Kind:
        """The dialog of a kind that is open."""

        def there() -> list[Kind]:
            return [widget for widget in QApplication.topLevelWidgets() if isinstance(widget, kind) and widget.isVisible()]

        self.until(lambda: bool(there()), kind.__name__)
        return there()[-1]


def paint_over(window: QPixmap, dialog: QPixmap) -> None:
    """Draw a dialog in the middle of its window."""
    painter = QPainter(window)
    space = window.deviceIndependentSize() - dialog.deviceIndependentSize()
    painter.drawPixmap(QPoint(round(space.width() / 2), round(space.height() / 2)), dialog)
    painter.end()


def take_tour(out: Path, *, size: tuple[int, int] = (1280, 800), theme: str = "light") -> list[Path]:
    """Do the main job and leave pictures (PNG) and papers (PDF) in ``out``. Returns the files in order.

    Raises StoreProblem when a file cannot be written, and whatever the job itself raises: a tour that ends early says why.
    """
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreProblem("tour_not_written", _("“{file}” could not be written. Is there room on the disk?"), file=out) from error
    app = QApplication.instance() or QApplication([sys.argv[0]])
    app.setApplicationName("Alumni Desk")
    tour = Tour(out, size, "dark" if theme == "dark" else "light")
    heard = qInstallMessageHandler(_pass_on)
    try:
        _tour(tour)
    finally:
        qInstallMessageHandler(heard)
    return tour.files


def _tour(tour: Tour) -> None:
    with tempfile.TemporaryDirectory(prefix="alumni-desk-tour-", ignore_cleanup_errors=True) as folder:
        password = secrets.token_urlsafe(18)
        with ExitStack() as stack:
            sample = stack.enter_context(open_desk(Profile(Path(folder) / "sample"), passphrase=password))
            make_sample(sample)
            sample.set_setting("device_name", _("Priya’s laptop"))
            room = stack.enter_context(_room(tour, sample))
            _look_round(tour, room)
            _members(tour, room)
            gathering = _gatherings(tour, room)
            _badges(tour, room, gathering)
            _door(tour, room, gathering)
            _rest(tour, room)
        _two_laptops(tour, Path(folder), password)


def _pass_on(kind: QtMsgType, context: object, words: str) -> None:
    """What Qt has to say, but for what the offscreen screen says of every dialog."""
    if not words.startswith("This plugin does not support"):
        sys.stderr.write(f"{words}\n")


@contextmanager
def _room(tour: Tour, desk: Desk) -> Iterator[Room]:
    room = build(desk, theme=tour.theme, help_files=help_files())
    room.lanes.trouble.connect(tour.troubles.append)
    room.shell.resize(*tour.size)
    room.shell.show()
    try:
        yield room
    finally:
        room.close()
        room.shell.close()
        room.shell.deleteLater()


def _page(tour: Tour, room: Room, name: str, kind: type[Kind], **what: Any) -> Kind:
    room.shell.show_page(name, **what)
    tour.settle(room.lanes)
    page = room.shell.current()
    if not isinstance(page, kind):
        raise TypeError(f"{name} is a {type(page).__name__}")
    return page


def _look_round(tour: Tour, room: Room) -> None:
    room.shell.show_page("today")
    tour.settle(room.lanes)
    tour.picture("today", room.shell)


def _members(tour: Tour, room: Room) -> None:
    page = _page(tour, room, "members", MembersPage)
    page.list.selectRow(4)
    tour.settle(room.lanes)
    tour.picture("members", room.shell)
    page.list.clearSelection()
    page.search.setFocus()
    QTest.keyClicks(page.search, "nguyen")
    tour.settle(room.lanes)
    tour.picture("members-find", room.shell)
    page.search.clear()
    page.add()
    form = tour.dialog(MemberForm)
    tour.picture("member-form", room.shell, form)
    form.reject()
    sheet = page.import_from(resource("sample", "newcomers.csv"))
    tour.until(lambda: sheet.next.isVisible(), "the columns")
    tour.picture("import-columns", room.shell, sheet)
    _import(tour, room, sheet)


def _import(tour: Tour, room: Room, sheet: ImportSheet, *, pictures: bool = True, paper: Path | None = None) -> None:
    month_first = sheet.findChildren(Radio)[0]
    month_first.setChecked(True)
    QTest.mouseClick(sheet.next, Qt.MouseButton.LeftButton)
    tour.until(lambda: sheet.next.isVisible() and lanes_idle(room), "the trial")
    if pictures:
        tour.picture("import-check", room.shell, sheet)
    ended: list[object] = []
    sheet.imported.connect(ended.append)
    QTest.mouseClick(sheet.next, Qt.MouseButton.LeftButton)
    if paper is not None:
        _recovery(tour, room, paper)
    tour.until(lambda: bool(ended), "the import")
    tour.settle(room.lanes)
    if pictures:
        tour.picture("members-imported", room.shell)


def _recovery(tour: Tour, room: Room, file: Path) -> None:
    """Before the first real members: save the recovery key as a file, and read two groups back."""
    page = tour.dialog(RecoveryPage)
    page.save_to(file)
    tour.until(file.exists, "the recovery key's paper")
    tour.settle(room.lanes)
    groups = recovery_key(room.desk).split("-")
    for number, line in page.lines.items():
        if line is list(page.lines.values())[-1]:
            tour.picture("recovery", page)
        QTest.keyClicks(line.field, groups[number - 1].lower())
    QTest.mouseClick(page.done_button, Qt.MouseButton.LeftButton)


def _lock(tour: Tour, room: Room, password: str) -> None:
    room.lock.lock("idle")
    page = room.lock.page
    if page is None or page.entry is None:
        raise StoreProblem("tour_stuck", _("The tour waited in vain for {what}."), what="the locked page")
    tour.picture("lock", room.shell)
    page.entry.password.setText(password)
    QTest.mouseClick(page.entry.button, Qt.MouseButton.LeftButton)
    tour.until(lambda: not room.lock.locked, "the lock to open")


def lanes_idle(room: Room) -> bool:
    """Whether nothing is under way."""
    return room.lanes.idle()


def _gatherings(tour: Tour, room: Room) -> str:
    page = _page(tour, room, "gatherings", GatheringsPage)
    tour.picture("gatherings", room.shell)
    page.plan("dinner")
    form = tour.dialog(GatheringForm)
    form.name.setText(_("Spring Dinner"))
    form.place.setText(_("Boat House"))
    form.capacity.setText("40")
    tour.picture("gathering-form", room.shell, form)
    QTest.mouseClick(form.done_button, Qt.MouseButton.LeftButton)
    tour.until(lambda: not _visible(GatheringForm) and page.view.it is not None, "the new gathering")
    tour.settle(room.lanes)
    tour.picture("gathering-empty", room.shell)
    page.view.add()
    picker = tour.dialog(GuestPicker)
    for name in ("Meera Iyer", "Agnieszka", "Funmi", "parata"):
        picker.search.setText("")
        QTest.keyClicks(picker.search, name)
        tour.settle(room.lanes)
        QTest.keyClick(picker.search, Qt.Key.Key_Return)
    picker.answer.set_on("yes")
    tour.picture("guests-add", room.shell, picker)
    QTest.mouseClick(picker.done_button, Qt.MouseButton.LeftButton)
    tour.until(lambda: not _visible(GuestPicker), "the guests")
    tour.settle(room.lanes)
    tour.picture("gathering-new", room.shell)
    with room.desk.reading() as connection:
        nearest = connection.exec_driver_sql("SELECT id FROM gathering WHERE NOT gone AND status = 'planned' AND starts >= date('now') ORDER BY starts LIMIT 1")
        chosen = str(nearest.scalar_one())
    page.open(gathering=chosen)
    tour.settle(room.lanes)
    tour.picture("gathering", room.shell)
    if page.view.it is not None:
        roster = tour.out / "roster.pdf"
        page.save_roster(page.view.it, roster)
        tour.settle(room.lanes)
        tour.files.append(roster)
    return chosen


def _visible(kind: type[QWidget]) -> bool:
    return any(isinstance(widget, kind) and widget.isVisible() for widget in QApplication.topLevelWidgets())


def _badges(tour: Tour, room: Room, gathering: str) -> None:
    page = _page(tour, room, "badges", BadgesPage, gathering=gathering)
    tour.picture("badges", room.shell)
    for stock in ("avery-5392", "avery-l4785", "roll-62x100"):
        page.stock.set_key(stock)
        page.stock.activated.emit(page.stock.currentIndex())
        tour.settle(room.lanes)
        out = tour.out / f"badges-{stock}.pdf"
        page.save_as(out)
        tour.settle(room.lanes)
        tour.files.append(out)
    tour.picture("badges-roll", room.shell)
    page.came_out()
    tour.settle(room.lanes)


def _door(tour: Tour, room: Room, gathering: str) -> None:
    page = _page(tour, room, "checkin", CheckInPage)
    page.sounds = Sounds(on=False)
    tour.picture("checkin", room.shell)
    guests = guest_rows(room.desk, gathering)
    coming = [guest for guest in guests if guest.status == "yes" and not guest.host]
    early = coming[3]
    check_in(room.desk, gathering, early.registration, station=_("Garden door"), by=_("Tomás"))
    page.open(gathering=gathering)
    tour.until(lambda: page.door is not None, "the door")
    door = page.door
    if door is None:
        return
    door.showNormal()
    door.resize(*tour.size)
    tour.settle(room.lanes)
    tour.picture("door-idle", door)
    _type(door, "li")
    tour.until(lambda: door.state() == "find", "hits")
    tour.settle(room.lanes)
    tour.picture("door-find", door)
    door.field.clear()
    alone = _one_of_a_name(room.desk, gathering, [guest for guest in coming if guest is not early])
    _type(door, alone.name)
    tour.until(lambda: door.state() == "find", "the hit")
    tour.settle(room.lanes)
    QTest.keyClick(door.field, Qt.Key.Key_Return)
    _answered(tour, room, door)
    tour.until(lambda: headcount(room.desk, gathering).present == 2, "somebody who is admitted")
    tour.picture("door-admitted", door)
    _scan(door, early)
    _answered(tour, room, door)
    tour.picture("door-already-in", door)
    declined = next(guest for guest in guests if guest.status in ("cancelled", "no") and guest.code)
    _scan(door, declined)
    _answered(tour, room, door)
    tour.picture("door-needs-a-word", door)
    QTest.keyClick(door.field, Qt.Key.Key_Escape)
    _scan(door, _elsewhere(room.desk, gathering, {guest.person for guest in guests}))
    _answered(tour, room, door)
    tour.picture("door-refused", door)
    QTest.keyClick(door.field, Qt.Key.Key_Escape)
    QTest.keyClick(door.field, Qt.Key.Key_F2)
    tour.until(lambda: door.state() == "walk_in", "the form")
    for line, words in ((door.form.name, "Sam Okonkwo"), (door.form.contact, "sam@example.org"), (door.form.year, "2007")):
        line.setFocus()
        QTest.keyClicks(line, words, delay=60)  # slower than a scanner, or it would be taken for one
    tour.settle(room.lanes)
    tour.picture("door-walk-in", door)
    QTest.keyClick(door.form.year, Qt.Key.Key_Return)
    _answered(tour, room, door)
    tour.picture("door-walk-in-admitted", door)
    door.close()
    tour.until(lambda: page.door is None, "the end of the door")
    tour.settle(room.lanes)


def _elsewhere(desk: Desk, gathering: str, here: set[str]) -> GuestRow:
    """Somebody with a badge of another gathering."""
    others = (guest for row in gathering_rows(desk) if row.id != gathering for guest in guest_rows(desk, row.id))
    return next(guest for guest in others if guest.code and guest.person not in here)


def _type(door: DoorWindow, text: str) -> None:
    door.field.setFocus()
    QTest.keyClicks(door.field, text, delay=60)


def _scan(door: DoorWindow, guest: GuestRow) -> None:
    door.field.setFocus()
    QTest.keyClicks(door.field, guest.code or "")
    QTest.keyClick(door.field, Qt.Key.Key_Return)


def _answered(tour: Tour, room: Room, door: DoorWindow) -> None:
    tour.until(lambda: door.state() == "verdict" and not door.field.text(), "the verdict")
    tour.settle(room.lanes)


def _one_of_a_name(desk: Desk, gathering: str, guests: list[GuestRow]) -> GuestRow:
    """A guest whom the door knows by the name alone: no namesake on the list, nor among the members."""
    door = DoorList(desk, gathering)

    def is_certain(guest: GuestRow) -> bool:
        hit = door.find(guest.name).certain
        return hit is not None and hit.registration == guest.registration

    return next(guest for guest in guests if guest.name.isascii() and " " in guest.name and not guest.checked_in and is_certain(guest))


def _rest(tour: Tour, room: Room) -> None:
    room.shell.show_page("sync")
    tour.settle(room.lanes)
    tour.picture("sync-sample", room.shell)
    room.shell.show_page("settings")
    tour.settle(room.lanes)
    tour.picture("settings", room.shell)
    handbook = room.show_help()
    handbook.resize(*tour.size)
    tour.picture("help", handbook)
    handbook.close()


def _two_laptops(tour: Tour, folder: Path, password: str) -> None:
    """From the first page of the program to a second laptop that has it all, through a server in a process of its own."""
    with ExitStack() as stack:
        server = stack.enter_context(_Server(folder / "server", password))
        first = _first_run(tour, folder / "first", password)
        with first, _room(tour, first) as room:
            page = _page(tour, room, "members", MembersPage)
            tour.picture("members-empty", room.shell)
            sheet = page.import_from(resource("sample", "newcomers.csv"))
            tour.until(lambda: sheet.next.isVisible(), "the columns")
            _import(tour, room, sheet, pictures=False, paper=folder / "recovery-key.pdf")
            _lock(tour, room, password)
            room.shell.show_page("sync")
            tour.settle(room.lanes)
            tour.picture("sync-alone", room.shell)
            _join_in_window(tour, room, server)
            tour.until(lambda: not room.bridge.busy and room.lanes.idle(), "the first sync")
            tour.settle(room.lanes)
            tour.picture("sync", room.shell)
            second = _join_by_hand(tour, folder / "second", password, server)
            with second:
                _compare(first, second, folder)


@contextmanager
def _front(tour: Tour, profile: Profile, password: str) -> Iterator[tuple[Front, Opening, list[tuple[Desk, str]]]]:
    """The pages before there is a chapter, and the desks they lead to."""

    def opened(typed: str | None) -> Desk:
        # As on a computer without a password store: the tour leaves nothing in the one that is here.
        if typed is None:
            raise StoreProblem("passphrase_wanted", _("Choose a password."))
        return open_desk(profile, passphrase=typed)

    front = Front(100, lambda percent: None)
    front.resize(*tour.size)
    ready: list[tuple[Desk, str]] = []
    appearance = Appearance(QApplication.instance(), tour.theme, 100)  # type: ignore[arg-type]
    opening = Opening(front, replace(ways_of(profile), open=opened, where=""), lambda desk, page, what: ready.append((desk, page)))
    opening.lanes.trouble.connect(tour.troubles.append)
    front.show()
    opening.begin()
    view = _view(tour, front, UnlockPage)
    tour.picture("choose-password", front)
    for line in (view.password, view.again):
        line.setText(password)
    QTest.mouseClick(view.button, Qt.MouseButton.LeftButton)
    _view(tour, front, FirstRun)
    try:
        yield front, opening, ready
    finally:
        opening.close()
        front.close()
        front.deleteLater()
        appearance.deleteLater()


def _view(tour: Tour, front: Front, kind: type[Kind]) -> Kind:
    tour.until(lambda: any(view.isVisible() for view in front.findChildren(kind)), kind.__name__)
    return next(view for view in front.findChildren(kind) if view.isVisible())


def _first_run(tour: Tour, folder: Path, password: str) -> Desk:
    with _front(tour, Profile(folder), password) as (front, _opening, ready):
        tour.picture("first-run", front)
        QTest.mouseClick(_view(tour, front, FirstRun).ways[2], Qt.MouseButton.LeftButton)
        begin = _view(tour, front, StartEmpty)
        begin.chapter.setText(_("Great Lakes"))
        begin.university.setText(_("Aldermoor University"))
        begin.you.setText("Priya Raman")
        tour.picture("start-empty", front)
        QTest.mouseClick(begin.button, Qt.MouseButton.LeftButton)
        tour.until(lambda: bool(ready), "the new chapter")
        return ready[0][0]


def _join_in_window(tour: Tour, room: Room, server: _Server) -> None:
    page = room.shell.current()
    button = page.first_focus()
    if button is None:
        raise TypeError("the page has no button to join")
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    sheet = tour.dialog(PlainSheet)
    form = sheet.findChild(JoinForm)
    if not isinstance(form, JoinForm):
        raise TypeError("the sheet asks for nothing")
    form.code.fill(server.invite())
    form.server.setText(server.url)
    form.carry.setChecked(True)
    QTest.mouseClick(form.button, Qt.MouseButton.LeftButton)
    tour.until(form.card.isVisible, "what the invitation is for")
    tour.picture("join", room.shell, sheet)
    QTest.mouseClick(form.button, Qt.MouseButton.LeftButton)
    tour.until(lambda: not _visible(PlainSheet), "the server's answer")


def _join_by_hand(tour: Tour, folder: Path, password: str, server: _Server) -> Desk:
    """The second laptop joins from the first page."""
    with _front(tour, Profile(folder), password) as (front, _opening, ready):
        QTest.mouseClick(_view(tour, front, FirstRun).ways[0], Qt.MouseButton.LeftButton)
        form = _view(tour, front, JoinForm)
        QTest.keyClicks(form.code.groups[0], "ABCD")
        tour.picture("join-typo", front)
        form.code.fill(server.invite())
        form.server.setText(server.url)
        form.server.textEdited.emit(server.url)
        QTest.mouseClick(form.button, Qt.MouseButton.LeftButton)
        tour.until(form.card.isVisible, "what the invitation is for")
        form.laptop.setText(_("Second laptop"))
        tour.picture("join-first", front)
        QTest.mouseClick(form.button, Qt.MouseButton.LeftButton)
        tour.until(lambda: bool(ready), "the server's answer")
        return ready[0][0]


def _compare(first: Desk, second: Desk, folder: Path) -> None:
    """Both laptops hold the same, or the tour has failed."""
    from alumni_desk.exchange.exporting import export_ndjson
    from alumni_desk.sync.engine import sync_once

    held: list[bytes] = []
    for desk in (first, second):
        sync_once(desk)
        out = folder / "export.ndjson"
        export_ndjson(desk, out)
        held.append(out.read_bytes())
    if held[0] != held[1]:
        raise StoreProblem("tour_differs", _("The two laptops do not hold the same after the sync."))


class _Server:
    """``alumni-desk serve`` in a process of its own, on a free port of this computer and on a file of its own."""

    def __init__(self, folder: Path, password: str) -> None:
        self._command = [sys.executable, "-m", "alumni_desk", "--profile", str(folder)]
        # Empty: where the environment names an office's database, nobody made up gets among its real people.
        self._environment = os.environ | {"ALUMNI_DESK_PASSPHRASE": password, "ALUMNI_DESK_DATABASE": ""}
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def __enter__(self) -> _Server:
        self._process = subprocess.Popen([*self._command, "serve", "--port", "0", "--json"], stdout=subprocess.PIPE, text=True, env=self._environment)
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            self.__exit__()
            raise StoreProblem("tour_no_server", _("The server of the tour did not start. Look at what it wrote above."))
        self.url = str(json.loads(line)["url"])
        return self

    def __exit__(self, *what: object) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
            if self._process.stdout is not None:
                self._process.stdout.close()

    def invite(self) -> str:
        """A fresh invitation for a leader."""
        done = subprocess.run([*self._command, "server", "invite", "--chapter", "Great Lakes", "--role", "leader", "--json"],
                              env=self._environment, stdout=subprocess.PIPE, text=True, check=True, timeout=60)
        return str(json.loads(done.stdout)["code"])
