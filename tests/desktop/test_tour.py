"""The whole job in the window, from the first page to a second laptop: the tour checks itself and says where it got stuck."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtGui import QImage

from alumni_desk.desktop.tour import _Server, take_tour


def test_the_tours_server_leaves_the_office_s_database_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALUMNI_DESK_DATABASE", "postgresql+psycopg://nobody@127.0.0.1:1/office")
    with _Server(tmp_path / "server", "a password of the tour") as server:
        assert server.invite()
    assert list((tmp_path / "server").glob("*.db"))


@pytest.mark.long
@pytest.mark.usefixtures("qapp")
def test_the_tour_gets_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALUMNI_DESK_PASSPHRASE")
    files = take_tour(tmp_path / "tour", size=(1280, 800), theme="dark")
    names = {file.stem.partition("-")[2] if file.suffix == ".png" else file.name for file in files}
    assert {"today", "members", "import-columns", "gatherings", "gathering", "badges", "door-idle", "door-find", "door-admitted", "door-already-in",
            "door-needs-a-word", "door-refused", "door-walk-in", "sync", "settings", "help", "first-run", "join", "recovery", "lock", "roster.pdf",
            "badges-avery-5392.pdf", "badges-avery-l4785.pdf", "badges-roll-62x100.pdf"} <= names  # fmt: skip
    for file in files:
        assert file.stat().st_size > 3_000, file.name
        if file.suffix == ".png":
            image = QImage(str(file))
            assert (image.width(), image.height()) == (1280, 800), file.name
            assert len({image.pixel(x, y) for x in range(0, 1280, 16) for y in range(0, 800, 16)}) > 3, f"{file.name} is empty"
