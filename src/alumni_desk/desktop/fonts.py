"""Type on screen: Inter, and Noto for every script that Inter lacks, from font packages, never from the system."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from PySide6.QtCore import QLoggingCategory, QPointF
from PySide6.QtGui import QFont, QFontDatabase, QFontMetricsF, QPainter, QPixmap
from PySide6.QtWidgets import QApplication

from alumni_desk.desktop.tokens import FACES, Role

PERCENT, FAMILIES = "text_size", "font_families"
LATIN = ("Inter", "Noto Sans")
CJK = ("Noto Sans CJK SC",)
EMOJI = ("\U0001f000", "\U0001fbff")
"""The first and the last of them."""
SCRIPTS = ("李 あ 한", "ع א", "क ไ", "አ")
"""Some of those that names are written in: so many at a time that nobody waits for it."""


def package_files(package: str, pattern: str) -> list[Path]:
    """Files of an installed package, found without importing it (importing some of them is slow)."""
    spec = find_spec(package)
    places = list(spec.submodule_search_locations or []) if spec else []
    return sorted(path for place in places for path in Path(place).glob(pattern))


def install_fonts() -> list[str]:
    """Make the packaged fonts known to Qt; returns the families in the order in which they stand in for one another.

    Reads some 5 MB and maps the 32 MB of Chinese, Japanese and Korean: about 60 ms together; once, for Qt knows a font that is added again twice, and
    takes longer each time to find the face of a script.
    """
    app = QApplication.instance()
    assert app is not None
    if (known := app.property(FAMILIES)) is not None:
        return list(known)
    # Qt tells of every family in the list that lacks a script, though the list exists for just that.
    QLoggingCategory.setFilterRules("qt.text.font.db=false")
    files = package_files("fontpkg_inter", "files/Inter[[]*.ttf") + package_files("manimgx_fonts", "*.ttf")
    files = [path for path in files if "Italic" not in path.name]
    found: list[str] = []
    for path in [*files, *package_files("manimgx_fonts_cjk", "*.ttc")]:
        number = QFontDatabase.addApplicationFont(str(path))
        found += QFontDatabase.applicationFontFamilies(number) if number >= 0 else []
    # Known, but none of the families: Qt takes the system's own emoji where there are some, and these where there are none.
    rest = [f for f in found if f not in LATIN and "CJK" not in f and "Emoji" not in f and not f.endswith("Light")]
    families = [f for f in (*LATIN, *sorted(rest), *CJK) if f in found]
    app.setProperty(FAMILIES, families)
    return families


def face(role: Role, families: list[str], percent: int = 100, *, tabular: bool = False) -> QFont:
    """The font of a role at a text size in per cent."""
    look = FACES[role]
    font = QFont(families)
    font.setPixelSize(round(look.size * percent / 100))
    # Variable fonts: Qt's own weight draws Chinese thin, so the axis is set beside it.
    font.setWeight(QFont.Weight(look.weight))
    font.setVariableAxis(QFont.Tag("wght"), look.weight)
    font.setVariableAxis(QFont.Tag("opsz"), min(32, max(14, look.size)))
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    if tabular:
        font.setFeature(QFont.Tag("tnum"), 1)
    return font


def set_text_size(app: QApplication, families: list[str], percent: int) -> None:
    """The application's own font and measures, at a text size in per cent."""
    app.setProperty(PERCENT, percent)
    app.setFont(face("body", families, percent))
    text_size.cache_clear()
    _present.cache_clear()
    metrics_of.cache_clear()


@lru_cache(maxsize=1)
def text_size() -> int:
    """The text size that the application has now, in per cent."""
    app = QApplication.instance()
    return (app.property(PERCENT) if app is not None else None) or 100


def font_of(role: Role, *, tabular: bool = False) -> QFont:
    """The font of a role, in the families and at the text size that the application has now."""
    return QFont(_present(role, tabular))


@lru_cache(maxsize=64)
def _present(role: Role, tabular: bool) -> QFont:
    # Made once: a font that is made anew has to find its face among the families for every word that is painted.
    return face(role, QApplication.font().families(), text_size(), tabular=tabular)


@lru_cache(maxsize=64)
def metrics_of(role: Role, tabular: bool = False) -> QFontMetricsF:
    """The measures of a role's font."""
    return QFontMetricsF(_present(role, tabular))


def drawable(text: str) -> str:
    """Text without the emoji that no font here has: nothing is better than an empty box. Only what is drawn goes without."""
    return _drawable(text) if max(text, default="") >= EMOJI[0] else text


@lru_cache(maxsize=1_024)
def _drawable(text: str) -> str:
    metrics = metrics_of("body")
    kept = "".join(c for c in text if not EMOJI[0] <= c <= EMOJI[1] or metrics.inFontUcs4(ord(c)))
    return text if kept == text else " ".join(kept.split()) or text


def know_scripts(role: Role, scripts: str) -> None:
    """Find the faces of other scripts for a role, and draw each once: the first name of each would wait for its own, 2 to 5 ms."""
    metrics = metrics_of(role)
    picture = QPixmap(round(metrics.horizontalAdvance(scripts)) + 1, round(metrics.height()))
    with QPainter(picture) as painter:
        painter.setFont(font_of(role))
        painter.drawText(QPointF(0, metrics.ascent()), scripts)


def px(measure: float) -> int:
    """A measure in px at 100 %, at the text size that the application has now."""
    return round(measure * text_size() / 100)
