"""Makes ``simulation`` importable: its modules are shared by the tests here and by ``packaging/dev.py soak``."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
