"""The column ``clocks``: under which clock each of a row's fields was written, as one text.

``{"CLOCK": "key key key", …}``, the clocks ascending and the keys of each in alphabetical order, so that it has one encoding. A row that was
written at one moment names its clock once. The former form, ``{"key": "CLOCK", …}``, is read as well: databases, backups and hand-outs have it still.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

import msgspec

_DECODER = msgspec.json.Decoder(dict[str, str])
_encode = msgspec.json.Encoder().encode
_DASH = 14
"""Where the first clock has its first hyphen; no name of a field has one."""


def pack(clocks: Mapping[str, str]) -> str | None:
    """The text of key -> clock; None if there is none."""
    if not clocks:
        return None
    if len(set(clocks.values())) == 1:  # of most rows
        return _packed_names(tuple(clocks)).replace("?", next(iter(clocks.values())))
    keys: dict[str, list[str]] = {}
    for key, clock in clocks.items():
        if clock in keys:
            keys[clock].append(key)
        else:
            keys[clock] = [key]
    return _encode({clock: " ".join(sorted(keys[clock])) for clock in sorted(keys)}).decode()


def pack_one(keys: Iterable[str], clock: str) -> str:
    """The text where all keys have one clock."""
    return packed_names(keys).replace("?", clock)


def packed_names(keys: Iterable[str]) -> str:
    """The same with a question mark for the clock: to be kept where many rows have the same fields."""
    return _packed_names(tuple(keys))


@lru_cache(maxsize=4_096)
def _packed_names(keys: tuple[str, ...]) -> str:
    return _encode({"?": " ".join(sorted(set(keys)))}).decode()


def unpack(text: str | None) -> dict[str, str]:
    """Key -> clock of a text in either form."""
    if not text:
        return {}
    found = _DECODER.decode(text)
    if not is_packed(text):
        return found
    return {key: clock for clock, keys in found.items() for key in keys.split(" ")}


def replaced(before: str | None, after: str | None) -> dict[str, str]:
    """Key -> the clock that it had, of what stands under another clock in the text ``after`` than in the text ``before``."""
    if not before or not after or before == after:
        return {}
    if not (is_packed(before) and is_packed(after)):
        coming = unpack(after)
        return {key: clock for key, clock in unpack(before).items() if coming.get(key, clock) != clock}
    there = _DECODER.decode(before)
    # Of most rows nearly all fields stay under the clock that they had: only the others are looked at one by one.
    moved = [key for clock, keys in _DECODER.decode(after).items() if there.get(clock) != keys for key in _more(keys, there.get(clock, ""))]
    listed = [(clock, f" {keys} ") for clock, keys in there.items()] if moved else []
    return {key: clock for key in moved for clock, keys in listed if f" {key} " in keys}


@lru_cache(maxsize=4_096)
def _more(keys: str, before: str) -> tuple[str, ...]:
    """The keys of a clock that were not under it before. Many rows change in the same fields."""
    there = frozenset(before.split(" "))
    return tuple([key for key in keys.split(" ") if key not in there])


def is_packed(text: str) -> bool:
    """Whether a text has the present form."""
    return text[_DASH:_DASH + 1] == "-"


def repacked(text: str | None) -> str | None:
    """The present form of a text in either."""
    return text if text is None or is_packed(text) else pack(_DECODER.decode(text))
