"""A PDF to a printer of this computer, through the system's own dialog."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QMarginsF, QRectF, QSizeF
from PySide6.QtGui import QImage, QPageLayout, QPageSize, QPainter
from PySide6.QtWidgets import QWidget

from alumni_desk.badges.stocks import MM, Stock
from alumni_desk.desktop.background import Lanes
from alumni_desk.errors import StoreProblem
from alumni_desk.paper.preview import page_count, page_picture
from alumni_desk.words import _

if TYPE_CHECKING:
    from PySide6.QtPrintSupport import QPrinter

DPI = 300


def print_pdf(window: QWidget, pdf: bytes, paper: Stock, title: str, lanes: Lanes, printed: Callable[[], None]) -> bool:
    """Ask for a printer and print at 100 %, off the screen; ``printed`` when it was handed over. False if the user thought better of it."""
    from PySide6.QtPrintSupport import QPrintDialog, QPrinter

    printer = QPrinter(QPrinter.PrinterMode.HighResolution)
    printer.setDocName(title)
    printer.setFullPage(True)
    size = QPageSize(QSizeF(paper.page[0] / MM, paper.page[1] / MM), QPageSize.Unit.Millimeter, paper.paper, QPageSize.SizeMatchPolicy.FuzzyMatch)
    printer.setPageLayout(QPageLayout(size, QPageLayout.Orientation.Portrait, QMarginsF(0, 0, 0, 0)))
    dialog = QPrintDialog(printer, window)
    dialog.setWindowTitle(_("Print {title}").format(title=title))
    if dialog.exec() != QPrintDialog.DialogCode.Accepted:
        return False
    lanes.work(lambda: _print(printer, pdf, paper), lambda done: printed())
    return True


def _print(printer: QPrinter, pdf: bytes, paper: Stock) -> None:
    painter = QPainter()
    if not painter.begin(printer):
        raise StoreProblem("printer_silent", _("The printer did not take the pages. Check that it is on and connected, or save the badges as PDF."))
    try:
        for page in range(page_count(pdf)):
            if page:
                printer.newPage()
            width = round(paper.page[0] / 72 * DPI)
            image = QImage.fromData(page_picture(pdf, page, width))
            dots = printer.resolution() / 72
            painter.drawImage(QRectF(0, 0, paper.page[0] * dots, paper.page[1] * dots), image)
    finally:
        painter.end()
