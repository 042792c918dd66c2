"""Finding people as one types: every word in any order and each as a beginning, the best first, typing errors forgiven.

Nothing here ranks by walking through all that fits: a single letter fits half of a chapter. Instead the index is asked several short questions,
from the best kind of hit to the least, until there are enough.
"""

from __future__ import annotations

import json
import re
import threading
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal

from alumni_desk.protocol.codes import read_badge_code
from alumni_desk.store import driver
from alumni_desk.store.dialling import numbers_begun
from alumni_desk.store.search import BACKWARDS, JOINED, OTHER_NAME, TAIL, THE_REST, fold, phone_ends, words

if TYPE_CHECKING:
    import sqlalchemy as sa

MOST_WORDS = 12
"""A longer question is a pasted text; its first words are enough."""

MOST_SPELLINGS, FEW_SPELLINGS = 32, 8
"""So many spellings of a mistyped word are tried, whole words first; few if every word is to be spelled otherwise."""

MOST_JOINED = 6
"""A question of more words is not looked at for those that are one in the list."""

CHUNK = 2_000
_END = "\U0010ffff"
_DIGITS = "0123456789"
_FIGURE = re.compile("[0-9]")
_NUMBER = re.compile(r"(?<!\w)\+?\(?[0-9](?:[0-9]|[\s()+./\u2010-\u2013-]+(?=[0-9]))*\)?(?!\w)")
MOST_GROUPS = 6
"""Into so many groups of digits people write a phone number."""

SPARE = 14
"""So many more hits than wanted are looked at, to rank them."""

Where = Literal["called", "names", "any"]
_MARKS: dict[Where, tuple[str, ...]] = {"called": ("",), "names": ("", OTHER_NAME), "any": ("", OTHER_NAME, THE_REST)}


@dataclass(frozen=True, slots=True)
class Question:
    """What was typed, cut into words; each with the spellings that count as it."""

    words: tuple[tuple[str, ...], ...]
    close: bool = False  # spellings are forgiven
    code: str | None = None  # it is the code of a badge
    groups: tuple[tuple[str, ...], ...] = ()  # digits that follow each other: a phone number as people write it, or a year and one
    joined: tuple[Question, ...] = ()  # the same with words written as one: Mc Donald
    letters: tuple[str, ...] = ()  # words with marks and letters that folding takes away, as they were typed

    @property
    def numbered(self) -> bool:
        """A number is among the words: a class year, the end of a phone number."""
        return any(one[0].isdecimal() for one in self.words)

    def expression(self, where: Where, *, whole: bool = False) -> str:
        """The full-text question: every word, in names or anywhere; as a beginning, or whole."""
        if not self.joined:
            return self._expression(where, whole=whole)
        return " OR ".join(f"({one._expression(where, whole=whole)})" for one in (self, *self.joined))

    def _expression(self, where: Where, *, whole: bool) -> str:
        star = "" if whole else "*"
        terms = ["(" + " OR ".join(_splits(groups, star)) + ")" for groups in self.groups]
        grouped = {group for groups in self.groups for group in groups}
        for spellings in self.words:
            if spellings[0] in grouped:
                continue
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
    if not asked:
        return None
    question = Question(tuple((word,) for word in dict.fromkeys(asked)), code=read_badge_code(query), groups=_groups(query, asked),
                        letters=() if query.isascii() else _with_marks(query))
    return replace(question, joined=tuple(replace(question, words=tuple((word,) for word in dict.fromkeys(one))) for one in _joined(asked)))


def _joined(asked: Sequence[str]) -> list[list[str]]:
    """The words with two or more that follow each other written as one."""
    return [[*asked[:start], "".join(asked[start:end]), *asked[end:]] for start in range(len(asked)) for end in range(start + 2, len(asked) + 1)
            if end - start <= JOINED and len(asked) <= MOST_JOINED and not any(map(_FIGURE.search, asked[start:end]))]


def _with_marks(text: str) -> tuple[str, ...]:
    return tuple(word for word in _letters(text) if not word.isascii() and word != fold(word))


def _letters(text: str) -> list[str]:
    """The words of a text with all their letters; small ones."""
    return re.findall(r"\w+", unicodedata.normalize("NFC", text).lower())


