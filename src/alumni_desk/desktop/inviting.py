"""Inviting somebody from the Sync page: the dialog, and what the server and the system do for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from PySide6.QtCore import QLocale, QTimer, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QDialog, QFileDialog, QWidget

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.dates import day_middle, day_short
from alumni_desk.desktop.invite_sheet import Evening, InviteSheet, Made, Wish
from alumni_desk.desktop.offer_card import door_list
from alumni_desk.desktop.tokens import Tone
from alumni_desk.errors import KnownError, NetworkProblem
from alumni_desk.store.desk import Desk
from alumni_desk.store.disk import as_file_name
from alumni_desk.words import _, clock_time

if TYPE_CHECKING:
    from alumni_desk.sync.inviting import Invitation, SentInvitation

AGAIN_MS = 5_000
LOOK_MS = 5_000
"""How often it is asked whether the invitation that is shown was used."""


AN_EVENING = timedelta(hours=12)
"""How long a gathering of which nobody said when it ends may last, as the server has it."""


def evenings(desk: Desk, now: datetime) -> list[Evening]:
    """The gatherings that volunteers may be invited to, the next first."""
    with desk.reading() as connection:
        rows = connection.exec_driver_sql(
            "SELECT g.id, g.name, g.starts, g.ends, g.time_zone, (SELECT count(*) FROM registration AS r WHERE r.gathering = g.id AND NOT r.gone"
            " AND r.status <> 'cancelled') AS guests FROM gathering AS g WHERE NOT g.gone AND g.status IS NOT 'cancelled'"
            " AND max(coalesce(g.ends, g.starts), coalesce(g.starts, g.ends)) >= ? ORDER BY g.starts",
            ((now - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M"),)).all()
    return [_evening(row.id, row.name, row.starts, row.ends, row.time_zone, row.guests) for row in rows]


def _evening(key: str, name: str | None, starts: str | None, ends: str | None, zone: str | None, guests: int) -> Evening:
    begins = datetime.fromisoformat(starts) if starts else None
    words = _("{name}, {day}").format(name=name, day=day_short(begins.date())) if begins else str(name)
    sees = door_sees(guests)
    from alumni_desk.gatherings.fields import counted_end

    ends = counted_end(starts, ends)
    wall = datetime.fromisoformat(ends) if ends else begins + AN_EVENING if begins else None
    until = wall.replace(tzinfo=_zone(zone)) + timedelta(hours=24) if wall is not None else None
    return Evening(key, words, sees, until)


def _chapter_here(desk: Desk) -> str | None:
    with desk.reading() as connection:
        found = connection.exec_driver_sql("SELECT id FROM scope ORDER BY rowid LIMIT 1").scalar()
    return None if found is None else str(found)


def _nobodys() -> str:
    return _("The invitation was given to nobody, so it was taken back.")


def _zone(name: str | None) -> tzinfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def door_sees(guests: int) -> str:
    """What a laptop at the door will see."""
    return _("Sees {what}").format(what=door_list(guests))


class Inviting:
    """One invitation being made: it lives as long as its dialog, and is for the chapter that was here when that opened. ``hand_over``: whoever uses it takes
    over from this laptop.

    It stands once it was saved, copied, sent or printed, or closed with Done; a dialog that is closed otherwise takes it back. ``closed(sentence)``
    when the dialog is gone and the server knows what became of it; the sentence says so.
    """

    def __init__(self, parent: QWidget, desk: Desk, lanes: Lanes, *, hand_over: bool = False, closed: Callable[[str], None] = lambda said: None) -> None:
        self._parent, self._desk, self._lanes, self._hand_over, self._closed = parent, desk, lanes, hand_over, closed
        self._given = self._used = False  # somebody may have it, or has joined with it
        self._made: Invitation | None = None
        self._wish: Wish | None = None
        self._asking = self._over = False
        lanes.read(lambda: (_chapter_here(desk), evenings(desk, desk.now().astimezone())), lambda found: self._open(*found))

    def _open(self, chapter: str | None, found: list[Evening]) -> None:
        self._chapter = chapter
        self.sheet = InviteSheet(self._parent, found, _("Ends 60 days after their last contact, and never in the week around a gathering."),
                                 leader_alone=self._hand_over)  # fmt: skip
        if self._hand_over:
            self.sheet.heading.setText(_("Hand over the chapter"))
        self.sheet.wished.connect(self._ask)
        self.sheet.cancelled.connect(lambda invitation: self._take_back())
        self.sheet.another.connect(self._begin_another)
        self.sheet.save.connect(lambda made: self._save())
        self.sheet.copy.connect(self._copy)
        self.sheet.mail.connect(lambda made: self._mail())
        self.sheet.print.connect(lambda made: self._print())
        self._timer = QTimer(self.sheet, interval=LOOK_MS)
        self._timer.timeout.connect(self._look)
        self._again = QTimer(self.sheet, interval=AGAIN_MS, singleShot=True)
        self._again.timeout.connect(self._ask_again)
        self.sheet.finished.connect(self._end)
        self.sheet.open()

    def _end(self, result: int) -> None:
        if self._over:  # it was taken back by its button
            return
        self._over = True
        self._given = self._given or (result == QDialog.DialogCode.Accepted and not self.sheet.state.isHidden())
        if not self._asking:  # else the one that stands gives way to another one, which is taken back
            self._say_what_stands()

    def _say_what_stands(self) -> None:
        if self._given:
            self._closed("" if self._used else _("The invitation stands. It is listed on the Sync page, where it can be taken back."))
        else:
            self._take_back(_nobodys())

    def _take_back(self, words: str = "") -> None:
        """End the one that stands, and say so."""
        made, self._over = self._made, True
        if made is not None:
            from alumni_desk.sync.inviting import cancel

            said = words or _("The invitation is taken back: its code opens nothing any more.")
            self._lanes.send(lambda: cancel(self._desk, made.id, chapter=self._chapter), lambda done: self._closed(said),
                             lambda error: self._closed(str(error)))

    # -- the code

    def _begin_another(self) -> None:
        """The one that stood was used: the next takes nobody's place."""
        self._made, self._given, self._used = None, False, False

    def _ask(self, wish: Wish) -> None:
        """A newer wish waits for the answer to the one before: each replaces the last."""
        self._wish = wish
        self._again.stop()
        if not self._asking:
            self._asking = True
            self._lanes.send(lambda: self._invite(wish), lambda made: self._came(wish, made), self._failed)

    def _invite(self, wish: Wish) -> Invitation:
        from alumni_desk.sync.inviting import invite

        return invite(self._desk, wish.role, gathering=wish.gathering, name=wish.name, email=wish.email, hand_over=self._hand_over,
                      replaces=self._made.id if self._made else None, until=wish.until, chapter=self._chapter)

    def _came(self, wish: Wish, made: Invitation) -> None:
        self._asking, self._made, self._given, self._used = False, made, False, False
        if self._over:
            self._take_back(_nobodys())
            return
        if self._wish is not None and self._wish != wish:
            self._ask(self._wish)
            return
        until = datetime.fromisoformat(made.until).astimezone()
        server = made.url if made.pinned or made.url.startswith("http:") else urlsplit(made.url).netloc
        self.sheet.show_made(Made(made.id, made.code, made.qr, server, _("{day}, {time}").format(day=day_middle(until.date()), time=clock_time(until)),
                                  letter(made), typed=not made.pinned))
        self._timer.start()

    def _failed(self, error: KnownError) -> None:
        self._asking = False
        if self._over:
            self._say_what_stands()  # the one before
            return
        if isinstance(error, NetworkProblem):
            self.sheet.complain(_("{problem} It is tried again by itself.").format(problem=error))
            self._again.start()
        else:
            self.sheet.complain(str(error))

    def _ask_again(self) -> None:
        if self._wish is not None:
            self._ask(self._wish)

    def _say(self, sentence: str, tone: Tone = "muted") -> None:
        if not self._over:
            self.sheet.say(sentence, tone)

    def _look(self) -> None:
        made = self._made
        if made is None or self._asking or not self.sheet.isVisible():
            return

        def look() -> SentInvitation | None:
            from alumni_desk.sync.inviting import invitations

            return next((one for one in invitations(self._desk, chapter=self._chapter) if one.id == made.id), None)

        self._lanes.send(look, self._looked, lambda error: None)

    def _looked(self, found: SentInvitation | None) -> None:
        if found is not None and found.state == "used" and not self._over:
            self._timer.stop()
            self._used = self._given = True
            self.sheet.show_used(_("{name} has joined").format(name=found.name) if found.name else _("Used: the laptop has joined"))

    # -- on its way

    def _save(self) -> None:
        made = self._made
        if made is None:
            return
        name = f"{as_file_name(made.name or _('Invitation'))}.alumnidesk"
        chosen, _kind = QFileDialog.getSaveFileName(self.sheet, _("Save the invitation"), str(Path.home() / name), _("Invitation (*.alumnidesk)"))
        if chosen:
            from alumni_desk.sync.inviting import ENDING

            self.save_as(Path(chosen if chosen.endswith(ENDING) else chosen + ENDING))

    def save_as(self, file: Path) -> None:
        """Write it to a file that opens by a double click."""
        from alumni_desk.sync.inviting import save

        made = self._made
        if made is not None:
            self._given = True  # before it is there: whoever closes the dialog meanwhile wants it
            self._lanes.work(lambda: save(made, file), lambda out: self._say(_("Saved as {file}. Whoever has the file can join.").format(file=out.name)),
                             lambda error: self._say(str(error), "danger"))

    def _copy(self, made: Made) -> None:
        self._given = True
        QGuiApplication.clipboard().setText(made.text)
        self.sheet.say(_("Copied: whoever has the text can join."))

    def _mail(self) -> None:
        made = self._made
        if made is not None:
            self._given = True
            subject = _("Invitation to {chapter}").format(chapter=made.chapter)
            QDesktopServices.openUrl(QUrl(f"mailto:{quote(made.email or '')}?subject={quote(subject)}&body={quote(letter(made))}"))

    def _print(self) -> None:
        from alumni_desk.badges.stocks import stock
        from alumni_desk.desktop.printing import print_pdf
        from alumni_desk.paper.invitation_sheet import invitation_pdf
        from alumni_desk.paper.text import cannot_words, printable

        made = self._made
        if made is not None:
            self._given = True
            american = QLocale.system().measurementSystem() == QLocale.MeasurementSystem.ImperialUSSystem
            page = stock("avery-5392" if american else "avery-l4785")
            who = _("{name}: welcome to {chapter}").format(name=made.name, chapter=made.chapter) if made.name else _("Welcome to {chapter}").format(
                chapter=made.chapter)
            pdf = invitation_pdf(title=who, code=made.code, qr=made.qr, server=urlsplit(made.url).netloc, words=how_to(made), paper=page.paper)
            print_pdf(self.sheet, pdf, page, _("Invitation"), self._lanes, lambda file: self._printed(file, cannot_words(printable(who)[1])))

    def _printed(self, file: Path | None, lost: str) -> None:
        words = _("Sent to the printer.") if file is None else _("Saved as {file}. Whoever has the file can join.").format(file=file.name)
        self.sheet.say(f"{words} {_('{what}: write it in by hand.').format(what=lost)}" if lost else words)


def how_to(made: Invitation) -> list[str]:
    """What somebody does with an invitation, in sentences."""
    until = datetime.fromisoformat(made.until).astimezone()
    way = (_("Open Alumni Desk, choose “Join with an invitation”, then open the file; or copy this whole text and choose “Paste” there.") if made.pinned else
           _("Open Alumni Desk, choose “Join with an invitation”, and type the code with the server’s address, or open the file."))
    return [way,
            _("It can be used once, on one laptop, until {day}, {time}.").format(day=day_middle(until.date()), time=clock_time(until)),
            _("Keep it to yourself: whoever uses it first is let in.")]


def letter(made: Invitation) -> str:
    """An invitation as the text of an e-mail."""
    greeting = _("Dear {name},").format(name=made.name) if made.name else _("Hello,")
    return "\n".join([greeting, "", _("this is your way in to {chapter} in Alumni Desk:").format(chapter=made.chapter), "",
                      _("Code: {code}").format(code=made.code), _("Server: {address}").format(address=made.url), "", *how_to(made)])
