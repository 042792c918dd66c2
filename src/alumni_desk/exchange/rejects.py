"""Writes rows to CSV files that spreadsheets open safely: no cell of a list becomes a formula."""

from __future__ import annotations

import contextlib
import csv
import errno
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from alumni_desk.errors import BadInput, KnownError
from alumni_desk.exchange.reading import Row, Table
from alumni_desk.exchange.recognise import Recognised, Sure
from alumni_desk.store.disk import FULL, file_disk_full, refuse_chapters_folder
from alumni_desk.words import _

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def safe(cell: str) -> str:
    """A cell that a spreadsheet shows as text: what it would take for a formula gets an apostrophe before it."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


@contextmanager
def written_whole(out: Path, encoding: str) -> Iterator[IO[str]]:
    """A text file that takes its place only when it is complete; else nothing of it remains. Raises BadInput."""
    refuse_chapters_folder(out)
    try:
        if out.is_dir():  # said before anything is done: a folder gives its name to no file
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        handle, name = tempfile.mkstemp(prefix=f".{out.name}.", dir=out.parent or ".")
    except OSError as problem:
        raise _not_written(out, problem) from problem
    part = Path(name)
    try:
        with os.fdopen(handle, "w", encoding=encoding, newline="") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, out)
    except BaseException as problem:
        with contextlib.suppress(FileNotFoundError):
            part.unlink()
        if isinstance(problem, OSError):
            raise _not_written(out, problem) from problem
        raise


def _not_written(out: Path, problem: OSError) -> KnownError:
    if problem.errno in FULL:
        return file_disk_full(out)
    return BadInput("file_not_written", _("{file} could not be written ({reason}). Choose another folder."),
                    file=str(out), reason=problem.strerror or "?")


@contextmanager
def rejects_file(out: Path, table: Table, recognised: Recognised) -> Iterator[Rejects]:
    """The file of a table's rejected rows, whole or not at all. Raises BadInput if it would take the place of the table itself."""
    with contextlib.suppress(OSError):  # that nothing can be there is said by whoever writes it
        if out.samefile(table.path):
            raise BadInput("rejects_over_source", _("The rejected rows cannot be written over {file}, the list itself. Choose another file for them. "
                           "Nothing was imported."), file=table.name)
    with written_whole(out, "utf-8-sig") as stream:
        yield Rejects(stream, table.headers, recognised)


class Rejects:
    """The file of rows that were not imported: the original columns and the reason. Refused columns stay empty."""

    def __init__(self, stream: IO[str], headings: Iterable[str], recognised: Recognised) -> None:
        self._stream = stream
        self._csv = csv.writer(stream, lineterminator="\r\n")
        self._hidden = [column.index for column in recognised.columns if column.sure is Sure.REFUSED]
        self._width = len(recognised.columns)
        self._csv.writerow([*(safe(heading) for heading in headings), "reason"])

    def add(self, row: Row, reason: str) -> None:
        cells = [*row.cells, *[""] * (self._width - len(row.cells))]
        for index in self._hidden:
            cells[index] = ""
        reason = reason if len(cells) == self._width else f"{reason}: {' | '.join(cells[self._width:])}"
        self._csv.writerow([*(safe(cell) for cell in cells[:self._width]), safe(reason)])

    def to_disk(self) -> None:
        """Have the rows on the disk by now; the file still waits for its name."""
        self._stream.flush()
        os.fsync(self._stream.fileno())