def _apart(typed: str, name: str) -> int:
    """0: a name begins with just these letters; 1: with all that were typed with marks, and others where plain ones were typed; 2: it does not."""
    if name.startswith(typed):
        return 0
    fits = len(name) >= len(typed) and all(one == other or (one.isascii() and one == fold(other)) for one, other in zip(typed, name, strict=False))
    return 1 if fits else 2


def _groups(query: str, asked: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """The groups of digits in a typed text that may be a phone number or its end."""
    found = [tuple(re.findall("[0-9]+", run)) for run in _NUMBER.findall(query)]
    return tuple(groups for groups in found if len("".join(groups)) >= TAIL and len(groups) <= MOST_GROUPS and set(groups) <= set(asked))


def _splits(groups: Sequence[str], star: str) -> Iterator[str]:
    """Full-text questions for groups of digits: all of them one number; the first few words of their own (a class year), the others one number."""
    for start in range(len(groups)):
        number = "".join(groups[start:])
        parts = [_figures(word, star) for word in groups[:start]]
        years = all(len(word) in (2, 4) for word in groups[:start])
        yield "(" + " AND ".join([*parts, _figures(number, star, numbers_begun(number) if star and years else ())]) + ")"


def _figures(digits: str, star: str, begun: Sequence[str] = ()) -> str:
    """A full-text question for digits: how a year, a number or a code begins; how a phone number ends; how one of any country may have ``begun``."""
    terms = [f'"{mark}{digits}"{star}' for mark in _MARKS["any"]]
    terms += [f'"{BACKWARDS}{end[::-1]}"*' for end in phone_ends(digits)]
    if digits.startswith("00"):
        terms.append(f'"{THE_REST}{digits.lstrip("0")}"{star}')
    terms += [f'"{THE_REST}{one}"{star}' for one in begun]
    return "(" + " OR ".join(terms) + ")"


def matching_ids(question: Question) -> sa.Select[Any]:
    """The ids of all people who fit, for ``person.id.in_(…)``."""
    import sqlalchemy as sa

    people = sa.table("search_person", sa.column("rowid"), sa.column("id"))
    index = sa.table("search_words", sa.column("rowid"), sa.column("search_words"))
    fits = sa.select(index.c.rowid).where(index.c.search_words.op("MATCH")(question.expression("any")))
    found: sa.ColumnElement[bool] = people.c.rowid.in_(fits)
    if question.code is not None:
        registration = sa.table("registration", sa.column("person"), sa.column("code"), sa.column("gone"))
        found |= people.c.id.in_(sa.select(registration.c.person).where(registration.c.code == question.code, ~registration.c.gone.cast(sa.Boolean)))
    return sa.select(people.c.id).where(found)


def find_people(connection: sa.Connection, query: str, limit: int, *, standing: str | None = None, vocabulary: Vocabulary | None = None) -> Found:
    """Whom a typed text means, best first, at most ``limit``. With a vocabulary typing errors are forgiven where nobody fits as typed."""
    question = question_of(query)
    if question is None:
        return Found((), None)
    question = vocabulary.known_of(connection, question) if vocabulary is not None else question
    ids = _best(connection, question, limit, standing) if vocabulary is None or question.code or not vocabulary.lacks(connection, question) else ()
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
    if question.code is not None:
        yield from _portions(connection, f"SELECT id FROM search_person WHERE id IN ({_OF_CODE})" + _standing(standing) + " ORDER BY sort, standing, id",
                             (question.code, *_given(standing)), portion)
    fits = "(SELECT rowid FROM search_words WHERE search_words MATCH ?)"
    for place in ("names", "any"):
        expression = question.expression(place)
        count = int(connection.exec_driver_sql("SELECT count(*) FROM search_words WHERE search_words MATCH ?", (expression,)).scalar() or 0)
        # Many: walk through the index by name and leave out who does not fit. Few: look them up, then sort.
        walk = "INDEXED BY search_person_sort WHERE +rowid IN" if count > CHUNK else "WHERE rowid IN"
        yield from _portions(connection, f"SELECT id FROM search_person {walk} {fits}" + _standing(standing) + " ORDER BY sort, standing, id",
                             (expression, *_given(standing)), portion)


_OF_CODE = "SELECT person FROM registration WHERE code = ? AND NOT gone"


def _best(connection: sa.Connection, question: Question, limit: int, standing: str | None) -> tuple[str, ...]:
    search = _Search(connection, question, limit, standing)
    if question.code is not None:
        search.take(_portion(connection, "SELECT person FROM registration AS r JOIN search_person AS p ON p.id = r.person WHERE code = ? AND NOT gone"
                             + _standing(standing), (question.code, *_given(standing))))
    if question.close:
        search.close_to()
    else:
        search.as_typed()
    return tuple(search.found)[:limit]


class _Search:
    """One question being asked: what was found so far, and how to find more."""

    def __init__(self, connection: sa.Connection, question: Question, limit: int, standing: str | None) -> None:
        self._connection, self._question, self._limit, self._standing = connection, question, limit, standing
        self._looked_at: set[int] = set()
        self._patterns = [[_patterns(spellings) for spellings in one.words] for one in (question, *question.joined)]
        self.found: dict[str, None] = {}

    def take(self, ids: Sequence[str]) -> bool:
        """Add hits behind those that are there. Returns whether it is enough."""
        self.found.update(dict.fromkeys(ids))
        return len(self.found) >= self._limit

    def as_typed(self) -> None:
        """Those found by a name before those found by something else; those who fit better first."""
        question = self._question
        named_by = question.expression("names")
        named = self._fitting(named_by)
        if self._many(named) and self._best_of_many(named):
            return
        anywhere = question.expression("any")
        everywhere = named if anywhere == named_by else self._fitting(anywhere)  # of a number alone they are one
        if self._many(everywhere):
            self.take(self._ranked(named))
        self.take(self._ranked(everywhere))

    def _best_of_many(self, named: Sequence[int]) -> bool:
        """Hits of one kind after the other, the best kind first, where all together are too many to be looked at."""
        question = self._question
        # The whole name or the whole last name: straight from the index by name, so that it is never lost among thousands of beginnings.
        turns = [] if question.numbered else _turns(question)
        initials = all(len(one[0]) == 1 for one in question.words)  # not looked for among middle names: everybody has some
        return (any(self.take(self._between(name, name + "!")) for name in turns)
                or self._whole(called_only=initials)
                or any(self.take(self._between(name, name + _END)) for name in turns)
                or self._begun(named))

    def _begun(self, named: Sequence[int]) -> bool:
        """Beginnings in the shown name, then in the others. Mostly those at hand are enough of the first."""
        keys = self._keys(named)
        return (self.take([key[-1] for key in keys if key[0] in _SHOWN]) or self._by_words(self._question.expression("called"))
                or self.take([key[-1] for key in keys]))

    def _whole(self, *, called_only: bool) -> bool:
        fit = [] if called_only else self._fitting(self._question.expression("names", whole=True))
        if (called_only or self._many(fit)) and self._by_words(self._question.expression("called", whole=True)):
            return True
        return self.take(self._ranked(fit))

    def _many(self, fit: Sequence[int]) -> bool:
        return len(fit) >= self._limit + SPARE

    def close_to(self) -> None:
        """Hits of words that may be spelled otherwise: in names, and only if there is nobody elsewhere."""
        question = self._question
        if self._by_words(question.expression("names", whole=True)) or self._by_words(question.expression("names")) or self.found:
            return
        self._by_words(question.expression("any"))

    def _by_words(self, expression: str) -> bool:
        # Some more than asked for, so that the best of them are shown and not the first in the file.
        return self.take(self._ranked(self._fitting(expression)))

    def _between(self, low: str, high: str) -> Sequence[str]:
        return _portion(
            self._connection, "SELECT id FROM search_person WHERE sort >= ? AND sort < ?" + _standing(self._standing) + " ORDER BY sort, standing, id LIMIT ?",
            (low, high, *_given(self._standing), self._limit))

    def _fitting(self, expression: str) -> list[int]:
        return [row[0] for row in driver.rows(self._connection, "SELECT rowid FROM search_words WHERE search_words MATCH ? LIMIT ?",
                                        (expression, self._limit + SPARE))]

    def _ranked(self, fit: Sequence[int]) -> Sequence[str]:
        return [key[-1] for key in self._keys(fit)]

    def _keys(self, fit: Sequence[int]) -> list[Any]:
        """People that were not looked at before as they rank: the kind of hit first, the id last."""
        fit = [one for one in fit if one not in self._looked_at]
        if not fit:
            return []
        self._looked_at.update(fit)
        rows = driver.rows(self._connection,
                     "SELECT id, sort, names, other FROM search_person WHERE rowid IN (SELECT value FROM json_each(?))" + _standing(self._standing),
                     (json.dumps(fit), *_given(self._standing)))
        turns = set() if self._question.numbered else set(_turns(self._question))
        other_letters = self._other_letters([row[0] for row in rows]) if self._question.letters else {}
        return sorted((*self._rank(f" {names} ", f" {other} "), other_letters.get(one, 0), sort not in turns, len(names), sort, one)
                      for one, sort, names, other in rows)

    def _rank(self, names: str, other: str) -> tuple[int, int]:
        return min(_rank(patterns, names, other) for patterns in self._patterns)

    def _other_letters(self, people: Sequence[str]) -> dict[str, int]:
        """How far the names of these people are from the very letters that were typed: the index knows folded ones only."""
        rows = driver.rows(self._connection, "SELECT id, first_name, middle_name, last_name, preferred_name, other_script_name, former_names FROM person"
                           " WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(list(people)),))
        said = ((row[0], _letters(" ".join(filter(None, row[1:])))) for row in rows)
        return {one: max(min((_apart(word, name) for name in names), default=2) for word in self._question.letters) for one, names in said}


def _turns(question: Question) -> list[str]:
    """The name as it is sorted, if it was typed first name first, last name first, or begun anywhere in between."""
    asked = [one[0] for one in question.words]
    return [" ".join(asked[start:] + asked[:start]) for start in range(len(asked))]


def _patterns(spellings: Sequence[str]) -> list[list[str]]:
    """What to look for in somebody's words, from the best kind of hit to the least: the name shown whole, another name whole, their beginnings, the rest."""
    return [[f" {word} " for word in spellings], [f" {OTHER_NAME}{word} " for word in spellings], [f" {word}" for word in spellings],
            [f" {OTHER_NAME}{word}" for word in spellings], [f" {THE_REST}{word} " for word in spellings]]


def _rank(patterns: Sequence[Sequence[Sequence[str]]], names: str, other: str) -> tuple[int, int]:
    """The least of the kinds of hit that the words are, and the sum of them all."""
    least = total = 0
    for kinds in patterns:
        kind = _kind(kinds, names, other)
        total += kind
        if kind > least and not (kind >= _ELSEWHERE and kinds[0][0].strip().isdecimal()):  # a number narrows, it is no worse hit
            least = kind
    return least, total


_SHOWN, _ELSEWHERE = (0, 2), 4


def _kind(kinds: Sequence[Sequence[str]], names: str, other: str) -> int:
    for kind in range(_ELSEWHERE):
        for look in kinds[kind]:
            if look in names:
                return kind
    return _ELSEWHERE if any(look in other for look in kinds[_ELSEWHERE]) else _ELSEWHERE + 1


def _standing(standing: str | None) -> str:
    return "" if standing is None else " AND standing = ?"


def _given(standing: str | None) -> tuple[str, ...]:
    return () if standing is None else (standing,)


def _portion(connection: sa.Connection, sql: str, parameters: tuple[Any, ...]) -> Sequence[str]:
    return [row[0] for row in driver.rows(connection, sql, parameters)]


def _portions(connection: sa.Connection, sql: str, parameters: tuple[Any, ...], size: int) -> Iterator[list[str]]:
    for portion in driver.portions(connection, sql, parameters, size):
        yield [one for (one,) in portion]


class Vocabulary:
    """Every word that somebody is found by, in order: what a mistyped word may have been meant to be. Read when first needed, and again when it changed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: object = None
        self._words: list[str] = []
        self._before_figures: list[str] = []
        self._letters: dict[int, str] = {}

    def be_ready(self, connection: sa.Connection) -> None:
        """Read the words now, so that the first mistyped word need not wait for it."""
        with self._lock:
            self._read(connection)

    def lacks(self, connection: sa.Connection, question: Question) -> bool:
        """Whether some word of a question is nobody's, so that nobody can fit. False as long as that is not known."""
        with self._lock:
            return self._seen == _state(connection) and not question.joined and not self._knows(question)

    def known_of(self, connection: sa.Connection, question: Question) -> Question:
        """The question without the joined words that are nobody's, as far as that is known."""
        if not question.joined:
            return question
        with self._lock:
            if self._seen != _state(connection):
                return question
            return replace(question, joined=tuple(one for one in question.joined if self._knows(one)))

    def _knows(self, question: Question) -> bool:
        return all(self._known(one[0]) for one in question.words)

    def guesses(self, connection: sa.Connection, question: Question) -> Iterator[Question]:
        """The question with words spelled otherwise: those that nobody has; then one of the others, the longest first; then all."""
        self.be_ready(connection)
        asked = [one[0] for one in question.words]
        unknown = [place for place, word in enumerate(asked) if not self._known(word)]
        mended = list(question.words)
        for place in unknown:
            mended[place] = self._near(asked[place], begun=place == len(asked) - 1)  # the last one may still be on its way
        if not all(mended):
            return
        if unknown:
            yield replace(question, joined=(), words=tuple(mended), close=True)
        others = {place: near for place, word in enumerate(asked) if place not in unknown and (near := self._near(word, begun=place == len(asked) - 1))}
        for place in sorted(others, key=lambda place: -len(asked[place])):
            yield replace(question, joined=(), words=(*mended[:place], others[place], *mended[place + 1:]), close=True)
        if len(others) > 1:
            yield replace(question, joined=(), words=tuple(others.get(place, one)[:FEW_SPELLINGS] for place, one in enumerate(mended)), close=True)

    def _read(self, connection: sa.Connection) -> None:
        seen = _state(connection)
        if seen == self._seen:
            return
        # Words with figures are left out: a year or a number that is nearly right is wrong. How they begin is known, so that nobody is said to be lacking.
        found: set[str] = set()
        before: set[str] = set()
        for low, high, cut in (("a", THE_REST, 0), (THE_REST + "a", THE_REST + _END, 1), (OTHER_NAME + "a", OTHER_NAME + _END, 1), ("»", _END, 0)):
            terms = connection.exec_driver_sql("SELECT term FROM search_words_terms WHERE term >= ? AND term < ?", (low, high))
            for (term,) in terms:
                figure = _FIGURE.search(term)
                if figure is None:
                    found.add(term[cut:])
                else:
                    before.add(term[cut:figure.start()])
        self._words, self._before_figures = sorted(found), sorted(before)
        self._letters = {}
        self._seen = seen

    def _known(self, start: str) -> bool:
        """Whether some word begins like this; of what has figures in it that is not asked."""
        return any(letter.isdecimal() for letter in start) or _begins(self._words, start) or _begins(self._before_figures, start)

    def _near(self, word: str, *, begun: bool) -> tuple[str, ...]:
        """Words that are one letter more, less or other than this one, or two letters the other way round; then beginnings of words (``begun``)."""
        if len(word) < 3 or word.isdecimal():
            return ()
        whole: list[str] = []
        starts: list[str] = []
        for spelling in dict.fromkeys(_spellings(word, self._alphabet(word))):
            at = bisect_left(self._words, spelling)
            if at < len(self._words) and spelling != word:
                there = self._words[at]
                if there == spelling:
                    whole.append(spelling)
                elif there.startswith(spelling):
                    starts.append(spelling)
        return tuple((whole + starts if begun or not whole else whole)[:MOST_SPELLINGS])

    def _alphabet(self, word: str) -> str:
        """Letters of the word's own script that occur at all; none for signs that are whole words."""
        page = ord(word[0]) >> 8
        if page >= 0x2E:
            return ""
        if page not in self._letters:
            every = set(chain.from_iterable(self._words))
            self._letters[page] = "".join(sorted(letter for letter in every if ord(letter) >> 8 == page and letter not in _DIGITS))
        return self._letters[page]


def _begins(words: list[str], start: str) -> bool:
    """Whether one of these, which are in order, begins like this."""
    at = bisect_left(words, start)
    return at < len(words) and words[at].startswith(start)


def _state(connection: sa.Connection) -> object:
    """The record of the index's structure, which every change of the index writes anew."""
    return _portion(connection, "SELECT block FROM search_words_data WHERE id = 10", ())


def _spellings(word: str, alphabet: str) -> Iterator[str]:
    parts = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    yield from (left + right[1] + right[0] + right[2:] for left, right in parts if len(right) > 1)
    yield from (left + right[1:] for left, right in parts if right)
    yield from (left + letter + right[1:] for left, right in parts if right for letter in alphabet)
    yield from (left + letter + right for left, right in parts for letter in alphabet)

