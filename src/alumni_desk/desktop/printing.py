"""A PDF to a printer of this computer, or to the file that was chosen in its place, through the system's own dialog."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QMarginsF, QRectF, QSizeF
from PySide6.QtGui import QImage, QPageLayout, QPageSize, QPainter
from PySide6.QtWidgets import QWidget

from alumni_desk.badges.stocks import MM, Stock
from alumni_desk.desktop.background import Failed, Lanes
from alumni_desk.errors import BadInput, StoreProblem
from alumni_desk.paper.preview import page_count, page_picture
from alumni_desk.store.disk import refuse_chapters_folder
from alumni_desk.words import _

if TYPE_CHECKING:
    from PySide6.QtPrintSupport import QPrinter

DPI = 300


def print_pdf(window: QWidget, pdf: bytes, paper: Stock, title: str, lanes: Lanes, printed: Callable[[Path | None], object],
              failed: Failed | None = None) -> bool:  # fmt: skip
    """Ask for a printer and print at 100 %, off the screen; ``printed`` when it was handed over, with the file if the user chose one in place of a printer.

    False if the user thought better of it.
    """
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
    lanes.work(lambda: _print(printer, pdf, paper), printed, failed)
    return True


def private_file(file: Path) -> int:
    """Make a file of the user's choice anew and open it, for this user alone. Raises BadInput if it cannot be written, or would lie among a chapter's own."""
    refuse_chapters_folder(file)
    try:
        file.unlink(missing_ok=True)  # one that is there might be everybody's to read
        return os.open(file, os.O_CREAT | os.O_WRONLY | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    except OSError as error:
        raise BadInput("file_not_written", _("{file} cannot be written ({reason}). Choose another folder."), file=file.name,
                       reason=error.strerror or type(error).__name__) from None


def _print(printer: QPrinter, pdf: bytes, paper: Stock) -> Path | None:
    file = Path(printer.outputFileName()) if printer.outputFileName() else None
    if file is not None:
        os.close(private_file(file))
    painter = QPainter()
    if not painter.begin(printer):
        raise StoreProblem("printer_silent", _("The printer did not take the pages. Check that it is on and connected, or save a PDF."))
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
    return file
