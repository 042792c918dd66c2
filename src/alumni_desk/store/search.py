"""The search index: folded words of every person in a full-text table of its own, refreshed once before COMMIT.

Three kinds of words lie apart in it, each under its own first letter, so that looking for one kind never walks through another (nearly
everybody has ``com`` in an address): the name as it is shown, as it is; every other name, behind ``OTHER_NAME``; all the rest, behind ``THE_REST``.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from alumni_desk.store import driver

SEARCHED = {
    "person": ("id", ("gone", "standing", "title", "first_name", "middle_name", "last_name", "preferred_name", "other_script_name", "former_names",
                      "class_year", "email", "other_emails", "mobile", "phone", "city", "employer", "external_ids", "merged_into")),
    "education": ("person", ("gone", "person", "name_at_graduation", "class_year")),
}
"""Which columns are searched: table -> (column with the person's id, columns)."""

OTHER_NAME, THE_REST = "º", "ª"
"""Letters that no folded word begins with: folding makes o and a of them."""

# Letters that are letters of their own in Unicode and that people type without.
_PLAIN = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ð": "d", "ß": "ss", "ẞ": "ss", "æ": "ae", "œ": "oe", "þ": "th", "ı": "i", "ħ": "h", "ŧ": "t",
                        "ŋ": "n", "ə": "e", "\u00ad": "", "\u200c": "", "\u200d": ""})
_APOSTROPHES = str.maketrans("", "", "'’‘ʼʻ`´′")
_ASCII_WORD = re.compile(r"[a-z0-9]+")
_NO_DIGIT = re.compile(r"[^0-9]+")
_WORD = re.compile(r"[^\W_]+")
_HAN = re.compile("[\u3400-\u9fff]{2,8}")
# Marks that make another letter, so that they cannot be dropped: voicing of kana; and vowel signs of Indic scripts, Thai, Arabic …
_KEPT = frozenset("\u3099\u309a")


def fold(text: str) -> str:
    """Text as it is compared: compatibility forms undone, Latin, Greek and Cyrillic marks dropped, lower case, ł ø đ ß æ œ þ ı as people type them."""
    if text.isascii():
        return text.lower()
    # Compatibility forms first: a mathematical 𝐀 is upper case only once it is an A. And again, since a folded letter may come apart anew.
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    kept = "".join(c for c in decomposed if not unicodedata.combining(c) or c in _KEPT)
    return unicodedata.normalize("NFC", kept.translate(_PLAIN))


def words(text: str) -> list[str]:
    """The folded words of a text, as index and question cut them."""
    if text.isascii():
        return _ASCII_WORD.findall(text.lower().replace("'", "").replace("`", ""))
    return _WORD.findall(_spaced(fold(text.translate(_APOSTROPHES))))


def _spaced(text: str) -> str:
    """Vowel signs count as letters (``\\w`` and unicode61 would cut words at them)."""
    if text.isascii():
        return text
    return "".join(c if unicodedata.category(c) != "Mn" and unicodedata.category(c) != "Mc" else "" for c in text)


def refresh(connection: sa.Connection) -> int:
    """Bring the index up to date with what changed in this transaction. Returns how many people were looked at again."""
    if driver.row(connection, "SELECT 1 FROM search_stale LIMIT 1") is None:
        return 0
    connection.exec_driver_sql(
        "DELETE FROM search_words WHERE rowid IN (SELECT p.rowid FROM search_person AS p JOIN search_stale AS s ON s.id = p.id)")
    connection.exec_driver_sql("DELETE FROM search_person WHERE id IN (SELECT id FROM search_stale)")
    graduated = _graduated(connection)
    rows = connection.exec_driver_sql(f"SELECT p.id, {_COLUMNS} FROM search_stale AS s JOIN person AS p ON p.id = s.id WHERE {_LISTED}").all()
    start = int(connection.exec_driver_sql("SELECT coalesce(max(rowid), 0) FROM search_person").scalar() or 0)
    entries = [(start + place, row.id, row.standing, *_texts(row, graduated.get(row.id, ()))) for place, row in enumerate(rows, 1)]
    if entries:
        connection.exec_driver_sql("INSERT INTO search_person (rowid, id, standing, sort, names, other) VALUES (?, ?, ?, ?, ?, ?)", entries)
        connection.exec_driver_sql("INSERT INTO search_words (rowid, names, other) VALUES (?, ?, ?)", [(one[0], one[4], one[5]) for one in entries])
    count = int(connection.exec_driver_sql("SELECT count(*) FROM search_stale").scalar() or 0)
    connection.exec_driver_sql("DELETE FROM search_stale")
    return count


