"""Draws the PNG sizes of the app icon from resources/icon/alumni-desk.svg: ``.venv/bin/python packaging/icons.py [DIR]``."""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

HOME = Path(__file__).resolve().parents[1] / "resources" / "icon"
SIDES = (16, 24, 32, 48, 64, 128, 256, 512)


def draw(side: int) -> QImage:
    """The icon at one size in pixels."""
    image = QImage(side, side, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    QSvgRenderer(str(HOME / "alumni-desk.svg")).render(painter)
    painter.end()
    return image


def main(folder: Path) -> None:
    """Write all sizes into a folder."""
    app = QGuiApplication(["icons", "-platform", "offscreen"])
    for side in SIDES:
        if not draw(side).save(str(folder / f"alumni-desk-{side}.png")):
            raise OSError(f"cannot write the {side} px icon into {folder}")
    del app


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HOME)
