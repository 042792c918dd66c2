"""The rows of members who moved, sealed, beside the journal: a server that goes back to before a move moves them again, as they were then.

The journal itself holds ids alone. A file for each move, under the server's own secret; it goes when somebody in it is erased.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

Rows = dict[tuple[str, str], dict[str, Any]]


class _File(msgspec.Struct):
    rows: list[str]
    box: bytes


class Sealed:
    """The files beside a journal; none for a server without a folder of its own, in tests."""

    def __init__(self, journal: Path | None, secret: bytes) -> None:
        self._journal = journal
        self._box = SecretBox(hashlib.blake2b(key=secret, person=b"moves", digest_size=32).digest())

    def keep(self, name: str, rows: Mapping[tuple[str, str], Mapping[str, Any]]) -> None:
        """Write the rows of a move and see them on the disk."""
        if self._journal is None:
            return
        folder = folder_beside(self._journal)
        folder.mkdir(mode=0o700, exist_ok=True)
        content = msgspec.json.encode([[*key, dict(row)] for key, row in rows.items()])
        part = folder / f"{name}.part"
        with open(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as stream:
            stream.write(msgspec.msgpack.encode(_File([row for _table, row in rows], bytes(self._box.encrypt(content)))))
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, folder / name)

    def rows(self, name: str) -> Rows:
        """The rows of a move; none where they are not kept."""
        if self._journal is None:
            return {}
        try:
            file = msgspec.msgpack.decode((folder_beside(self._journal) / name).read_bytes(), type=_File)
            return {(table, row): values for table, row, values in msgspec.json.decode(self._box.decrypt(file.box), type=list[tuple[str, str, dict[str, Any]]])}
        except (OSError, msgspec.MsgspecError, CryptoError):
            return {}  # the rows are then what the restored database has


def folder_beside(journal: Path) -> Path:
    """Where the files are."""
    return journal.with_name(f"{journal.name}.moves")


def forget(journal: Path | None, row: str) -> None:
    """This row was erased: nothing is kept of the moves that it was in."""
    if journal is None or not (folder := folder_beside(journal)).is_dir():
        return
    for path in folder.iterdir():
        try:
            held = path.suffix == ".part" or row in msgspec.msgpack.decode(path.read_bytes(), type=_File).rows
        except FileNotFoundError:  # another process has just done it
            continue
        except msgspec.MsgspecError:  # damaged: nothing can be read of it, by us neither
            held = True
        if held:
            path.unlink(missing_ok=True)
