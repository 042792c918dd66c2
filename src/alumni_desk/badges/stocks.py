"""Badge paper: where the labels lie on a sheet, from ``resources/stocks``. Millimetres in the files, points in here."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache

from alumni_desk.errors import BadInput
from alumni_desk.resources import resource
from alumni_desk.words import _

MM = 72 / 25.4
DEFAULT = "avery-5392"


@dataclass(frozen=True)
class Place:
    """A label on a page: its lower left corner and size, in points."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Stock:
    """A kind of badge paper."""

    name: str
    words: str
    detail: str
    paper: str
    page: tuple[float, float]  # points
    columns: int
    rows: int
    left: float
    top: float
    across: float  # from one label's left edge to the next one's
    down: float
    label: tuple[float, float]
    roll: bool

    @property
    def per_sheet(self) -> int:
        """How many labels a sheet has."""
        return self.columns * self.rows

    def place(self, number: int) -> Place:
        """Where label ``number`` (from 0, row by row from the top left) lies on its page."""
        row, column = divmod(number % self.per_sheet, self.columns)
        width, height = self.label
        return Place(self.left + column * self.across, self.page[1] - self.top - row * self.down - height, width, height)


@lru_cache(maxsize=1)
def stocks() -> tuple[Stock, ...]:
    """Every stock, the usual one first."""
    found = [_read(path.read_text("utf-8")) for path in sorted(resource("stocks").glob("*.json"))]
    return tuple(sorted(found, key=lambda stock: (stock.name != DEFAULT, stock.roll, stock.name)))


def stock(name: str) -> Stock:
    """A stock by its name. Raises BadInput ``unknown_stock``."""
    for one in stocks():
        if one.name == name:
            return one
    raise BadInput("unknown_stock", _("There is no badge paper “{name}”. There are: {known}."), name=name, known=", ".join(one.name for one in stocks()))


def _read(text: str) -> Stock:
    data = json.loads(text)
    for key in ("left", "top", "across", "down"):
        data[key] *= MM
    for key in ("page", "label"):
        data[key] = tuple(side * MM for side in data[key])
    return Stock(**data)
