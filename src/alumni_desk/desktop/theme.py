"""Puts the look on the application: style, palette, type and a small style sheet, from the tokens."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication

from alumni_desk.desktop.fonts import install_fonts, set_text_size
from alumni_desk.desktop.tokens import CONTROL, DARK, FOCUS, LIGHT, RADIUS, Colours

Theme = Literal["system", "light", "dark"]


def palette(colours: Colours) -> QPalette:
    """The tokens in Qt's roles, for every widget that is not painted by us."""
    made = QPalette()
    roles = {
        QPalette.ColorRole.Window: colours.bg,
        QPalette.ColorRole.WindowText: colours.text,
        QPalette.ColorRole.Base: colours.bg,
        QPalette.ColorRole.AlternateBase: colours.side,
        QPalette.ColorRole.Text: colours.text,
        QPalette.ColorRole.PlaceholderText: colours.muted,
        QPalette.ColorRole.Button: colours.fill,
        QPalette.ColorRole.ButtonText: colours.text,
        QPalette.ColorRole.Highlight: colours.selected,
        QPalette.ColorRole.HighlightedText: colours.selected_text,
        QPalette.ColorRole.Accent: colours.accent,
        QPalette.ColorRole.Link: colours.accent,
        QPalette.ColorRole.LinkVisited: colours.accent,
        QPalette.ColorRole.ToolTipBase: colours.text,
        QPalette.ColorRole.ToolTipText: colours.bg,
        QPalette.ColorRole.BrightText: colours.danger,
        QPalette.ColorRole.Light: colours.raised,
        QPalette.ColorRole.Midlight: colours.line,
        QPalette.ColorRole.Mid: colours.line,
        QPalette.ColorRole.Dark: colours.border,
        QPalette.ColorRole.Shadow: colours.line,
    }
    for role, colour in roles.items():
        made.setColor(role, QColor(colour))
    for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, role, QColor(colours.muted))
    return made


