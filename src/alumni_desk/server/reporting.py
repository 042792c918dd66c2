"""The server's log: one line of JSON for each thing that happened, with ids, codes and times, never a name, a value or an address."""

from __future__ import annotations

import json
import logging
import sys
import threading
import traceback
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from alumni_desk.logs import note_bug

LOG = logging.getLogger("alumni_desk.server")
FIELDS = ("call", "status", "code", "ms", "received", "sent", "device")
"""What a line may say beside its event; nothing else that is passed gets into the log."""


class JsonLines(logging.Formatter):
    """A record as one line of JSON. Of an exception its type and places, not its text, which may quote what somebody typed."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(), "process": record.process,
        }
        line["event"] = record.getMessage() if record.name.startswith("alumni_desk") else ": ".join(filter(None, [record.name, _words_of_another(record)]))
        line.update({name: getattr(record, name) for name in FIELDS if getattr(record, name, None) is not None})
        if record.exc_info and record.exc_info[0] is not None:
            line["fault"] = record.exc_info[0].__name__
            line["at"] = [f"{Path(one.filename).name}:{one.lineno} {one.name}" for one in traceback.extract_tb(record.exc_info[2])]
        return json.dumps(line, ensure_ascii=False)


def _words_of_another(record: logging.LogRecord) -> str:
    """What another package says of itself: the words it always says, without what stands between them, nor anything where those are not known apart."""
    if not record.name.startswith(("uvicorn", "sqlalchemy")) or not isinstance(record.msg, str):
        return ""
    return record.msg.partition("<")[0].partition("\n")[0].strip()  # from there on an object tells of itself: of a connection its host and user


def log_to(stream: TextIO | None = None, *, requests: bool) -> None:
    """Write warnings and worse, whoever gives them, and each request if wanted, to a stream (standard error)."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    for name in ("alumni_desk", "uvicorn", None):  # without a name: all others, as the pool of connections and the event loop
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        logger.propagate = False
        logger.setLevel(logging.INFO if name == "alumni_desk" else logging.WARNING)
    handler.setLevel(logging.INFO if requests else logging.WARNING)
    logging.getLogger("alumni_desk.server.requests").setLevel(logging.INFO if requests else logging.WARNING)  # not even made where nobody reads them
    warnings.showwarning = _note_warning
    threading.excepthook = lambda what: None if what.exc_value is None else note_bug(LOG, what.exc_value, "running a thread")


def _note_warning(message: Warning | str, category: type[Warning], filename: str, lineno: int, file: object = None, line: object = None) -> None:
    LOG.warning("%s at %s:%s", category.__name__, Path(filename).name, lineno)
