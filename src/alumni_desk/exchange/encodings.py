"""Finds the encoding of a text file: by its mark, by reading it all as UTF-8, else by its letters."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

_CHUNK = 1 << 20
_EVIDENCE = 64 * 1024
_TRIED = ["cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "mac_roman", "cp932",
          "gb18030", "big5", "cp949"]
_LATIN = {"cp1252", "cp1250", "cp1254", "cp1257", "mac_roman"}
_STRAYS = re.compile("[\udc80-\udcff]+")


@dataclass(frozen=True)
class Encoding:
    """``name`` as people know it, ``codec`` for Python, ``damaged`` when single bytes do not belong to it."""

    name: str
    codec: str
    damaged: bool = False


def find_encoding(raw: IO[bytes], head: bytes, also: Callable[[bytes], object]) -> Encoding:
    """The encoding of the whole stream; every chunk read is also handed to ``also`` (the file's hash)."""
    utf16 = _utf16(head)
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_utf8, evidence, multi, stray = utf16 is None, bytearray(), 0, 0
    while chunk := raw.read(_CHUNK):
        also(chunk)
        if utf16 is not None:
            continue
        if is_utf8:
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                is_utf8 = False
        if not chunk.isascii() and len(evidence) < _EVIDENCE:
            for line in chunk.splitlines(keepends=True):
                if not line.isascii():
                    evidence += line[:4096]
                    if len(evidence) >= _EVIDENCE:
                        break
    if utf16 is not None:
        return utf16
    if is_utf8:
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            is_utf8 = False
    if is_utf8:
        return Encoding("UTF-8", "utf-8-sig")
    text = bytes(evidence).decode("utf-8", errors="surrogateescape")
    stray = len(re.findall("[\udc80-\udcff]", text))
    multi = sum(1 for letter in text if letter > "\x7f") - stray
    if multi > stray:  # UTF-8 with a few foreign bytes, as when two lists were pasted together
        return Encoding("UTF-8", "utf-8-sig", damaged=True)
    return _by_letters(bytes(evidence))


def _utf16(head: bytes) -> Encoding | None:
    if head.startswith(codecs.BOM_UTF16_LE) or head.startswith(codecs.BOM_UTF16_BE):
        return Encoding("UTF-16", "utf-16")
    sample = head[:8192]
    half = len(sample) // 2
    if half and b"\0" in sample:
        if sample[1::2].count(0) > 0.4 * half and sample[0::2].count(0) < 0.2 * half:
            return Encoding("UTF-16", "utf-16-le")
        if sample[0::2].count(0) > 0.4 * half and sample[1::2].count(0) < 0.2 * half:
            return Encoding("UTF-16", "utf-16-be")
    return None


def _by_letters(evidence: bytes) -> Encoding:
    from charset_normalizer import from_bytes

    found = from_bytes(evidence, cp_isolation=_TRIED)
    best = found.best()
    chosen = "cp1252"
    if best is not None:
        chosen = best.encoding
        even = {match.encoding: match for match in found}
        # Short lists of names look alike in the Western and Central European pages: Western unless it reads worse.
        if chosen in _LATIN and "cp1252" in even and even["cp1252"].chaos <= best.chaos + 0.05:
            chosen = "cp1252"
    names = {"cp1252": "Windows-1252", "mac_roman": "Mac Roman", "cp932": "Shift JIS", "big5": "Big5",
             "gb18030": "GB 18030", "cp949": "Korean (949)"}
    return Encoding(names.get(chosen, chosen.replace("cp", "Windows-")), chosen)


def mended(cell: str) -> str:
    """A cell whose foreign bytes (kept as lone surrogates) are read as Windows-1252."""
    if cell.isascii():
        return cell
    return _STRAYS.sub(lambda m: m.group().encode("ascii", "surrogateescape").decode("cp1252", "replace"), cell)