SHEET = """
QLabel {{ background: transparent; }}
QLabel[tone="muted"] {{ color: {muted}; }}
QLabel[tone="accent"] {{ color: {accent}; }}
QLabel[tone="ok"] {{ color: {ok}; }}
QLabel[tone="warn"] {{ color: {warn}; }}
QLabel[tone="danger"] {{ color: {danger}; }}
QLabel[toast="words"] {{ color: {bg}; }}
QFrame#sidebar, QListView#nav {{ background: {side}; }}
QListView#nav {{ border: none; outline: none; }}
QListView#nav[onpage="true"] {{ background: {bg}; }}
QFrame[hairline="h"] {{ background: {line}; border: none; max-height: 1px; min-height: 1px; }}
QFrame[hairline="v"] {{ background: {line}; border: none; max-width: 1px; min-width: 1px; }}
QFrame[card="true"] {{ background: {raised}; border: 1px solid {line}; border-radius: {card}px; }}
QFrame[card="true"]:focus {{ border: {focus}px solid {accent}; }}
QScrollArea {{ background: transparent; border: none; }}
QAbstractScrollArea::corner {{ background: transparent; border: none; }}

QLineEdit, QPlainTextEdit, QTextEdit, QComboBox, QAbstractSpinBox {{
    background: {raised}; color: {text}; border: 1px solid {border}; border-radius: {radius}px;
    selection-background-color: {accent}; selection-color: {on_accent}; placeholder-text-color: {muted};
}}
QLineEdit, QComboBox, QAbstractSpinBox {{ padding: {six}px {pad}px; }}
QAbstractSpinBox, QAbstractSpinBox:focus {{ padding-left: 0; }}
QPlainTextEdit, QTextEdit {{ padding: {half}px; }}
QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus, QComboBox:focus, QAbstractSpinBox:focus {{
    border: {focus}px solid {accent}; padding: {five}px {padfocus}px;
}}
QPlainTextEdit[wrong="true"], QComboBox[wrong="true"], QAbstractSpinBox[wrong="true"] {{ background: {danger_soft}; border: {focus}px solid {danger}; }}
QLineEdit[wrong="true"], QLineEdit[wrong="true"]:focus {{ background: {danger_soft}; border: {focus}px solid {danger}; padding: {five}px {padfocus}px; }}
QLineEdit:disabled, QComboBox:disabled, QAbstractSpinBox:disabled {{ background: {fill}; color: {muted}; border-color: {line}; }}
QAbstractSpinBox QLineEdit, QAbstractSpinBox QLineEdit:focus {{ border: none; background: transparent; padding: 0; }}
QLineEdit[bare="true"], QLineEdit[bare="true"]:focus {{ border: none; background: transparent; padding: 0; }}
QTextEdit[bare="true"], QTextEdit[bare="true"]:focus {{ border: none; background: {bg}; padding: 0; border-radius: 0; }}
QListView#nav::item {{ min-height: {item}px; padding-left: {half}px; margin: 0 {half}px; border-radius: {radius}px; }}
QListView#nav::item:selected {{ background: {selected}; color: {selected_text}; }}
QComboBox {{ combobox-popup: 0; }}
QComboBox::drop-down, QDateTimeEdit::drop-down,
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button {{ border: none; width: {drop}px; background: transparent; }}
QComboBox::down-arrow, QDateTimeEdit::down-arrow, QAbstractSpinBox::up-arrow, QAbstractSpinBox::down-arrow {{ image: none; width: 0; height: 0; }}
QComboBox QAbstractItemView {{
    background: {raised}; border: 1px solid {border}; outline: none; padding: {quarter}px;
    selection-background-color: {selected}; selection-color: {selected_text};
}}
QComboBox QAbstractItemView::item {{ min-height: {item}px; padding: 0 {half}px; }}

QPushButton, QToolButton {{
    background: {fill}; color: {text}; border: {focus}px solid transparent; border-radius: {radius}px;
    min-height: {buttoninner}px; padding: 0 {buttonpad}px;
}}
QFileDialog QToolButton {{ background: {filetool}; padding: 0; min-height: 0; }}
QPushButton:pressed, QToolButton:pressed {{ background: {fill_down}; }}
QPushButton:focus, QToolButton:focus {{ border-color: {accent}; }}
QPushButton:disabled, QToolButton:disabled {{ color: {muted}; }}
QPushButton:default {{ background: {accent}; color: {on_accent}; }}

QTableView, QListView, QTreeView {{ background: {bg}; border: none; outline: none; gridline-color: transparent; }}
QHeaderView {{ background: {bg}; border: none; }}
QTableView[people="true"] QHeaderView::section:first {{ padding-left: {peoplepad}px; }}
QTableView[people="plain"] QHeaderView::section:first {{ padding-left: {inset}px; }}
QHeaderView::section {{
    background: {bg}; color: {muted}; border: none; border-bottom: 1px solid {line}; padding: 0 {half}px 0 0; text-align: left;
}}
QTableCornerButton::section {{ background: {bg}; border: none; }}
QTabBar {{ background: transparent; qproperty-drawBase: 0; }}
QTabBar::tab {{
    background: transparent; color: {muted}; padding: 0 0 0 0; margin-right: {gap}px; min-height: {tab}px;
    border-bottom: {focus}px solid transparent;
}}
QTabBar::tab:selected {{ color: {text}; border-bottom-color: {accent}; }}
QTabBar::tab:hover {{ color: {text}; }}
QTabBar:focus {{ outline: {focus}px solid {accent}; }}
QTabWidget::pane {{ border: none; border-top: 1px solid {line}; }}
QSplitter::handle {{ background: {line}; }}
QSplitter::handle:horizontal {{ width: 1px; }}

QScrollBar:vertical {{ background: transparent; width: {bar}px; margin: 0; }}
QScrollBar:horizontal {{ background: transparent; height: {bar}px; margin: 0; }}
QScrollBar::handle {{ background: {border}; border-radius: {barround}px; margin: {barmargin}px; }}
QScrollBar::handle:vertical {{ min-height: {item}px; }}
QScrollBar::handle:horizontal {{ min-width: {item}px; }}
QScrollBar::add-line, QScrollBar::sub-line, QScrollBar::add-page, QScrollBar::sub-page {{
    background: transparent; border: none; width: 0; height: 0;
}}

QMenu {{ background: {raised}; color: {text}; border: 1px solid {border}; padding: {quarter}px; }}
QMenu::item {{ padding: {half}px {gap}px; border-radius: {radius}px; }}
QMenu::item:selected {{ background: {selected}; color: {selected_text}; }}
QMenu::item:disabled {{ color: {muted}; }}
QMenu::separator {{ height: 1px; background: {line}; margin: {quarter}px; }}
QToolTip {{ background: {text}; color: {bg}; border: none; padding: {quarter}px {half}px; }}
QProgressBar {{ background: {track}; border: none; border-radius: 4px; max-height: {half}px; min-height: {half}px; }}
QProgressBar::chunk {{ background: {accent}; border-radius: 4px; }}
QDialog#sheet {{ background: {bg}; border: 1px solid {border}; }}
"""


