"""The list at the door on paper, and as a table for other programs. Formulas in names stay text."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from alumni_desk.badges.sheets import GREY, INK, Heading, Look, long_words
from alumni_desk.errors import BadInput
from alumni_desk.gatherings.kinds import answer_word
from alumni_desk.gatherings.lists import GuestRow
from alumni_desk.paper.fitting import Fitted, fit
from alumni_desk.paper.fonts import Faces
from alumni_desk.paper.text import Line, cannot_words, draw_line, set_line
from alumni_desk.store.disk import FULL, file_disk_full, refuse_chapters_folder
from alumni_desk.words import _, ngettext, number

MARGIN, ROW, HEAD = 42.0, 22.0, 68.0
COLUMNS = {"name": (0.0, 0.43), "class": (0.44, 0.12), "city": (0.57, 0.14), "rest": (0.72, 0.28)}
"""Where each column begins and how wide it is, as parts of the width."""
SMALL = 8.0
"""Points; a name that is set smaller is told."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def awaited(rows: Sequence[GuestRow]) -> list[GuestRow]:
    """Whom the door has to look for: all but those who said no or cancelled, unless they came nevertheless."""
    return [row for row in rows if row.status not in ("no", "cancelled") or row.walk_in or row.came]


@dataclass(frozen=True)
class RosterReport:
    """What was laid out: how many pages, and who is not on them as they are called."""

    pages: int
    looks: tuple[Look, ...] = ()


def write_roster(rows: Sequence[GuestRow], out: Path, heading: Heading, *, paper: str = "Letter") -> tuple[Look, ...]:
    """Write a roster as the ending of the file says: .pdf, .csv or .xlsx. Raises BadInput for another ending. Returns whose line is worth a look."""
    kind = out.suffix.lower()
    if kind not in (".pdf", ".csv", ".xlsx"):
        raise BadInput("roster_kind", _("A roster can be a .pdf, .csv or .xlsx file, not “{ending}”."), ending=kind or out.name)
    part, looks = io.BytesIO(), tuple[Look, ...]()
    if kind == ".pdf":
        looks = roster_pdf(rows, part, heading, paper=paper).looks
    elif kind == ".csv":
        part.write(roster_csv(rows).encode("utf-8-sig"))
    else:
        roster_xlsx(rows, part, heading)
    write_whole(out, part.getvalue())
    return looks


