"""Reads a table from a text file as a stream: any common encoding, delimiter and preamble, one row at a time."""

from __future__ import annotations

import csv
import hashlib
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from alumni_desk.errors import BadInput
from alumni_desk.exchange.content import refuse_other_kinds
from alumni_desk.exchange.encodings import Encoding, find_encoding, mended
from alumni_desk.exchange.layout import Layout, find_layout
from alumni_desk.words import _

MOST_COLUMNS = 256
LONGEST_CELL = 64 * 1024  # characters
LONGEST_ROW = 1_000_000  # characters
_SAMPLE = 256 * 1024


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the file: its number (first row under the headings is 1), its cells, and why it cannot be used."""

    number: int
    cells: list[str]
    problem: str | None = None


@dataclass(frozen=True)
class Table:
    """A file that has been recognised as a table; ``rows()`` streams it from the start each time it is called."""

    path: Path
    headers: tuple[str, ...]
    encoding: str
    delimiter: str
    size: int  # bytes
    sha256: str
    _encoding: Encoding
    _layout: Layout

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def has_headings(self) -> bool:
        """Whether a line says what the columns are; if not, the headers are numbers."""
        return self._layout.named

    def rows(self) -> Iterator[Row]:
        """Every row that is not blank, padded to the headings; unusable rows carry their problem."""
        with _said(self.path), _opened(self.path, self._encoding) as stream:
            yield from _rows(stream, self._layout, len(self.headers), self._encoding.damaged)

    def sample(self, count: int = 500) -> list[list[str]]:
        """The cells of the first ``count`` usable rows, for recognising columns."""
        found: list[list[str]] = []
        for row in self.rows():
            if row.problem is None:
                found.append(row.cells)
            if len(found) >= count:
                break
        return found

    def estimate(self) -> int:
        """About how many rows the file has, from the size of its first rows; for progress only."""
        with _said(self.path), self.path.open("rb") as stream:
            head = stream.read(_SAMPLE)
        if len(head) == self.size:
            return sum(1 for _row in self.rows())
        lines = max(1, head.count(b"\n") or head.count(b"\r"))
        return max(1, self.size * lines // len(head))


def read_table(path: Path | str) -> Table:
    """Opens a table for streaming; the file is passed over once, for its hash and to be sure of its encoding.

    Raises BadInput, with one sentence, for what is missing, empty, not a table or too wide.
    """
    path = Path(path)
    digest = hashlib.sha256()
    with _said(path):
        if path.is_dir():
            raise BadInput("import_is_a_folder", _("{file} is a folder. Choose the file with the list in it."),
                           file=path.name)
        with path.open("rb") as raw:
            head = raw.read(_SAMPLE)
            refuse_other_kinds(path, head)
            raw.seek(0)
            encoding = find_encoding(raw, head, digest.update)
        size = path.stat().st_size
        with _opened(path, encoding) as stream:
            start = stream.read(_SAMPLE)
    layout = find_layout(start, whole=len(start) < _SAMPLE)
    if layout is None:
        raise BadInput("import_empty", _("{file} is empty. Save the list again and import that file."), file=path.name)
    if len(layout.headers) > MOST_COLUMNS:
        raise BadInput("import_too_many_columns", _("{file} has {count} columns, and Alumni Desk reads up to {most}. "
                       "Remove columns that you do not need and save it again."),
                       file=path.name, count=len(layout.headers), most=MOST_COLUMNS)
    return Table(path, layout.headers, encoding.name, layout.delimiter, size, digest.hexdigest(), encoding, layout)


@contextmanager
def _said(path: Path) -> Iterator[None]:
    """Around the reading of a list: what the system says becomes a sentence, at its first row as at its last (a stick that is pulled out)."""
    try:
        yield
    except FileNotFoundError:
        raise BadInput("import_no_file", _("There is no file {file}. Check its name and folder."),
                       file=str(path)) from None
    except PermissionError:
        raise BadInput("import_not_readable", _("{file} may not be read by you. Copy it to your own folder "
                       "and import the copy."), file=path.name) from None
    except OSError as problem:
        raise BadInput("import_not_read", _("{file} could not be read ({reason}). Copy it to this computer and "
                       "import the copy."), file=path.name, reason=problem.strerror or "?") from problem


def _opened(path: Path, encoding: Encoding) -> IO[str]:
    return path.open("r", encoding=encoding.codec, errors="surrogateescape" if encoding.damaged else "replace",
                     newline="")


class _LineTooLong(Exception):
    """A physical line without end; the reader goes on with the next one."""


class _Lines:
    """Lines of a text stream, never more than a row's worth in memory; those of the current row can be given back."""

    def __init__(self, stream: IO[str]) -> None:
        self._readline = stream.readline
        self._again: deque[str] = deque()
        self.taken: list[str] = []  # since the last row
        self.ended = False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._readline(LONGEST_ROW)
        if not line:
            self.ended = True
            raise StopIteration
        self.taken.append(line)
        if len(line) >= LONGEST_ROW and line[-1] not in "\r\n":
            while line and line[-1] not in "\r\n":
                line = self._readline(LONGEST_ROW)
            raise _LineTooLong
        return line

    def keep_first(self) -> None:
        """Gives back all lines of the current row but the first: a quote that never closes has swallowed them."""
        self._again.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]
        self.ended = False


