"""The ways a code comes to a form besides typing: pasted, from a file or a picture of it, dropped on the form, or held before the camera."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from PySide6.QtCore import QEvent, QMimeData, QObject, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication, QImage, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QWidget

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.controls import Button, Field
from alumni_desk.desktop.fonts import px
from alumni_desk.errors import KnownError
from alumni_desk.words import _


@dataclass(frozen=True)
class WaysWords:
    """What the buttons and the file dialog are called. ``kinds``: of files, with ``{endings}``; ``ending``: of files that are no picture;
    ``other``: what is said of a square code of something else."""

    paste: str
    from_file: str
    choose: str
    kinds: str
    other: str
    ending: str = ""


class CodeWays(QWidget):
    """The buttons. ``text(str)``: what was pasted or dropped; ``file(Path)``: one that is no picture; ``trouble(str)``: why nothing came.

    ``take``: takes what a square code says; False if it is none for this form.
    """

    text = Signal(str)
    file = Signal(object)
    trouble = Signal(str)

    def __init__(self, lanes: Lanes, words: WaysWords, take: Callable[[str], bool]) -> None:
        super().__init__()
        self._lanes, self._words, self._take = lanes, words, take
        self._onto: QWidget | None = None
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(px(8))
        paste = Button(_("Paste"), icon="clipboard-text")
        paste.setAccessibleName(words.paste)
        paste.clicked.connect(self.paste)
        from_file = Button(_("From a file"), icon="folder")
        from_file.setAccessibleName(words.from_file)
        from_file.clicked.connect(self._ask_file)
        self.camera = Button(_("Use the camera"), icon="camera")
        self.camera.clicked.connect(self._ask_camera)
        for button in (paste, from_file, self.camera):
            row.addWidget(button)
        self.camera.setVisible(find_spec("PySide6.QtMultimedia") is not None)

    def serve(self, form: QWidget) -> None:
        """Take what is dropped anywhere on the form, and a picture or a square code's text that is pasted into one of its fields."""
        self._onto = form
        form.setAcceptDrops(True)
        form.installEventFilter(self)
        for field in form.findChildren(Field):
            field.setAcceptDrops(False)  # a file would stand there as its address
            field.installEventFilter(self)

    def paste(self) -> None:
        """Take what was copied: words, or a picture."""
        text, image = QGuiApplication.clipboard().text(), QGuiApplication.clipboard().image()
        if text.strip() or image.isNull():
            self.text.emit(text)
        else:
            self._read_picture(lambda: image)

    def take_file(self, file: Path) -> None:
        """Take a file that somebody was given: a picture with a square code, or another one."""
        from alumni_desk.desktop.qr_reading import is_picture, picture_in

        if is_picture(file):
            self._read_picture(lambda: picture_in(file))
        else:
            self.file.emit(file)

    def _ask_file(self) -> None:
        from alumni_desk.desktop.qr_reading import endings

        pictures = " ".join(f"*.{one}" for one in endings())
        kinds = self._words.kinds.format(endings=f"{self._words.ending} {pictures}".strip())
        chosen, _kind = QFileDialog.getOpenFileName(self, self._words.choose, str(Path.home()), f"{kinds};;{_('All files (*)')}")
        if chosen:
            self.take_file(Path(chosen))

    def _read_picture(self, picture: Callable[[], QImage]) -> None:
        from alumni_desk.desktop.qr_reading import codes_in

        def none(error: KnownError) -> None:
            self.trouble.emit(str(error))

        def read(found: list[str]) -> None:
            if not any(self._take(text) for text in found):
                self.trouble.emit(self._words.other if found else _(
                    "There is no square code in that picture, or it is not sharp. Take it again, or type the code."))

        self._lanes.read(lambda: codes_in(picture()), read, none, key="code picture")

    def _ask_camera(self) -> None:
        try:
            from alumni_desk.desktop.camera_sheet import CameraSheet
        except ImportError as error:  # a library of the system that Qt’s multimedia part wants
            self.trouble.emit(_("The camera cannot be used on this computer ({reason}). Type the code, or open a picture of it.").format(reason=error))
            return
        sheet = CameraSheet(self.window(), self._lanes, self._take, self._words.other)
        sheet.open()
        sheet.begin()

    # -- dropped, and pasted with the keyboard

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._onto and isinstance(event, QDropEvent) and event.type() in (QEvent.Type.DragEnter, QEvent.Type.Drop):
            return self._dragged(event)
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and event.matches(QKeySequence.StandardKey.Paste):
            return self._pasted_whole()
        return False

    def _dragged(self, event: QDropEvent) -> bool:
        data = event.mimeData()
        if not (data.hasImage() or data.hasText()):
            return False
        event.acceptProposedAction()
        if not isinstance(event, QDragEnterEvent):
            self._drop(data)
        return True

    def _drop(self, data: QMimeData) -> None:
        files = [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
        if files:
            self.take_file(files[0])
        elif data.hasImage():
            image = QImage(data.imageData())
            self._read_picture(lambda: image)
        else:
            self.text.emit(data.text())

    def _pasted_whole(self) -> bool:
        """A picture, or the text of a square code, is no text for a field: it fills the form."""
        text = QGuiApplication.clipboard().text().strip()
        whole = text.lower().startswith("alumnidesk:") if text else not QGuiApplication.clipboard().image().isNull()
        if whole:
            self.paste()
        return whole
