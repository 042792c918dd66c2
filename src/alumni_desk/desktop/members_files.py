"""Lists come in and go out: a file of members is chosen, read in or written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QFileDialog

from alumni_desk.desktop.import_sheet import ImportSheet
from alumni_desk.desktop.pages import Page
from alumni_desk.store import exports
from alumni_desk.store.writing import Changed
from alumni_desk.words import _, ngettext, number


def ask_file(page: Page) -> Path | None:
    """Ask for a list."""
    chosen, _kind = QFileDialog.getOpenFileName(page, _("Import members"), str(Path.home()), _("Lists (*.csv *.txt *.tsv);;All files (*)"))
    return Path(chosen) if chosen else None


def import_from(page: Page, file: Path) -> ImportSheet:
    """Lead through the import of a file."""

    def imported(result: Any) -> None:
        done = ((result.added, ngettext("{n} member added", "{n} members added", result.added)),
                (result.updated, ngettext("{n} changed", "{n} changed", result.updated)),
                (result.rejected, ngettext("{n} row left out", "{n} rows left out", result.rejected)))
        page.done(result.changed or Changed(), ", ".join(words.format(n=number(n)) for n, words in done if n or words == done[0][1]))

    sheet = ImportSheet(page, page.desk, page.lanes, file)
    sheet.imported.connect(imported)
    sheet.stopped.connect(lambda words: page.said.emit(words, None))
    sheet.open()
    return sheet


def export(page: Page) -> None:
    """Write the whole list as CSV."""
    chosen, _kind = QFileDialog.getSaveFileName(page, _("Export members"), str(Path.home() / _("members.csv")), _("Tables (*.csv)"))
    if not chosen:
        return
    from alumni_desk.exchange.exporting import members_csv

    def work(job: Any) -> Any:
        report = members_csv(page.desk, Path(chosen))
        return report, exports.note(page.desk, report.path)

    def written(done: Any) -> None:
        report, unnoted = done
        words = ngettext("{n} member written to {file}. The file is not locked.", "{n} members written to {file}. The file is not locked.",
                         report.rows).format(n=number(report.rows), file=report.path.name)
        page.said.emit(f"{words} {unnoted}" if unnoted else words, None)

    page.lanes.read_long(work, written)
