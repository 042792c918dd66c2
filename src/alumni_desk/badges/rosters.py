"""The list at the door on paper, and as a table for other programs. Formulas in names stay text."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

from alumni_desk.badges.sheets import GREY, INK, Heading
from alumni_desk.errors import BadInput
from alumni_desk.gatherings.kinds import answer_word
from alumni_desk.gatherings.lists import GuestRow
from alumni_desk.paper.fitting import fit
from alumni_desk.paper.fonts import Faces
from alumni_desk.paper.text import draw_line, set_line
from alumni_desk.store.disk import FULL, file_disk_full
from alumni_desk.words import _, ngettext, number

MARGIN, ROW, HEAD = 42.0, 22.0, 64.0
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def awaited(rows: Sequence[GuestRow]) -> list[GuestRow]:
    """Whom the door has to look for: all but those who said no or cancelled, unless they came nevertheless."""
    return [row for row in rows if row.status not in ("no", "cancelled") or row.walk_in or row.checked_in]


def write_roster(rows: Sequence[GuestRow], out: Path, heading: Heading, *, paper: str = "Letter") -> None:
    """Write a roster as the ending of the file says: .pdf, .csv or .xlsx. Raises BadInput for another ending."""
    kind = out.suffix.lower()
    if kind not in (".pdf", ".csv", ".xlsx"):
        raise BadInput("roster_kind", _("A roster can be a .pdf, .csv or .xlsx file, not “{ending}”."), ending=kind or out.name)
    part = io.BytesIO()
    if kind == ".pdf":
        roster_pdf(rows, part, heading, paper=paper)
    elif kind == ".csv":
        part.write(roster_csv(rows).encode("utf-8-sig"))
    else:
        roster_xlsx(rows, part, heading)
    write_whole(out, part.getvalue())


def write_whole(out: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all. Raises BadInput ``file_not_written`` or StoreProblem ``disk_full``."""
    part = out.with_name(f".{out.name}.part")
    try:
        part.write_bytes(content)
        part.replace(out)
    except OSError as error:
        part.unlink(missing_ok=True)
        if error.errno in FULL:
            raise file_disk_full(out) from None
        raise BadInput("file_not_written", _("{file} cannot be written ({reason}). Choose another folder or close the program that has it open."),
                       file=out, reason=error.strerror or type(error).__name__) from None


def _cells(row: GuestRow) -> list[str]:
    notes = [_("guest of {host}").format(host=row.host_name)] if row.host_name else []
    notes += [_("table {table}").format(table=row.table_name)] if row.table_name else []
    notes += [row.meal] if row.meal else []
    return [row.name, row.other_script_name or "", row.class_tail, row.city or "", answer_word(row.status), " · ".join(notes), row.door_note or "",
            _("yes") if row.checked_in else ""]


def _titles() -> list[str]:
    return [_("Name"), _("Name in another script"), _("Class"), _("City"), _("Answer"), _("With"), _("Note for the door"), _("Checked in")]


