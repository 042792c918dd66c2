"""A page of paper on the desk: always white, in true proportions."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.look import look
from alumni_desk.words import _


class PaperView(QWidget):
    """Shows one page's picture, as large as fits."""

    def __init__(self) -> None:
        super().__init__()
        self._image: QImage | None = None
        self._marks: list[tuple[QRectF, str]] = []
        self.setAccessibleName(_("Preview"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(px(240), px(240))

    def sizeHint(self) -> QSize:
        return QSize(px(560), px(640))

    def show_picture(self, png: bytes | None, marks: list[tuple[QRectF, str]], words: str) -> None:
        """A page as PNG (None: an empty desk); ``marks``: used labels, as parts of the page from 0 to 1, with words."""
        self._image = QImage.fromData(png) if png else None
        self._marks = marks
        self.setAccessibleDescription(words)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        colours = look(self)
        painter.fillRect(self.rect(), QColor(colours.fill))
        if self._image is None or self._image.isNull():
            return
        room = QRectF(self.rect()).adjusted(px(24), px(24), -px(24), -px(24))
        scale = min(room.width() / self._image.width(), room.height() / self._image.height())
        width, height = self._image.width() * scale, self._image.height() * scale
        page = QRectF(room.center().x() - width / 2, room.top() + (room.height() - height) / 2, width, height)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(page, self._image)
        painter.setPen(QPen(QColor(colours.border), 1))
        painter.drawRect(page)
        for part, words in self._marks:
            box = QRectF(page.left() + part.left() * width, page.top() + part.top() * height, part.width() * width, part.height() * height)
            # Marks on paper are in light colours whatever the theme: the paper is white.
            painter.setPen(QPen(QColor("#9AA3AD"), 1))
            painter.drawRect(box)
            painter.drawLine(box.topLeft(), box.bottomRight())
            painter.drawLine(box.bottomLeft(), box.topRight())
            painter.setPen(QColor("#4A525B"))
            painter.fillRect(QRectF(box.center().x() - px(52), box.center().y() - px(10), px(104), px(20)), QColor("#FFFFFF"))
            painter.drawText(box, 0x84, words)
