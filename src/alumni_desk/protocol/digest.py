"""Whether two machines hold the same rows: their hashes, added up in 256 parts by the end of the row's id.

Adding needs no order and lets a part be told by 16 bytes; which rows differ is then asked for these parts alone. Ids end in random digits, so the
parts are alike in size. Numbers stand for flags, and a column that is not given counts as empty on both sides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from alumni_desk.protocol.clocks import is_packed, repacked

PARTS = 256
_WHOLE = 1 << 128
_ENCODER = msgspec.msgpack.Encoder()


def part_of(row_id: str) -> int:
    """Which part a row belongs to."""
    return int(row_id[-2:], 16)


def tail_of(part: int) -> str:
    """How the ids of a part end."""
    return f"{part:02x}"


class Sums:
    """Count and sum of rows' hashes, part by part."""

    def __init__(self) -> None:
        self.counts = [0] * PARTS
        self._sums = [0] * PARTS

    def add(self, table: str, rows: Iterable[Sequence[Any]], clocks: int | None = None) -> None:
        """Rows of one table, each beginning with its id, their columns in an order that both sides keep.

        ``clocks``: at which place of each they are; a row that has them in the former form counts as in the present one.
        """
        counts, sums = self.counts, self._sums
        encode, blake, number = _ENCODER.encode, hashlib.blake2b, int.from_bytes
        key = table.encode()
        for row in rows if clocks is None else _in_one_form(rows, clocks):
            part = int(row[0][-2:], 16)
            counts[part] += 1
            sums[part] += number(blake(encode(row), digest_size=16, key=key).digest(), "big")

    @property
    def sums(self) -> list[bytes]:
        """The sums as they travel."""
        return [(one % _WHOLE).to_bytes(16, "big") for one in self._sums]


def _in_one_form(rows: Iterable[Sequence[Any]], place: int) -> Iterator[Sequence[Any]]:
    for row in rows:
        text = row[place]
        yield row if text is None or is_packed(text) else (*row[:place], repacked(text), *row[place + 1:])


def differing(counts: Sequence[int], sums: Sequence[bytes], other_counts: Sequence[int], other_sums: Sequence[bytes]) -> list[int]:
    """The parts that are not the same on both sides."""
    return [part for part in range(PARTS) if counts[part] != other_counts[part] or sums[part] != other_sums[part]]
