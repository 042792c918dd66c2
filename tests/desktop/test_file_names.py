"""The names of files that dialogs suggest: what people call their gatherings is not always one."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PySide6.QtWidgets import QFileDialog

from alumni_desk.desktop.badges_page import BadgesPage
from alumni_desk.desktop.gatherings_page import GatheringsPage
from alumni_desk.desktop.inviting import Inviting

NAMES = ("Homecoming 9/12: Where?", "同窓会の集い" * 20, "../Dinner", "Dinner\n2027", "...")


@pytest.mark.parametrize("name", NAMES)
def test_a_suggested_file_lies_at_home_and_its_name_fits_every_system(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    asked: list[Path] = []
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda parent, words, file, kinds: (asked.append(Path(file)), ("", ""))[1])
    it, here = SimpleNamespace(row=SimpleNamespace(name=name, id="g")), SimpleNamespace
    pages: list[tuple[Any, Any, list[Any]]] = [
        (GatheringsPage.roster, here(), [it]), (GatheringsPage.hand_out, here(view=here(it=it)), []),
        (BadgesPage.save, here(_as_wanted=lambda then: here(wanted=here(gathering="g")), save=None, _rows={"g": it.row}), []),
        (Inviting._save, here(_made=here(name=name), sheet=None), [])]
    for ask, page, words in pages:
        ask(page, *words)
    assert len(asked) == 4
    for file in asked:
        assert file.parent == Path.home() and len(file.name.encode()) <= 200
        assert not set(file.name) & set('/\\:*?"<>|\n') and not file.name.startswith(".")