def roster_csv(rows: Sequence[GuestRow]) -> str:
    """Comma-separated, with a heading line. What a spreadsheet would take for a formula is led by an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(_titles())
    for row in rows:
        writer.writerow([f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in _cells(row)])
    return out.getvalue()


def roster_xlsx(rows: Sequence[GuestRow], out: BinaryIO, heading: Heading) -> None:
    """A workbook with one sheet; every cell is text."""
    import xlsxwriter

    book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False})
    sheet = book.add_worksheet(_("Roster"))
    book.set_properties({"title": heading.gathering, "company": heading.chapter})
    bold = book.add_format({"bold": True, "bottom": 1})
    for column, title in enumerate(_titles()):
        sheet.write_string(0, column, title, bold)
    for line, row in enumerate(rows, 1):
        for column, cell in enumerate(_cells(row)):
            sheet.write_string(line, column, cell)
    for column, width in enumerate((28, 22, 12, 18, 14, 28, 28, 12)):
        sheet.set_column(column, column, width)
    sheet.freeze_panes(1, 1)
    sheet.autofilter(0, 0, max(len(rows), 1), 7)
    book.close()


def roster_pdf(rows: Sequence[GuestRow], out: BinaryIO, heading: Heading, *, paper: str = "Letter") -> int:
    """The list with boxes to tick, by last name, guests under their host. Returns the number of pages."""
    from reportlab.lib.pagesizes import A4, LETTER
    from reportlab.pdfgen.canvas import Canvas

    width, height = A4 if paper == "A4" else LETTER
    faces = Faces()
    cells = [_cells(row) for row in rows]
    faces.need([heading.gathering], "bold")
    faces.need([row.name for row in rows], "bold")
    faces.need([heading.chapter, heading.day, heading.university, *_titles(), *(cell for line in cells for cell in line)], "regular")
    canvas = Canvas(out, pagesize=(width, height), pageCompression=1, invariant=1)
    canvas.setTitle(_("Roster: {gathering}").format(gathering=heading.gathering))
    per_page = int((height - 2 * MARGIN - HEAD - 24) // ROW)
    pages = max(1, -(-len(rows) // per_page))
    for page in range(pages):
        _page_head(canvas, faces, heading, rows, width, height)
        top = height - MARGIN - HEAD
        for place, (row, line) in enumerate(zip(rows[page * per_page:(page + 1) * per_page], cells[page * per_page:(page + 1) * per_page], strict=True)):
            _roster_row(canvas, faces, row, line, top - (place + 1) * ROW, width)
        foot = set_line(faces, _("Page {page} of {pages}").format(page=page + 1, pages=pages), 8.5)
        canvas.setFillColorRGB(*GREY)
        draw_line(canvas, foot, width - MARGIN - foot.width, MARGIN - 14)
        canvas.showPage()
    canvas.save()
    return pages


def _page_head(canvas: Any, faces: Faces, heading: Heading, rows: Sequence[GuestRow], width: float, height: float) -> None:
    top = height - MARGIN
    canvas.setFillColorRGB(*INK)
    title = fit(faces, heading.gathering, width - 2 * MARGIN - 150, [20, 17, 14, 12], "bold")
    draw_line(canvas, title.lines[0], MARGIN, top - 18)
    canvas.setFillColorRGB(*GREY)
    second = " · ".join(part for part in (heading.day, heading.chapter, heading.university) if part)
    draw_line(canvas, fit(faces, second, width - 2 * MARGIN - 150, [10]).lines[0], MARGIN, top - 36)
    coming = sum(row.status == "yes" for row in rows)
    count = set_line(faces, ngettext("{n} coming", "{n} coming", coming).format(n=number(coming)), 10)
    draw_line(canvas, count, width - MARGIN - count.width, top - 18)
    canvas.setStrokeColorRGB(*INK)
    canvas.setLineWidth(0.8)
    canvas.line(MARGIN, top - 48, width - MARGIN, top - 48)


def _roster_row(canvas: Any, faces: Faces, row: GuestRow, cells: Sequence[str], y: float, width: float) -> None:
    indent = 18.0 if row.host else 0.0
    base = y + 7.5
    canvas.setLineWidth(0.9)
    canvas.setStrokeColorRGB(*INK)
    canvas.rect(MARGIN, y + 5, 11, 11, stroke=1, fill=0)
    if row.checked_in:
        canvas.lines([(MARGIN + 2.2, y + 10.5, MARGIN + 4.8, y + 7.6), (MARGIN + 4.8, y + 7.6, MARGIN + 9, y + 13.6)])
    left, inside = MARGIN + 22, width - 2 * MARGIN - 22
    name_width = inside * 0.46 - indent
    name = fit(faces, row.name, name_width if not cells[1] else name_width * 0.62, [11, 10, 9, 8], "bold").lines[0]
    canvas.setFillColorRGB(*INK)
    draw_line(canvas, name, left + indent, base)
    canvas.setFillColorRGB(*GREY)
    if cells[1]:
        draw_line(canvas, fit(faces, cells[1], name_width - name.width - 10, [10, 9, 8]).lines[0], left + indent + name.width + 8, base)
    rest = "  ·  ".join(cell for cell in (cells[4] if row.status != "yes" else "", cells[5], cells[6]) if cell)
    for text, start, share in ((cells[2], 0.48, 0.15), (cells[3], 0.64, 0.16), (rest, 0.81, 0.19)):
        if text:
            draw_line(canvas, fit(faces, text, inside * share - 4, [9.5, 8.5, 7.5]).lines[0], left + inside * start, base)
    canvas.setStrokeColorRGB(0.85, 0.87, 0.89)
    canvas.setLineWidth(0.4)
    canvas.line(MARGIN, y, width - MARGIN, y)
