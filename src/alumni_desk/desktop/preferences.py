"""How this person likes the window on this laptop: theme, text size, where it stood. No word about any member."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSettings

from alumni_desk.desktop.theme import Theme
from alumni_desk.desktop.tokens import TEXT_SIZES


class Preferences:
    """Kept in plain text beside the locked database, because they are wanted before it is opened."""

    def __init__(self, folder: Path) -> None:
        self._kept = QSettings(str(folder / "window.ini"), QSettings.Format.IniFormat)

    @property
    def theme(self) -> Theme:
        kept = self._kept.value("theme", "system")
        return kept if kept in ("light", "dark") else "system"

    @theme.setter
    def theme(self, theme: Theme) -> None:
        self._kept.setValue("theme", theme)

    @property
    def percent(self) -> int:
        """Text size in per cent."""
        kept = str(self._kept.value("text_size", 100))
        return int(kept) if kept.isdigit() and int(kept) in TEXT_SIZES else 100

    @percent.setter
    def percent(self, percent: int) -> None:
        self._kept.setValue("text_size", percent)

    @property
    def place(self) -> str:
        """Where the window stood."""
        return str(self._kept.value("window", ""))

    @place.setter
    def place(self, place: str) -> None:
        self._kept.setValue("window", place)

    def keep(self) -> None:
        """Write them down now."""
        self._kept.sync()
