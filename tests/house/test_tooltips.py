"""A tooltip says what it is given: Qt takes for a tag what looks like one, so data goes through ``paint.tip``."""

from __future__ import annotations

import re
from pathlib import Path

from PySide6.QtGui import Qt, QTextDocument

from alumni_desk.desktop.paint import tip

DESKTOP = Path(__file__).resolve().parents[2] / "src" / "alumni_desk" / "desktop"
OWN = ("_(", "tip(", "words)", "renews.accessibleName()", "span(", "str(")
"""What our own words begin with, or end in."""


def test_what_looks_like_a_tag_is_shown_as_it_stands() -> None:
    for text in ("Ana <b>Lima</b> & Co", "<img src=x>", "R&D <Lead>", "a < b", "Ana Lima", "Ana &lt;Lima"):
        shown = QTextDocument()
        (shown.setHtml if Qt.mightBeRichText(tip(text)) else shown.setPlainText)(tip(text))  # type: ignore[attr-defined]
        assert shown.toPlainText() == text


def test_every_tooltip_with_data_goes_through_it() -> None:
    loose = [f"{file.name}: {said}" for file in sorted(DESKTOP.glob("*.py"))
             for said in re.findall(r"setToolTip\((.*)\)$", file.read_text("utf-8"), re.M) if not (said.startswith(OWN) or f"{said})".endswith(OWN))]
    assert loose == []
    for name in ("activity_list", "guest_picker", "guests_table", "members_table", "palette", "restore_page"):
        assert re.search(r"ToolTipRole[\s\S]{0,300}tip\(", (DESKTOP / f"{name}.py").read_text("utf-8")), name
