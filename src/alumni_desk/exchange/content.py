"""Tells by its content what a file is when it is not a table, and says what to do instead."""

from __future__ import annotations

import zipfile
from pathlib import Path

from alumni_desk.errors import BadInput
from alumni_desk.words import _

_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\x00", b"MM\x00*", b"\x00\x00\x00\x18ftyphei")


def refuse_other_kinds(path: Path, head: bytes) -> None:
    """Raises BadInput with one sentence when ``head``, the start of the file, is not text with a table in it."""
    start = head.lstrip()[:512].lower()
    if head.startswith(b"%PDF"):
        _refuse("import_pdf", _("{file} is a PDF, not a table. Save the list as CSV and import that."), path)
    if head.startswith(b"PK\x03\x04") or head.startswith(b"PK\x05\x06"):
        _refuse_archive(path)
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        _refuse("import_old_excel", _("{file} is an old Excel or Office file. Open it, save it as CSV and "
                "import that."), path)
    if head.startswith((b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"BZh", b"\xfd7zXZ")):
        _refuse("import_archive", _("{file} is a packed file. Unpack it and import the CSV file that is in it."), path)
    if head.startswith(_PICTURES) or (head.startswith(b"RIFF") and head[8:12] == b"WEBP"):
        # "BM" alone may also begin a heading: a bitmap has zero bytes right after its size
        if not head.startswith(b"BM") or b"\0" in head[2:14]:
            _refuse("import_picture", _("{file} is a picture, not a table. Ask for the list as a CSV file."), path)
    if head.startswith(b"SQLite format 3\0"):
        _refuse("import_database", _("{file} is a database, not a table. Export the list from its "
                "program as CSV."), path)
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<table")):
        _refuse("import_web_page", _("{file} is a web page or XML, not a table. Open it in a spreadsheet program, "
                "save it as CSV and import that."), path)
    if start.startswith(b"{\\rtf"):
        _refuse("import_document", _("{file} is a text document, not a table. Copy the list into a spreadsheet, "
                "save it as CSV and import that."), path)
    if start.startswith(b"begin:vcard"):
        _refuse("import_vcard", _("{file} holds contact cards (vCard), not a table. Export the contacts as CSV."), path)
    if start.startswith((b"[{", b"{\"", b"[\n", b"[\r\n", b"{\n", b"{\r\n")):
        _refuse("import_json", _("{file} is JSON, not a table. Export the list as CSV and import that."), path)
    if not head.startswith((b"\xff\xfe", b"\xfe\xff")) and _binary(head):
        _refuse("import_not_text", _("{file} is not a text file, so there is no table to read in it. "
                "Save the list as CSV and import that."), path)


def _refuse_archive(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError):
        names = []
    if any(name.startswith("xl/") for name in names):
        _refuse("import_excel", _("{file} is an Excel workbook. In Excel choose File, Save as, CSV UTF-8, "
                "and import that file."), path)
    if any(name.startswith("word/") for name in names):
        _refuse("import_document", _("{file} is a text document, not a table. Copy the list into a spreadsheet, "
                "save it as CSV and import that."), path)
    if "mimetype" in names or any(name.startswith("Index/") for name in names):
        _refuse("import_spreadsheet", _("{file} is a spreadsheet document. Open it, save it as CSV and "
                "import that."), path)
    _refuse("import_archive", _("{file} is a packed file. Unpack it and import the CSV file that is in it."), path)


def _binary(head: bytes) -> bool:
    sample = head[:8192]
    if b"\0" in sample:
        even, odd = sample[0::2].count(0), sample[1::2].count(0)
        half = max(1, len(sample) // 2)
        return max(even, odd) < 0.4 * half or min(even, odd) > 0.2 * half  # zero in every second byte: UTF-16 text
    strange = sum(1 for byte in sample if byte < 32 and byte not in (9, 10, 11, 12, 13, 26, 27))
    return strange > len(sample) * 0.02


def _refuse(code: str, sentence: str, path: Path) -> None:
    raise BadInput(code, sentence, file=path.name)
