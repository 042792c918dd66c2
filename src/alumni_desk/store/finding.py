"""Finding people as one types: every word in any order and each as a beginning, the best first, typing errors forgiven.

Nothing here ranks by walking through all that fits: a single letter fits half of a chapter. Instead the index is asked several short questions,
from the best kind of hit to the least, until there are enough.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal

import sqlalchemy as sa

from alumni_desk.protocol.codes import read_badge_code
from alumni_desk.store.search import OTHER_NAME, THE_REST, words

MOST_WORDS = 12
"""A longer question is a pasted text; its first words are enough."""

MOST_SPELLINGS = 24
"""So many spellings of a mistyped word are tried, whole words first."""

CHUNK = 2_000
_END = "\U0010ffff"
_DIGITS = "0123456789"

SPARE = 36
"""So many more hits than wanted are looked at, to rank them."""

Where = Literal["called", "names", "any"]
_MARKS: dict[Where, tuple[str, ...]] = {"called": ("",), "names": ("", OTHER_NAME), "any": ("", OTHER_NAME, THE_REST)}


@dataclass(frozen=True, slots=True)
class Question:
    """What was typed, cut into words; each with the spellings that count as it."""

    words: tuple[tuple[str, ...], ...]
    close: bool = False  # spellings are forgiven
    code: str | None = None  # it is the code of a badge

    def expression(self, where: Where, *, whole: bool = False) -> str:
        """The full-text question: every word, in names or anywhere; as a beginning, or whole."""
        star = "" if whole else "*"
        terms = []
        for spellings in self.words:
            # A number is a class year or the end of a phone number, wherever the name is looked for.
            marks = _MARKS["any" if spellings[0].isdecimal() else where]
            terms.append("(" + " OR ".join(f'"{mark}{word}"{star}' for word in spellings for mark in marks) + ")")
        return " AND ".join(terms)


@dataclass(frozen=True, slots=True)
class Found:
    """The best hits, and the question that found them. ``close``: nobody fits as typed, these are one slip of the fingers away."""

    ids: tuple[str, ...]
    question: Question | None

    @property
    def close(self) -> bool:
        return self.question is not None and self.question.close


def question_of(query: str) -> Question | None:
    """What a typed text asks for, as it is spelled; None if there is no word in it."""
    asked = words(query)[:MOST_WORDS]
    return Question(tuple((word,) for word in dict.fromkeys(asked)), code=read_badge_code(query)) if asked else None


def matching_ids(question: Question) -> sa.Select[Any]:
    """The ids of all people who fit, for ``person.id.in_(…)``."""
    people = sa.table("search_person", sa.column("rowid"), sa.column("id"))
    index = sa.table("search_words", sa.column("rowid"), sa.column("search_words"))
    fits = sa.select(index.c.rowid).where(index.c.search_words.op("MATCH")(question.expression("any")))
    return sa.select(people.c.id).where(people.c.rowid.in_(fits))


def find_people(connection: sa.Connection, query: str, limit: int, *, standing: str | None = None, vocabulary: Vocabulary | None = None) -> Found:
    """Whom a typed text means, best first, at most ``limit``. With a vocabulary typing errors are forgiven where nobody fits as typed."""
    question = question_of(query)
    if question is None:
        return Found((), None)
    ids = _best(connection, question, limit, standing)
    if not ids and vocabulary is not None:
        for guess in vocabulary.guesses(connection, question):
            ids = _best(connection, guess, limit, standing)
            if ids:
                return Found(ids, guess)
    return Found(ids, question)


def everybody(connection: sa.Connection, question: Question | None, standing: str | None, portion: int = CHUNK) -> Iterator[list[str]]:
    """All who fit (or all there are), by name, in portions: those found by a name before those found by something else."""
    if question is None:
        yield from _portions(connection, "SELECT id FROM search_person WHERE true" + _standing(standing) + " ORDER BY sort, standing, id",
                             _given(standing), portion)
        return
    fits = "(SELECT rowid FROM search_words WHERE search_words MATCH ?)"
    for place in ("names", "any"):
        expression = question.expression(place)
        count = int(connection.exec_driver_sql("SELECT count(*) FROM search_words WHERE search_words MATCH ?", (expression,)).scalar() or 0)
        # Many: walk through the index by name and leave out who does not fit. Few: look them up, then sort.
        walk = "INDEXED BY search_person_sort WHERE +rowid IN" if count > CHUNK else "WHERE rowid IN"
        yield from _portions(connection, f"SELECT id FROM search_person {walk} {fits}" + _standing(standing) + " ORDER BY sort, standing, id",
                             (expression, *_given(standing)), portion)


def _best(connection: sa.Connection, question: Question, limit: int, standing: str | None) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for ids in _steps(connection, question, limit, standing):
        found.update(dict.fromkeys(ids))
        if len(found) >= limit:
            break
    return tuple(found)[:limit]


def _steps(connection: sa.Connection, question: Question, limit: int, standing: str | None) -> Iterator[Sequence[str]]:
    """Hits of one kind after the other, the best kind first; each is looked up only when those before were too few."""
    if question.code is not None:
        yield _portion(connection, "SELECT DISTINCT person FROM registration WHERE code = ? AND NOT gone AND person IS NOT NULL", (question.code,))
    # The whole name or the whole last name: straight from the index by name, so that it is never lost among thousands of beginnings.
    names = [] if question.close or any(one[0].isdecimal() for one in question.words) else _turns([one[0] for one in question.words])
    for name in names:
        yield _between(connection, name, name + "!", limit, standing)
    yield _by_words(connection, question, question.expression("called", whole=True), limit, standing)
    if any(len(one[0]) > 1 for one in question.words):  # one letter alone would be everybody's initial
        yield _by_words(connection, question, question.expression("names", whole=True), limit, standing)
    for name in names:
        yield _between(connection, name, name + _END, limit, standing)
    for where in ("called", "names"):
        yield _by_words(connection, question, question.expression(where), limit, standing)
    for whole in (True, False):
        yield _by_words(connection, question, question.expression("any", whole=whole), limit, standing)


def _turns(asked: list[str]) -> list[str]:
    """The name as it is sorted, if it was typed first name first, last name first, or begun anywhere in between."""
    return [" ".join(asked[start:] + asked[:start]) for start in range(len(asked))]


def _between(connection: sa.Connection, low: str, high: str, limit: int, standing: str | None) -> Sequence[str]:
    return _portion(connection, "SELECT id FROM search_person WHERE sort >= ? AND sort < ?" + _standing(standing) + " ORDER BY sort, standing, id LIMIT ?",
                    (low, high, *_given(standing), limit))


def _by_words(connection: sa.Connection, question: Question, expression: str, limit: int, standing: str | None) -> Sequence[str]:
    """Hits of the full-text index; some more than asked for, so that the best of them are shown and not the first in the file."""
    rows = connection.exec_driver_sql(
        "SELECT p.id, p.names, p.sort FROM search_words AS w JOIN search_person AS p ON p.rowid = w.rowid WHERE search_words MATCH ?"
        + _standing(standing) + " LIMIT ?", (expression, *_given(standing), limit + SPARE)).all()
    return [row[0] for row in sorted(rows, key=lambda row: _rank(question, row[1], row[2]))]


def _rank(question: Question, names: str, sort: str) -> tuple[int, int, int, str]:
    there = set(names.split())
    called = named = 0
    for spellings in question.words:
        if not there.isdisjoint(spellings):
            called += 1
        elif any(OTHER_NAME + word in there for word in spellings):
            named += 1
    return -called, -named, len(there), sort


def _standing(standing: str | None) -> str:
    return "" if standing is None else " AND standing = ?"


def _given(standing: str | None) -> tuple[str, ...]:
    return () if standing is None else (standing,)


def _portion(connection: sa.Connection, sql: str, parameters: tuple[Any, ...]) -> Sequence[str]:
    return [row[0] for row in connection.exec_driver_sql(sql, parameters)]


def _portions(connection: sa.Connection, sql: str, parameters: tuple[Any, ...], size: int) -> Iterator[list[str]]:
    with connection.exec_driver_sql(sql, parameters) as rows:
        while portion := rows.fetchmany(size):
            yield [row[0] for row in portion]


class Vocabulary:
    """Every word that somebody is found by, in order: what a mistyped word may have been meant to be. Read when first needed, and again when it changed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: object = None
        self._words: list[str] = []
        self._letters: dict[int, str] = {}

    def guesses(self, connection: sa.Connection, question: Question) -> Iterator[Question]:
        """The question with words spelled otherwise: first only those that nobody has, then all of them."""
        with self._lock:
            self._read(connection)
            near = [self._near(one[0]) for one in question.words]
            known = [self._begins(one[0]) for one in question.words]
        changed = [one if there else spellings for one, there, spellings in zip(question.words, known, near, strict=True)]
        if not all(known) and all(changed):
            yield Question(tuple(changed), close=True)
        every = [(*(one if there else ()), *spellings) for one, there, spellings in zip(question.words, known, near, strict=True)]
        if any(known) and any(near) and all(every):
            yield Question(tuple(every), close=True)

    def _read(self, connection: sa.Connection) -> None:
        # The record of the index's structure, which every change of the index writes anew.
        seen = connection.exec_driver_sql("SELECT block FROM search_words_data WHERE id = 10").scalar()
        if seen == self._seen:
            return
        # Words with figures are left out: a year or a number that is nearly right is wrong.
        found: set[str] = set()
        for low, high, cut in (("a", THE_REST, 0), (THE_REST + "a", THE_REST + _END, 1), (OTHER_NAME + "a", OTHER_NAME + _END, 1), ("»", _END, 0)):
            terms = connection.exec_driver_sql("SELECT term FROM search_words_terms WHERE term >= ? AND term < ?", (low, high))
            found.update(row[0][cut:] for row in terms)
        self._words = sorted(found)
        self._letters = {}
        self._seen = seen

    def _begins(self, start: str) -> bool:
        at = bisect_left(self._words, start)
        return at < len(self._words) and self._words[at].startswith(start)

    def _near(self, word: str) -> tuple[str, ...]:
        """Words, then beginnings of words, that are one letter more, less or other than this one, or two letters the other way round."""
        if len(word) < 3 or word.isdecimal():
            return ()
        whole: list[str] = []
        begun: list[str] = []
        for spelling in dict.fromkeys(_spellings(word, self._alphabet(word))):
            at = bisect_left(self._words, spelling)
            if at < len(self._words) and spelling != word:
                there = self._words[at]
                if there == spelling:
                    whole.append(spelling)
                elif there.startswith(spelling):
                    begun.append(spelling)
        return tuple((whole + begun)[:MOST_SPELLINGS])

    def _alphabet(self, word: str) -> str:
        """Letters of the word's own script that occur at all; none for signs that are whole words."""
        page = ord(word[0]) >> 8
        if page >= 0x2E:
            return ""
        if page not in self._letters:
            every = set(chain.from_iterable(self._words))
            self._letters[page] = "".join(sorted(letter for letter in every if ord(letter) >> 8 == page and letter not in _DIGITS))
        return self._letters[page]


def _spellings(word: str, alphabet: str) -> Iterator[str]:
    parts = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    yield from (left + right[1] + right[0] + right[2:] for left, right in parts if len(right) > 1)
    yield from (left + right[1:] for left, right in parts if right)
    yield from (left + letter + right[1:] for left, right in parts if right for letter in alphabet)
    yield from (left + letter + right for left, right in parts for letter in alphabet)

