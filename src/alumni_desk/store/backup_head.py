"""The head of a backup: when and why it was made, what is in it, what opens it; its form is in ``backup``."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

from alumni_desk.errors import BadInput, KnownError
from alumni_desk.store import keys
from alumni_desk.store.rotation import Rule
from alumni_desk.words import _

MAGIC = b"ALUMNI DESK BACKUP 2\n"
FORMER = b"ALUMNI DESK BACKUP 1\n"
HEADER_LIMIT = 65_536
ENDING = ".alumnidesk"
Opens = Literal["password", "recovery"]


class Last(NamedTuple):
    """The operation that was the last when a backup was made: its rowid and its id. Of a desk that went back since, another one has that rowid."""

    rowid: int
    operation: str


@dataclass(frozen=True)
class Backup:
    """A backup as a list shows it. ``damaged``: its numbers mean nothing. ``note``: the file that was imported after it.

    ``number`` rises with each of this desk's, whatever the clock said; 0: nobody knows, it is of another desk or of a program of before there were numbers.
    """

    file: Path
    made_at: str
    why: str
    note: str
    members: int
    gatherings: int
    check_ins: int
    size: int
    damaged: bool = False
    ours: bool = True  # opens with this desk's key
    chapter: str = ""
    rule: Rule | None = None  # what keeps it; None: it is not one that goes by itself
    number: int = 0
    last: Last | None = None  # None: nobody knows
    header: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def at(self) -> datetime:
        """When it was made."""
        return datetime.fromisoformat(self.made_at)


    @property
    def age(self) -> tuple[int, str, int, str]:
        """What orders this desk's backups by when they were made: by their numbers, and by the clock alone those of before there were any."""
        return self.number, self.made_at, len(self.file.name), self.file.name  # …-daily-2 after …-daily


def opened_by(header: Mapping[str, Any]) -> frozenset[Opens]:
    """What opens a backup on any computer; nothing of it: only the password store of the computer that made it has its key."""
    boxes: tuple[tuple[Opens, str], ...] = (("password", "key"), ("recovery", "recovery"))
    return frozenset(what for what, name in boxes if header.get(name) is not None)


def read_head(file: Path) -> tuple[dict[str, Any], int]:
    """What a backup says of itself, and where its database begins. Raises BadInput ``backup_unknown``, ``backup_unreadable`` or ``backup_damaged``."""
    try:
        with open(file, "rb") as stream:
            magic = stream.read(len(MAGIC))
            if magic not in (MAGIC, FORMER):
                raise BadInput("backup_unknown", _("{file} is not a backup of Alumni Desk. Choose a file that was made with Back up."), file=file.name)
            line = stream.readline(HEADER_LIMIT)
    except OSError as error:
        raise BadInput("backup_unreadable", _("{file} cannot be read ({reason}), so nothing was changed."), file=file,
                       reason=error.strerror or type(error).__name__) from None
    text = line
    if magic == MAGIC:
        said, _space, text = line.partition(b" ")
        if hashlib.sha256(text.removesuffix(b"\n")).hexdigest().encode() != said or not text.endswith(b"\n"):
            raise damaged_backup(file)
    try:
        header = json.loads(text)
    except ValueError:
        raise damaged_backup(file) from None
    if not isinstance(header, dict) or not _is_moment(header.get("made_at")) or any(not isinstance(header.get(name, 0), int) for name in _COUNTED):
        raise damaged_backup(file)
    return header, len(magic) + len(line)


_WHEN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_COUNTED = ("members", "gatherings", "check_ins")


def _is_moment(said: object) -> bool:
    if not isinstance(said, str) or not _WHEN.fullmatch(said):
        return False
    try:
        datetime.fromisoformat(said)
    except ValueError:  # a thirteenth month
        return False
    return True


def _stamped(stamp: re.Match[str] | None) -> datetime | None:
    """When a backup was made by its name; None where that holds other figures."""
    try:
        return datetime.strptime(stamp[1] + stamp[2], "%Y%m%d%H%M%S").replace(tzinfo=UTC) if stamp else None
    except ValueError:
        return None


def listed(file: Path, key: bytes | None) -> Backup:
    """A backup as a list shows it, by its head alone."""
    try:
        header, start = read_head(file)
        size = file.stat().st_size
        damaged = size - start != header.get("size")
    except (KnownError, OSError):
        stamp = re.search(r"(\d{8})-(\d{6})-?([a-z-]*?)(?:-\d+)?$", file.stem)
        try:
            size, changed = file.stat().st_size, file.stat().st_mtime
        except OSError:  # the disk fails
            size, changed = 0, 0.0
        made_at = _stamped(stamp) or datetime.fromtimestamp(changed, UTC)
        why = stamp[3].replace("-", "_") if stamp and stamp[3] else "by_hand"
        return Backup(file, made_at.strftime("%Y-%m-%dT%H:%M:%SZ"), why, "", 0, 0, 0, size, damaged=True)
    inside = said_inside(header, key) if key is not None else None
    said = inside or {}
    members, gatherings, check_ins = (int(header.get(name, 0)) for name in _COUNTED)
    return Backup(file, header["made_at"], str(header.get("why", "by_hand")), said.get("note", ""), members, gatherings, check_ins, size, damaged,
                  inside is not None, said.get("chapter", ""), number=_number(said.get("number")), last=_last(said.get("last")), header=header)


def number_of(header: dict[str, Any], key: bytes) -> int:
    """The number of a backup of the desk with this key; 0 if it is of another one, or has none."""
    return _number((said_inside(header, key) or {}).get("number"))


def _number(said: str | None) -> int:
    return int(said) if said is not None and said.isdecimal() else 0


def _last(said: str | None) -> Last | None:
    rowid, _space, operation = (said or "").partition(" ")
    return Last(int(rowid), operation) if rowid.isdecimal() and operation else None


def head_key(key: bytes) -> bytes:
    """What opens the sealed part of the heads of a desk's backups, and nothing else of them."""
    return keys.derived(key, b"alumni header")


def sealed_inside(key: bytes, said: dict[str, str]) -> str:
    """What the head of a backup says to this desk alone, sealed."""
    from nacl.secret import SecretBox

    return base64.b64encode(bytes(SecretBox(head_key(key)).encrypt(json.dumps(said).encode()))).decode()


def said_inside(header: dict[str, Any], key: bytes) -> dict[str, str] | None:
    """The same, opened; None if it is of another desk."""
    return opened_with(header, head_key(key))


def opened_with(header: dict[str, Any], opens: bytes) -> dict[str, str] | None:
    """The same by the key of the heads alone."""
    from nacl.exceptions import CryptoError
    from nacl.secret import SecretBox

    try:
        box = base64.b64decode(header["inside"], validate=True)
        return dict(json.loads(SecretBox(opens).decrypt(box)))
    except (KeyError, TypeError, ValueError, CryptoError):
        return None


def damaged_backup(file: Path) -> KnownError:
    """The sentence for a backup that is not as it was written."""
    return BadInput("backup_damaged", _("The backup {file} is damaged, so nothing was changed. Use another one."), file=file.name)
