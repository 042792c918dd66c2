"""QR codes as vector squares, by zxing-cpp."""

from __future__ import annotations

from functools import lru_cache
from typing import Any


@lru_cache(maxsize=512)
def modules(text: str) -> tuple[tuple[bool, ...], ...]:
    """The dark squares of a code, row by row from the top, without the quiet zone. Error correction Q: a crease may cost a quarter."""
    import zxingcpp

    barcode = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="Q")
    image: Any = zxingcpp.write_barcode_to_image(barcode, scale=1, add_quiet_zones=False)
    height, width = image.shape[0], image.shape[1]
    cells = memoryview(image)
    return tuple(tuple(cells[row, column] < 128 for column in range(width)) for row in range(height))


def draw_qr(canvas: Any, text: str, x: float, y: float, side: float) -> None:
    """Draw a code with its lower left corner at ``x, y``; ``side`` in points, the quiet zone is the caller's."""
    rows = modules(text)
    unit = side / len(rows)
    path = canvas.beginPath()
    for number, row in enumerate(rows):
        start = None
        for column, dark in enumerate((*row, False)):
            if dark and start is None:
                start = column
            elif not dark and start is not None:
                path.rect(x + start * unit, y + side - (number + 1) * unit, (column - start) * unit, unit)
                start = None
    canvas.setFillColorRGB(0, 0, 0)
    canvas.drawPath(path, stroke=0, fill=1)
