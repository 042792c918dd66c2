"""The recovery key on a sheet of paper."""

from __future__ import annotations

import io
from typing import Any

from alumni_desk.paper.fitting import fit
from alumni_desk.paper.fonts import Faces
from alumni_desk.paper.text import draw_line, set_line
from alumni_desk.words import _

MARGIN = 64.0
INK, GREY = (0.106, 0.122, 0.141), (0.365, 0.392, 0.424)


def recovery_text(chapter: str, key: str, made: str) -> str:
    """The same as plain text, for a file: that is not printed yet."""
    groups = key.split("-")
    lines = ["  ".join(f"{4 * row + column + 1} {groups[4 * row + column]}" for column in range(4)) for row in range(2)]
    return "\n".join([_title(chapter), "", *lines, "", *_words(_("Saved on {day}."), made), ""])


def recovery_pdf(chapter: str, key: str, made: str, *, paper: str = "Letter", saved: bool = False) -> bytes:
    """One page: eight numbered groups, what they are for, and where to keep them. ``saved``: as a file, not printed yet."""
    from reportlab.lib.pagesizes import A4, LETTER
    from reportlab.pdfgen.canvas import Canvas

    words = _words(_("Saved on {day}.") if saved else _("Printed on {day}."), made)
    width, height = A4 if paper == "A4" else LETTER
    faces = Faces()
    faces.need([_title(chapter), key], "bold")
    faces.need([*words, "12345678"], "regular")
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=(width, height), pageCompression=1, invariant=1)
    canvas.setTitle(_("Recovery key"))  # not the key itself: printers list titles
    top = height - MARGIN
    canvas.setFillColorRGB(*INK)
    draw_line(canvas, fit(faces, _title(chapter), width - 2 * MARGIN, [22, 18, 15, 12], "bold").lines[0], MARGIN, top - 22)
    cell, row_height = (width - 2 * MARGIN) / 4, 54.0
    for number, group in enumerate(key.split("-")):
        _cell(canvas, faces, number, group, (MARGIN + number % 4 * cell, top - 60 - (number // 4 + 1) * row_height), (cell, row_height))
    base = top - 60 - 2 * row_height - 34
    canvas.setFillColorRGB(*GREY)
    for sentence in words:
        for line in fit(faces, sentence, width - 2 * MARGIN, [11, 10, 9], max_lines=3).lines:
            draw_line(canvas, line, MARGIN, base)
            base -= 16
        base -= 6
    canvas.showPage()
    canvas.save()
    return out.getvalue()


def _cell(canvas: Any, faces: Faces, number: int, group: str, corner: tuple[float, float], size: tuple[float, float]) -> None:
    x, y = corner
    canvas.setStrokeColorRGB(0.8, 0.82, 0.84)
    canvas.setLineWidth(0.8)
    canvas.rect(x, y, *size, stroke=1, fill=0)
    canvas.setFillColorRGB(*GREY)
    draw_line(canvas, set_line(faces, str(number + 1), 9), x + 10, y + size[1] / 2 - 4)
    canvas.setFillColorRGB(*INK)
    draw_line(canvas, set_line(faces, group, 20, "bold"), x + 26, y + size[1] / 2 - 7)


def _title(chapter: str) -> str:
    return _("Recovery key of {chapter}").format(chapter=chapter or "Alumni Desk")


def _words(when: str, made: str) -> list[str]:
    return [
        _("It opens the members when the password is forgotten, or a backup on another laptop. Type it where the password is asked for."),
        _("The last letter of each group checks it. There is no letter I, L, O or U: what looks like one is a digit."),
        _("Whoever has this paper and the laptop or a backup can open the members. Keep it with the chapter’s papers, not with the laptop."),
        f"{when.format(day=made)} {_('Nobody else has a copy, not even the makers of Alumni Desk.')}",
    ]