def write_whole(out: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all. Raises BadInput ``file_not_written`` or StoreProblem ``disk_full``."""
    refuse_chapters_folder(out)
    part = out.with_name(f".{out.name}.part")
    try:
        part.write_bytes(content)
        part.replace(out)
    except OSError as error:
        with suppress(OSError):  # it may not even be a name
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


def roster_pdf(rows: Sequence[GuestRow], out: BinaryIO, heading: Heading, *, paper: str = "Letter") -> RosterReport:
    """The list with boxes to tick, by last name, guests under their host."""
    from reportlab.lib.pagesizes import A4, LETTER
    from reportlab.pdfgen.canvas import Canvas

    width, height = A4 if paper == "A4" else LETTER
    faces = Faces()
    cells = [_cells(row) for row in rows]
    faces.need([heading.gathering], "bold")
    faces.need([row.name for row in rows], "bold")
    faces.need([heading.chapter, heading.day, heading.university, *_heads().values(), *(cell for line in cells for cell in line)], "regular")
    canvas = Canvas(out, pagesize=(width, height), pageCompression=1, invariant=1)
    canvas.setTitle(_("Roster: {gathering}").format(gathering=heading.gathering))
    laid = [_lay_row(faces, row, line, width) for row, line in zip(rows, cells, strict=True)]
    sheets = list(_pages(laid, height - 2 * MARGIN - HEAD - 24))
    for page, sheet in enumerate(sheets):
        _page_head(canvas, faces, heading, rows, width, height)
        y = height - MARGIN - HEAD
        for one in sheet:
            y -= one.height
            _draw_row(canvas, one, y, width)
        foot = set_line(faces, _("Page {page} of {pages}").format(page=page + 1, pages=len(sheets)), 8.5)
        canvas.setFillColorRGB(*GREY)
        draw_line(canvas, foot, width - MARGIN - foot.width, MARGIN - 14)
        canvas.showPage()
    canvas.save()
    looks = (_look(row, one) for row, one in zip(rows, laid, strict=True))
    return RosterReport(len(sheets), tuple(look for look in looks if look is not None))


def _heads() -> dict[str, str]:
    return {"name": _("Name"), "class": _("Class"), "city": _("City"), "rest": _("With, table and notes")}


@dataclass(frozen=True)
class _Row:
    """A guest's lines, laid out: each with its column's left edge, its distance from the top, and its colour."""

    checked_in: bool
    height: float
    lines: tuple[tuple[float, float, Line, tuple[float, float, float]], ...]
    fitted: tuple[Fitted, ...]
    """The names, and what else does not fit whole."""


def _lay_row(faces: Faces, row: GuestRow, cells: Sequence[str], width: float) -> _Row:
    """Long texts take more lines rather than letters that nobody can read at a door."""
    indent = 18.0 if row.host else 0.0
    left, inside = MARGIN + 22, width - 2 * MARGIN - 22
    name_width = inside * COLUMNS["name"][1] - indent
    fitted = [fit(faces, row.name, name_width, [11, 10, 9], "bold", max_lines=3)]
    names = fitted[0].lines
    lines = [(left + indent, line, INK, number) for number, line in enumerate(names)]
    if cells[1]:
        other = set_line(faces, cells[1], 9.5)
        beside = len(names) == 1 and names[0].width + 8 + other.width <= name_width
        if beside:
            lines.append((left + indent + names[0].width + 8, other, GREY, 0))
        else:
            fitted.append(fit(faces, cells[1], name_width, [9.5, 8.5], max_lines=2))
            lines += [(left + indent, one, GREY, len(names) + n) for n, one in enumerate(fitted[1].lines)]
    rest = " · ".join(cell for cell in (cells[4] if row.status != "yes" else "", cells[5], cells[6]) if cell)
    for text, column in ((cells[2], "class"), (cells[3], "city"), (rest, "rest")):
        start, share = COLUMNS[column]
        wrapped, cut = _wrapped(faces, text, inside * share - 4)
        lines += [(left + inside * start, one, GREY, n) for n, one in enumerate(wrapped)]
        fitted += cut
    most = max(number for *_rest, number in lines)
    return _Row(row.checked_in, ROW + most * 11.5, tuple((x, 14.5 + number * 11.5, line, colour) for x, line, colour, number in lines), tuple(fitted))


def _look(row: GuestRow, laid: _Row) -> Look | None:
    lost = [sign for _x, _below, line, _colour in laid.lines for sign in line.lost]
    if lost:
        return Look(row.registration, row.name, cannot_words(lost), by_hand=True)
    return Look(row.registration, row.name, long_words(laid.fitted)) if any(one.cut or one.size < SMALL for one in laid.fitted) else None


def _wrapped(faces: Faces, text: str, width: float) -> tuple[tuple[Line, ...], list[Fitted]]:
    """The lines of a text; and the text as it was fitted, if it does not fit whole."""
    if not text:
        return (), []
    whole = set_line(faces, text, 9.5)
    if whole.width <= width:
        return (whole,), []
    fitted = fit(faces, text, width, [9.0, 8.5], max_lines=8)
    return fitted.lines, [fitted] if fitted.cut else []


def _pages(rows: Sequence[_Row], room: float) -> Iterator[list[_Row]]:
    """Rows in pages; an empty list has one page too."""
    page: list[_Row] = []
    for row in rows:
        if page and sum(one.height for one in page) + row.height > room:
            yield page
            page = []
        page.append(row)
    yield page


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
    canvas.setFillColorRGB(*GREY)
    inside = width - 2 * MARGIN - 22
    for column, head in _heads().items():
        draw_line(canvas, set_line(faces, head, 8.5), MARGIN + 22 + inside * COLUMNS[column][0], top - 61)
    canvas.setLineWidth(0.4)
    canvas.line(MARGIN, top - HEAD, width - MARGIN, top - HEAD)


def _draw_row(canvas: Any, row: _Row, y: float, width: float) -> None:
    """One guest with a box to tick, the foot of the row at ``y``."""
    top = y + row.height
    canvas.setLineWidth(0.9)
    canvas.setStrokeColorRGB(*INK)
    canvas.rect(MARGIN, top - 17, 11, 11, stroke=1, fill=0)
    if row.checked_in:
        canvas.lines([(MARGIN + 2.2, top - 11.5, MARGIN + 4.8, top - 14.4), (MARGIN + 4.8, top - 14.4, MARGIN + 9, top - 8.4)])
    for x, below, line, colour in row.lines:
        canvas.setFillColorRGB(*colour)
        draw_line(canvas, line, x, top - below)
    canvas.setStrokeColorRGB(0.85, 0.87, 0.89)
    canvas.setLineWidth(0.4)
    canvas.line(MARGIN, y, width - MARGIN, y)
