"""An invitation on a sheet of paper: the QR code, the letters, where they lead and until when."""

from __future__ import annotations

import io

from alumni_desk.paper.fitting import fit
from alumni_desk.paper.fonts import Faces
from alumni_desk.paper.qr import draw_qr
from alumni_desk.paper.text import draw_line, set_line
from alumni_desk.words import _

MARGIN, SIDE = 64.0, 180.0
INK, GREY = (0.106, 0.122, 0.141), (0.365, 0.392, 0.424)


def invitation_pdf(*, title: str, code: str, qr: str, server: str, words: list[str], paper: str = "Letter") -> bytes:
    """One page. ``title``: who is invited to what; ``words``: sentences below, such as what they may do and until when."""
    from reportlab.lib.pagesizes import A4, LETTER
    from reportlab.pdfgen.canvas import Canvas

    width, height = A4 if paper == "A4" else LETTER
    faces = Faces()
    faces.need([title, code], "bold")
    faces.need([*words, server, _("Code"), _("Server {address}").format(address=server)], "regular")
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=(width, height), pageCompression=1, invariant=1)
    canvas.setTitle(_("Invitation"))  # not the code: printers list titles
    top = height - MARGIN
    canvas.setFillColorRGB(*INK)
    base = top - 22
    for line in fit(faces, title, width - 2 * MARGIN, [22, 18, 15], "bold", max_lines=2).lines:
        draw_line(canvas, line, MARGIN, base)
        base -= 26
    corner = base - SIDE - 10
    draw_qr(canvas, qr, MARGIN, corner, SIDE)
    left = MARGIN + SIDE + 32
    canvas.setFillColorRGB(*GREY)
    draw_line(canvas, set_line(faces, _("Code"), 11), left, corner + SIDE - 12)
    canvas.setFillColorRGB(*INK)
    letters = code.replace("-", " ")
    for number, half in enumerate((letters[:9], letters[10:])):
        draw_line(canvas, set_line(faces, half, 28, "bold"), left, corner + SIDE - 48 - 36 * number)
    canvas.setFillColorRGB(*GREY)
    draw_line(canvas, fit(faces, _("Server {address}").format(address=server), width - left - MARGIN, [11, 9, 7], "regular").lines[0], left, corner + 56)
    base = corner - 34
    for sentence in words:
        for line in fit(faces, sentence, width - 2 * MARGIN, [11, 10, 9], max_lines=3).lines:
            draw_line(canvas, line, MARGIN, base)
            base -= 16
        base -= 6
    canvas.showPage()
    canvas.save()
    return out.getvalue()
