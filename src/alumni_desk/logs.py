"""The log file: what the program did and where it failed, without a word about any person."""

from __future__ import annotations

import logging
import os
import traceback
from pathlib import Path
from typing import Any


def log_file() -> Path:
    """Where the log is written."""
    from platformdirs import user_log_path

    return user_log_path("alumni-desk", appauthor=False) / "desk.log"


class _NoValues(logging.Formatter):
    """Leaves exceptions' texts out: they may quote what somebody typed. Keeps types, files, lines and functions."""

    def formatException(self, ei: Any) -> str:
        kind, _error, trace = ei
        places = [f"  {Path(one.filename).name}:{one.lineno} {one.name}" for one in traceback.extract_tb(trace)]
        return "\n".join([f"{kind.__name__} (its text is left out)", *places])


class _File(logging.Handler):
    """Writes to the log file from the first line on; until there is one it costs a start nothing."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file
        self._writes: logging.Handler | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if self._writes is None:
            from logging.handlers import RotatingFileHandler

            self._writes = RotatingFileHandler(self._file, maxBytes=500_000, backupCount=4, encoding="utf-8", delay=True)
            self._writes.setFormatter(self.formatter)
        self._writes.emit(record)

    def close(self) -> None:
        if self._writes is not None:
            self._writes.close()
        super().close()


def start_logging(file: Path | None = None) -> None:
    """Write warnings and worse of this program to its log file, five files of 500 KB at most."""
    target = file or log_file()
    root = logging.getLogger("alumni_desk")
    root.setLevel(logging.INFO)
    root.propagate = False
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handler: logging.Handler = _File(target)
    except OSError:
        handler = logging.NullHandler()  # a full or read-only disk must not keep anybody from working
    handler.setFormatter(_NoValues("%(asctime)s %(process)d %(levelname)s %(name)s %(message)s"))
    for old in list(root.handlers):
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    if os.environ.get("ALUMNI_DESK_LOG") == "stderr":
        aloud = logging.StreamHandler()
        aloud.setFormatter(_NoValues("%(levelname)s %(name)s %(message)s"))
        root.addHandler(aloud)


def note_bug(log: logging.Logger, error: BaseException, doing: str) -> None:
    """Log an unforeseen exception: its type and where it happened, not what it says."""
    log.error("a fault while %s", doing, exc_info=(type(error), error, error.__traceback__))
