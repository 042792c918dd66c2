"""The way to the palette in the header of the window."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter

from alumni_desk.desktop.controls import Button
from alumni_desk.desktop.fonts import metrics_of, px
from alumni_desk.desktop.icons import paint_icon
from alumni_desk.desktop.look import look
from alumni_desk.desktop.paint import paint_text
from alumni_desk.words import _


class PaletteButton(Button):
    """The way to the palette in the header: 264 wide, or icon and key where a page has a find field of its own."""

    def __init__(self) -> None:
        super().__init__(_("Find anyone or anything"), "secondary", "magnifying-glass")
        self.setAccessibleName(_("Find anyone or anything, Ctrl K"))
        self.setToolTip(_("Find anyone or anything (Ctrl K)"))
        self._small = False

    def set_small(self, small: bool) -> None:
        """Icon and key alone."""
        if self._small != small:
            self._small = small
            self.updateGeometry()
            self.update()

    def sizeHint(self) -> QSize:
        key = metrics_of("caption").horizontalAdvance(_("Ctrl K"))
        return QSize(round(px(12 + 18 + 8 + 12) + key) if self._small else px(264), px(32))

    def minimumSizeHint(self) -> QSize:
        return QSize(self.sizeHint().width() if self._small else px(96), px(32))

    def paint_inside(self, painter: QPainter, box: QRectF, ink: str) -> None:
        muted, size = look(self).muted, px(18)
        paint_icon(painter, QRectF(px(12), (self.height() - size) / 2, size, size), "magnifying-glass", muted)
        paint_text(painter, box.adjusted(0, 0, -px(12), 0), _("Ctrl K"), muted, "caption", Qt.AlignmentFlag.AlignRight)
        key = metrics_of("caption").horizontalAdvance(_("Ctrl K"))
        if not self._small:
            paint_text(painter, box.adjusted(px(38), 0, -px(20) - key, 0), self._shown, muted)
