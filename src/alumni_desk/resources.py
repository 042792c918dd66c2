"""Where resource files lie: inside an installed package, or at the top of a checkout."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path


@lru_cache(maxsize=1)
def resources() -> Path:
    """The folder of resources."""
    inside = Path(__file__).parent / "resources"
    return inside if inside.is_dir() else Path(__file__).parents[2] / "resources"


def resource(*parts: str) -> Path:
    """A file or folder among the resources: ``resource("stocks", "avery-5392.json")`` or with slashes."""
    return resources().joinpath(*parts)