def style_sheet(colours: Colours, percent: int) -> str:
    """The part of the look that a palette cannot say."""

    def px(measure: float) -> int:
        return round(measure * percent / 100)

    measures = {
        "radius": RADIUS, "card": 8, "focus": FOCUS, "six": px(6), "five": px(6) - 1,
        "pad": px(12), "padfocus": px(12) - 1, "half": px(8), "quarter": px(4), "peoplepad": px(62), "inset": px(24), "gap": px(16), "drop": px(28),
        "item": px(28), "buttoninner": px(CONTROL) - 2 * FOCUS, "buttonpad": px(14), "tab": px(36), "bar": px(12),
        "barround": px(3), "barmargin": px(3),
    }  # fmt: skip
    words = {name: getattr(colours, name) for name in Colours._fields if name != "dark"}
    words["filetool"] = colours.border if colours.dark else colours.fill  # Qt's own icons of that dialog are dark
    return SHEET.format(**words, **measures)


class Appearance(QObject):
    """The application's theme and text size; follows the system while the theme is ``system``.

    ``repainted``: light has become dark or the other way. ``resized``: the text size is another one; measures are
    taken when widgets are made, so the window is built again.
    """

    repainted = Signal()
    resized = Signal()

    def __init__(self, app: QApplication, theme: Theme = "system", percent: int = 100) -> None:
        super().__init__(app)
        self._app = app
        self.theme: Theme = theme
        self.percent = percent
        self._families = install_fonts()
        app.setStyle("Fusion")
        app.styleHints().colorSchemeChanged.connect(self._system_changed)
        self._apply()

    def colours(self) -> Colours:
        """The colours that the theme asks for now."""
        if self.theme == "system":
            return DARK if self._app.styleHints().colorScheme() == Qt.ColorScheme.Dark else LIGHT
        return DARK if self.theme == "dark" else LIGHT

    def set_theme(self, theme: Theme) -> None:
        """Light, dark, or as the system has it; seen at once."""
        self.theme = theme
        self._apply()
        self.repainted.emit()

    def set_percent(self, percent: int) -> None:
        """Text size, 90 to 150 per cent."""
        if percent != self.percent:
            self.percent = percent
            self._apply()
            self.resized.emit()

    def _system_changed(self) -> None:
        if self.theme == "system":
            self._apply()
            self.repainted.emit()

    def _apply(self) -> None:
        colours = self.colours()
        set_text_size(self._app, self._families, self.percent)
        self._app.setPalette(palette(colours))
        if (sheet := style_sheet(colours, self.percent)) != self._app.styleSheet():  # Qt dresses every widget anew
            self._app.setStyleSheet(sheet)
