"""What lies on the disks of laptops and server, decrypted byte by byte: pages that are free, logs, copies and backups too.

Everything that may be erased has marks in it, words that are nowhere else, which these bytes are searched for.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from alumni_desk.server.snapshot import Snapshots
from alumni_desk.store.backup_head import read_head
from alumni_desk.store.outbox import Outbox
from alumni_desk.sync import state
from simulation.laptop import Laptop
from simulation.office import KEY, Office

PAGE, RESERVED, VECTOR, SALT = 4_096, 80, 16, 16
"""SQLCipher's form: a page ends with its initialization vector and its sum; the first begins with a salt."""

LOG_HEAD, FRAME_HEAD = 32, 24

_MARK = re.compile(rb"[0-9a-f]{12}quill")


def mark(number: int) -> str:
    """A word that is nowhere else."""
    return f"{number % 16**12:012x}quill"


def marks_in(content: bytes | str) -> set[bytes]:
    """The marks in some bytes."""
    return set(_MARK.findall(content.encode() if isinstance(content, str) else content))


def marks_of_laptop(laptop: Laptop) -> dict[bytes, set[str]]:
    """Every mark on a laptop's disk, and the files in which it is."""
    with laptop.desk.reading() as connection:
        fetching = state.read(connection, state.Fetching)
    return _found(laptop.folder, laptop.desk.key, fetching.offer.key if fetching is not None else None)


def marks_of_server(office: Office) -> dict[bytes, set[str]]:
    """Every mark on the server's disk. Its backups lie elsewhere."""
    found = _found(office.folder, KEY, None)
    snapshots = Snapshots(office.server)
    for file in office.folder.glob("snapshots/*.db"):
        for word in marks_in(b"".join(pages(file.read_bytes(), snapshots._key(file.stem)))):
            found[word].add(file.name)
    return found


def _found(folder: Path, key: bytes, fetching: bytes | None) -> dict[bytes, set[str]]:
    found: dict[bytes, set[str]] = defaultdict(set)
    for file in sorted(one for one in folder.rglob("*") if one.is_file()):
        for part in _plain(file, key, fetching):
            for word in marks_in(part):
                found[word].add(file.name)
    return found


def _plain(file: Path, key: bytes, fetching: bytes | None) -> Iterable[bytes]:
    content = file.read_bytes()
    if file.name == "desk.outbox":
        return [repr(Outbox(file.parent, key).read()).encode()]
    if file.name == "snapshot.part":
        return pages(content, fetching) if fetching is not None else []
    if file.suffix == ".alumnidesk":
        return pages(content[read_head(file)[1]:], key)
    if file.name.endswith(".db-wal"):
        return frames(content, key)
    return pages(content, key) if file.suffix == ".db" else [content]


def pages(content: bytes, key: bytes) -> Iterator[bytes]:
    """The pages of an SQLCipher database, decrypted."""
    for start in range(0, len(content) - PAGE + 1, PAGE):
        yield _page(content[start:start + PAGE], key, first=start == 0)


def frames(content: bytes, key: bytes) -> Iterator[bytes]:
    """The pages in its log, those too that count no longer."""
    for start in range(LOG_HEAD, len(content) - PAGE - FRAME_HEAD + 1, PAGE + FRAME_HEAD):
        number = int.from_bytes(content[start:start + 4], "big")
        yield _page(content[start + FRAME_HEAD:start + FRAME_HEAD + PAGE], key, first=number == 1)


def _page(page: bytes, key: bytes, *, first: bool) -> bytes:
    start, end = SALT if first else 0, PAGE - RESERVED
    opened: Any = Cipher(algorithms.AES(key), modes.CBC(page[end:end + VECTOR])).decryptor()
    return bytes(opened.update(page[start:end]))