def rebuild(connection: sa.Connection) -> int:
    """Make the whole index anew from the people. Returns how many are in it."""
    # All of it at once: taking out one person's words needs to know which they were, and that may be what is wrong.
    connection.exec_driver_sql("INSERT INTO search_words (search_words) VALUES ('delete-all')")
    connection.exec_driver_sql("DELETE FROM search_person")
    connection.exec_driver_sql("INSERT INTO search_stale (id) SELECT id FROM person WHERE true ON CONFLICT DO NOTHING")
    refresh(connection)
    return int(connection.exec_driver_sql("SELECT count(*) FROM search_person").scalar() or 0)


def differences(connection: sa.Connection) -> int:
    """How many people the index lacks, has too many of, or has other words for: 0 when it is right."""
    graduated = _graduated(connection, everybody=True)
    there = {row.id: tuple(row[1:]) for row in connection.exec_driver_sql("SELECT id, standing, sort, names, other FROM search_person")}
    wrong = 0
    for row in connection.exec_driver_sql(f"SELECT p.id, {_COLUMNS} FROM person AS p WHERE {_LISTED}"):
        wrong += there.pop(row.id, None) != (row.standing, *_texts(row, graduated.get(row.id, ())))
    return wrong + len(there)


def is_whole(connection: sa.Connection) -> bool:
    """Whether the index of words holds together and fits the texts beside it. In a transaction that may write."""
    try:
        connection.exec_driver_sql("INSERT INTO search_words (search_words, rank) VALUES ('integrity-check', 1)")
    except sa.exc.DatabaseError:
        return False
    return True


_COLUMNS = ", ".join(f"p.{name}" for name in SEARCHED["person"][1])
_LISTED = "NOT p.gone AND p.merged_into IS NULL"


def _graduated(connection: sa.Connection, *, everybody: bool = False) -> dict[str, list[str]]:
    only = "" if everybody else " AND person IN (SELECT id FROM search_stale)"
    found: dict[str, list[str]] = {}
    for row in connection.exec_driver_sql(
            f"SELECT person, name_at_graduation AS name, class_year AS year FROM education WHERE NOT gone AND person IS NOT NULL{only} ORDER BY id"):
        found.setdefault(row.person, []).extend(str(one) for one in (row.name, row.year) if one is not None)
    return found


def _texts(row: Any, graduated: Iterable[str]) -> tuple[str, str, str]:
    """How somebody is sorted, their names, and everything else they are found by."""
    schooling = list(graduated)
    given = row.preferred_name or row.first_name
    called = _cut_all((given, row.last_name)) or _cut_all((row.other_script_name,))
    names = [row.first_name, row.middle_name, row.other_script_name]
    if row.former_names:
        names += _list(row.former_names)
    if schooling:
        names += [one for one in schooling if not one.isdigit()]
    years = [str(row.class_year)] if row.class_year else []
    years += [one for one in schooling if one.isdigit() and one not in years]
    rest = [*years, *(year[-2:] for year in years), row.email, _tail(row.mobile), _tail(row.phone), row.city, row.employer]
    if row.other_emails:
        rest += _list(row.other_emails)
    if row.external_ids:
        rest += [one.rpartition(":")[2] for one in _list(row.external_ids)]
    more = _cut_all(names)
    for word in called:
        more.pop(word, None)
    found = " ".join((*called, *(OTHER_NAME + word for word in more)))
    return _sort(row.last_name, given) or found, found, " ".join([THE_REST + word for word in _cut_all(rest)])


def _sort(last: str | None, given: str | None) -> str:
    """By last name, then the given one; folded, so that Łoś stands under L."""
    return " ".join([word for text in (last, given) if text for word in _whole(text)])


def _cut_all(texts: Iterable[str | None]) -> dict[str, None]:
    return dict.fromkeys([word for text in texts if text for word in _cut(text)])


@lru_cache(maxsize=16_384)
def _whole(text: str) -> tuple[str, ...]:
    return tuple(words(text))


@lru_cache(maxsize=65_536)
def _cut(text: str) -> tuple[str, ...]:
    found = words(text)
    if not text.isascii() or "'" in text:
        # O'Brien is found as obrien and as brien; a name written without spaces from each of its signs on.
        found += [word for word in words(re.sub("['’‘ʼʻ`´′]", " ", text)) if word not in found]
        found += [word[start:] for word in found if _HAN.fullmatch(word) for start in range(1, len(word))]
    return tuple(found)


def _list(text: str | None) -> list[str]:
    if not text:
        return []
    try:
        value = json.loads(text)
    except ValueError:
        return [text]
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


def _tail(number: str | None) -> str:
    """A phone number's digits, whole and by its last four: what people remember of it."""
    digits = _NO_DIGIT.sub("", number) if number else ""
    return f"{digits} {digits[-4:]}" if len(digits) >= 4 else digits
