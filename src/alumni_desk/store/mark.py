"""A small file beside the database that says which commit was the last: SQLite takes a damaged log for a short one, and would say nothing.

Every commit counts up in the database; afterwards the count is written here, under a MAC of a key derived from the database's. At the
next opening a database that counts less has lost commits. The file is not synced to the disk at every commit (that would double the
cost of one): it outlives a killed program, but after a power cut it may lag behind by what the system had not written yet, and a loss
within that time goes unseen.
"""

from __future__ import annotations

import hashlib
import os
import struct
from pathlib import Path

from alumni_desk.store import keys

NAME = "desk.mark"
_FORM = struct.Struct(">8sQ16s")
_MAGIC = b"ADMARK1\n"


class Mark:
    """The file, kept open by whoever writes to the database."""

    def __init__(self, folder: Path, key: bytes) -> None:
        self._file = folder / NAME
        self._begun = hashlib.blake2b(_MAGIC, key=keys.derived(key, b"alumni mark"), digest_size=16)
        self._handle: int | None = None

    def read(self) -> int | None:
        """The last commit that was told; None if there is no such file, or none that can be trusted."""
        try:
            content = self._file.read_bytes()
        except FileNotFoundError:
            return None
        if len(content) != _FORM.size:
            return None
        magic, count, mac = _FORM.unpack(content)
        return count if magic == _MAGIC and mac == self._mac(count) else None

    def is_damaged(self) -> bool:
        """Whether there is such a file, and what it says cannot be trusted."""
        return self.read() is None and self.exists()

    def exists(self) -> bool:
        """Whether there is such a file, whatever it says."""
        return self._file.exists()

    def write(self, count: int) -> None:
        """Say that this commit is safe. Called after it is."""
        if self._handle is None:
            self._handle = os.open(self._file, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
            if os.fstat(self._handle).st_size > _FORM.size:  # a damaged one
                os.ftruncate(self._handle, _FORM.size)
        os.lseek(self._handle, 0, os.SEEK_SET)
        os.write(self._handle, _FORM.pack(_MAGIC, count, self._mac(count)))

    def close(self) -> None:
        """Close the file."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def forget(self) -> None:
        """Another database takes the place: what was said is not about it."""
        self.close()
        self._file.unlink(missing_ok=True)

    def _mac(self, count: int) -> bytes:
        mac = self._begun.copy()
        mac.update(count.to_bytes(8, "big"))
        return mac.digest()
