"""What can be done, as the palette lists it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


def _always() -> bool:
    return True


@dataclass(frozen=True)
class Deed:
    """Something that can be done: ``key`` names it for the program. ``can`` tells whether it can be done now; else it is not offered."""

    key: str
    icon: str
    words: str
    act: Callable[[], Any]
    keys: str = ""
    can: Callable[[], bool] = _always
