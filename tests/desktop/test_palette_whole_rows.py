"""The palette shows whole rows, also in a low window with large text."""

from __future__ import annotations

from typing import Any

import pytest
from tests.desktop.conftest import Hands
from tests.desktop.test_door import text_of

from alumni_desk.desktop.palette import Palette

__all__ = ["text_of"]


@pytest.mark.parametrize("percent", [100, 125, 150])
def test_no_row_is_cut_at_the_foot_of_the_list(text_of: Any, hands: Hands, percent: int) -> None:
    text_of(percent)
    hands.shell.resize(1024, 640)
    hands.shell.palette_wanted.emit()
    palette: Palette = hands.dialog(Palette)
    hands.until(lambda: palette.lines.rowCount() > 12)
    hands.rest()
    room = palette.list.viewport().rect()
    seen = [palette.list.visualRect(palette.lines.index(row)) for row in range(palette.lines.rowCount())]
    shown = [one for one in seen if one.intersects(room)]
    assert len(shown) >= 4 and all(room.contains(one) for one in shown)
    palette.reject()