def _rows(stream: IO[str], layout: Layout, width: int, damaged: bool) -> Iterator[Row]:
    lines = _Lines(stream)
    reader = csv.reader(lines, delimiter=layout.delimiter)
    to_skip, number, api_names = layout.skip, 0, layout.api_names
    while True:
        lines.taken.clear()
        problem = None
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (_LineTooLong, csv.Error) as error:  # csv.Error: a cell beyond the csv module's own limit
            problem = _too_long_row() if isinstance(error, _LineTooLong) else _too_long_cell()
            if len(lines.taken) > 1:
                lines.keep_first()
                reader, problem = csv.reader(lines, delimiter=layout.delimiter), _open_quote()
            cells = _beginning(lines.taken[0], layout.delimiter)
        else:
            if lines.ended and len(lines.taken) > 1 and _never_closes(lines.taken, layout.delimiter):
                lines.keep_first()
                reader, problem = csv.reader(lines, delimiter=layout.delimiter), _open_quote()
                cells = _beginning(lines.taken[0], layout.delimiter)
        if to_skip:
            to_skip -= 1
            continue
        if problem is None:
            if sum(map(len, lines.taken)) > LONGEST_CELL and (problem := _too_long(cells)):
                cells = [cell[:200] for cell in cells]
            if not any(cells) or not any(cell.strip() for cell in cells):
                continue
        if damaged:
            cells = [mended(cell) for cell in cells]
        if len(cells) < width:
            cells += [""] * (width - len(cells))
        elif len(cells) > width:
            while len(cells) > width and not cells[-1].strip():
                cells.pop()
            if len(cells) > width:
                problem = problem or _("{count} cells, but the file has {width} columns").format(
                    count=len(cells), width=width)
        if api_names:
            api_names = False
            continue
        number += 1
        yield Row(number, cells, problem)


def _beginning(line: str, delimiter: str) -> list[str]:
    """What can be shown of a row that cannot be read."""
    cells = next(csv.reader([line[:2000]], delimiter=delimiter), [])
    return [cell[:200].rstrip("\r\n") for cell in cells]


def _never_closes(lines: list[str], delimiter: str) -> bool:
    try:
        for _cells in csv.reader(lines, delimiter=delimiter, strict=True):
            pass
    except csv.Error as error:
        return "end of data" in str(error)
    return False


def _open_quote() -> str:
    return str(_("a quotation mark opens and never closes"))


def _too_long(cells: list[str]) -> str | None:
    if any(len(cell) > LONGEST_CELL for cell in cells):
        return _too_long_cell()
    return _too_long_row() if sum(map(len, cells)) + len(cells) >= LONGEST_ROW else None


def _too_long_cell() -> str:
    return _("a cell is longer than 65,536 characters")


def _too_long_row() -> str:
    return _("the row is longer than 1 MB")
