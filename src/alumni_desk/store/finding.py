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
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from alumni_desk.protocol.codes import read_badge_code
from alumni_desk.store import driver
from alumni_desk.store.dialling import numbers_begun
from alumni_desk.store.listed import each
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
Whole = Literal["none", "all but the last", "all"]
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
    signs: tuple[str, ...] = ()  # there is no word in it: what names are to hold as it stands

    @property
    def numbered(self) -> bool:
        """A number is among the words: a class year, the end of a phone number."""
        return any(one[0].isdecimal() for one in self.words)

    def expression(self, where: Where, whole: Whole = "none", known: Known | None = None) -> str:
        """The full-text question: every word, in names or anywhere; as a beginning, or whole. Empty if it is known that nobody has the words."""
        fits = [one for question in (self, *self.joined) if (one := question._expression(where, whole, known.term if known is not None else _term))]
        return fits[0] if len(fits) == 1 else " OR ".join(f"({one})" for one in fits)

    def _expression(self, where: Where, whole: Whole, term: Callable[[str, str, bool], str]) -> str:
        terms = ["(" + " OR ".join(_splits(groups, "" if whole == "all" else "*")) + ")" for groups in self.groups]
        grouped = {group for groups in self.groups for group in groups}
        for spellings in self.words:
            if spellings[0] in grouped:
                continue
            # A number is a class year or the end of a phone number, wherever the name is looked for.
            marks = _MARKS["any" if spellings[0].isdecimal() else where]
            as_whole = whole == "all" or (whole == "all but the last" and spellings is not self.words[-1])
            ways = [one for word in spellings for mark in marks if (one := term(mark, word, as_whole))]
            if not ways:
                return ""
            terms.append("(" + " OR ".join(ways) + ")")
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
    """What a typed text asks for, as it is spelled; None if there is nothing in it."""
    asked = words(query)[:MOST_WORDS]
    if not asked:
        signs = tuple(dict.fromkeys(unicodedata.normalize("NFC", query).split()))[:MOST_WORDS]
        return Question((), signs=signs) if signs else None
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


def _term(mark: str, word: str, whole: bool) -> str:
    """A word in a full-text question, or all that begin like it."""
    return f'"{mark}{word}"' if whole else f'"{mark}{word}"*'


def matching_ids(question: Question) -> sa.Select[Any]:
    """The ids of all people who fit, for ``person.id.in_(…)``."""
    import sqlalchemy as sa

    if question.signs:
        return sa.select(sa.table("person", sa.column("id")).c.id).where(sa.text(_HOLDS).bindparams(signs=json.dumps(question.signs)))
    people = sa.table("search_person", sa.column("rowid"), sa.column("id"))
    index = sa.table("search_words", sa.column("rowid"), sa.column("search_words"))
    fits = sa.select(index.c.rowid).where(index.c.search_words.op("MATCH")(question.expression("any")))
    found: sa.ColumnElement[bool] = people.c.rowid.in_(fits)
    if question.code is not None:
        found |= sa.text(f"search_person.id IN ({_OF_CODE})").bindparams(code=question.code)
    return sa.select(people.c.id).where(found)


def find_people(connection: sa.Connection, query: str, limit: int, *, standing: str | None = None, vocabulary: Vocabulary | None = None) -> Found:
    """Whom a typed text means, best first, at most ``limit``. With a vocabulary typing errors are forgiven where nobody fits as typed."""
    question = question_of(query)
    if question is None:
        return Found((), None)
    if question.signs:
        return Found(tuple(_holding(connection, question, standing, limit)), question)
    known = vocabulary.known(connection) if vocabulary is not None else None
    if known is not None:
        question = replace(question, joined=tuple(one for one in question.joined if known.has(one)))
    ids = _best(connection, question, limit, standing, known)
    if not ids and vocabulary is not None:
        known = vocabulary.be_ready(connection)
        for guess in known.guesses(question):
            ids = _best(connection, guess, limit, standing, known)
            if ids:
                return Found(ids, guess)
    return Found(ids, question)


def everybody(connection: sa.Connection, question: Question | None, standing: str | None, portion: int = CHUNK) -> Iterator[list[str]]:
    """All who fit (or all there are), by name, in portions: those found by a name before those found by something else."""
    if question is None:
        yield from _portions(connection, "SELECT id FROM search_person WHERE true" + _standing(standing) + " ORDER BY sort, standing, id",
                             _given(standing), portion)
        return
    if question.signs:
        yield list(_holding(connection, question, standing, -1))
        return
    if question.code is not None:
        yield from _portions(connection, f"SELECT id FROM search_person WHERE id IN ({_OF_CODE})".replace(":code", "?") + _standing(standing)
                             + " ORDER BY sort, standing, id", (question.code, *_given(standing)), portion)
    fits = "(SELECT rowid FROM search_words WHERE search_words MATCH ?)"
    for place in ("names", "any"):
        expression = question.expression(place)
        count = int(connection.exec_driver_sql("SELECT count(*) FROM search_words WHERE search_words MATCH ?", (expression,)).scalar() or 0)
        # Many: walk through the index by name and leave out who does not fit. Few: look them up, then sort.
        walk = "INDEXED BY search_person_sort WHERE +rowid IN" if count > CHUNK else "WHERE rowid IN"
        yield from _portions(connection, f"SELECT id FROM search_person {walk} {fits}" + _standing(standing) + " ORDER BY sort, standing, id",
                             (expression, *_given(standing)), portion)


_NAMES = ("first_name", "middle_name", "last_name", "preferred_name", "other_script_name")
_HOLDS = ("NOT EXISTS (SELECT 1 FROM json_each(:signs) AS sign WHERE NOT (" + " OR ".join(f"instr(coalesce(person.{name}, ''), sign.value)" for name in _NAMES)
          + f" OR EXISTS (SELECT 1 FROM {each('person.former_names')} AS former WHERE instr(former.value, sign.value))))")
"""Whether somebody's names hold all signs: those are in no index, so everybody is looked at, and only where nothing else is asked."""


def _holding(connection: sa.Connection, question: Question, standing: str | None, limit: int) -> Sequence[str]:
    """Whose names hold signs that are no word (an emoji), by name."""
    return _portion(connection, f"SELECT id FROM search_person WHERE id IN (SELECT id FROM person WHERE {_HOLDS.replace(':signs', '?')})" + _standing(standing)
                    + " ORDER BY sort, standing, id LIMIT ?", (json.dumps(question.signs), *_given(standing), limit))


_OF_CODE = ("WITH RECURSIVE owner (id) AS (SELECT person FROM registration WHERE code = :code AND NOT gone UNION SELECT p.merged_into FROM owner"
            " JOIN person AS p ON p.id = owner.id WHERE p.merged_into IS NOT NULL) SELECT id FROM owner")
"""Whose badge it is, and of whom that entry has become a part since."""


def _best(connection: sa.Connection, question: Question, limit: int, standing: str | None, known: Known | None) -> tuple[str, ...]:
    search = _Search(connection, question, limit, standing, known)
    if question.code is not None:
        search.take(_portion(connection, f"SELECT id FROM search_person WHERE id IN ({_OF_CODE})".replace(":code", "?") + _standing(standing),
                             (question.code, *_given(standing))))
    if question.close:
        search.close_to()
    else:
        search.as_typed()
    return tuple(search.found)[:limit]


class _Search:
    """One question being asked: what was found so far, and how to find more."""

    def __init__(self, connection: sa.Connection, question: Question, limit: int, standing: str | None, known: Known | None) -> None:
        self._connection, self._question, self._limit, self._standing, self._known = connection, question, limit, standing, known
        self._initial = len(question.words) > 1 and len(question.words[-1][0]) == 1
        self._answers: dict[str, list[int]] = {}
        self._looked_at: set[int] = set()
        self._looks = [[_looks(spellings) for spellings in one.words] for one in (question, *question.joined)]
        self.found: dict[str, None] = {}

    def take(self, ids: Sequence[str]) -> bool:
        """Add hits behind those that are there. Returns whether it is enough."""
        self.found.update(dict.fromkeys(ids))
        return len(self.found) >= self._limit

    def as_typed(self) -> None:
        """Those found by a name before those found by something else; those who fit better first."""
        if self._are_many_named() and self._best_of_many():
            return
        everywhere = self._fitting("any")
        # In one go: whoever is found by a name ranks before all others.
        self.take(self._ranked([*(self._fitting("names") if self._are_many(everywhere) else ()), *everywhere]))

    def _are_many_named(self) -> bool:
        """Whether names find too many to look at them all. Asked first is what mostly tells already and costs least."""
        if self._initial:
            return self._are_many(self._fitting("names"))
        return (self._are_many(self._fitting("called", "all")) or self._are_many(self._fitting("called", "all but the last"))
                or (self._are_many(self._fitting("any")) and self._are_many(self._fitting("names"))))

    def _best_of_many(self) -> bool:
        """Hits of one kind after the other, the best kind first, where all together are too many to be looked at."""
        # The whole name or the whole last name: straight from the index by name, so that it is never lost among thousands of beginnings.
        turns = [] if self._question.numbered else _turns(self._question)
        return (any(self.take(self._between(name, name + "!")) for name in turns)
                or self._whole()
                or any(self.take(self._between(name, name + _END)) for name in turns)
                or self._begun())

    def _whole(self) -> bool:
        called = self._fitting("called", "all")
        if all(len(one[0]) == 1 for one in self._question.words):  # not looked for among middle names: everybody has some
            return self.take(self._ranked(called))
        return ((self._are_many(called) and self.take(self._ranked(called)))
                or self.take(self._ranked([*called, *self._fitting("names", "all")])))

    def _begun(self) -> bool:
        """Beginnings in the shown name, then in the others. Mostly those at hand are enough of the first."""
        if not self._initial and self.take(self._ranked(self._fitting("called", "all but the last"))):
            return True
        keys = self._keys(self._fitting("names"))
        return (self.take([key[-1] for key in keys if key[0] in _SHOWN]) or self.take(self._ranked(self._fitting("called")))
                or self.take([key[-1] for key in keys]))

    def _are_many(self, fit: Sequence[int]) -> bool:
        return len(fit) >= self._limit + SPARE

    def close_to(self) -> None:
        """Hits of words that may be spelled otherwise: in names, and only if there is nobody elsewhere."""
        # Some more than asked for, so that the best of them are shown and not the first in the file.
        if self.take(self._ranked(self._fitting("names", "all"))) or self.take(self._ranked(self._fitting("names"))) or self.found:
            return
        self.take(self._ranked(self._fitting("any")))

    def _between(self, low: str, high: str) -> Sequence[str]:
        return _portion(
            self._connection, "SELECT id FROM search_person WHERE sort >= ? AND sort < ?" + _standing(self._standing) + " ORDER BY sort, standing, id LIMIT ?",
            (low, high, *_given(self._standing), self._limit))

    def _fitting(self, where: Where, whole: Whole = "none") -> list[int]:
        """The places of some who fit; each question is asked once."""
        expression = self._question.expression(where, whole, self._known)
        if not expression:
            return []
        if expression not in self._answers:
            # Of one standing alone: else very many guests who fit would leave no place for the members who do.
            those = "" if self._standing is None else " CROSS JOIN search_person AS p ON p.rowid = w.rowid AND p.standing = ?"
            self._answers[expression] = [row[0] for row in driver.rows(
                self._connection, f"SELECT w.rowid FROM search_words AS w{those} WHERE search_words MATCH ? LIMIT ?",
                (*_given(self._standing), expression, self._limit + SPARE))]
        return self._answers[expression]

    def _ranked(self, fit: Sequence[int]) -> Sequence[str]:
        return [key[-1] for key in self._keys(fit)]

    def _keys(self, fit: Sequence[int]) -> list[Any]:
        """People that were not looked at before as they rank: the kind of hit first, the id last."""
        fit = [one for one in fit if one not in self._looked_at]
        if not fit:
            return []
        self._looked_at.update(fit)
        rows = driver.rows(self._connection,
                     "SELECT rowid, id, sort, names FROM search_person WHERE rowid IN (SELECT value FROM json_each(?))" + _standing(self._standing),
                     (json.dumps(fit), *_given(self._standing)))
        turns = set() if self._question.numbered else set(_turns(self._question))
        other_letters = self._other_letters([row[1] for row in rows]) if self._question.letters else {}
        elsewhere = _Elsewhere(self._connection, fit)
        return sorted([(*_rank(self._looks, f" {names} ", place, elsewhere), other_letters.get(one, 0), sort not in turns, len(names), sort, one)
                       for place, one, sort, names in rows])

    def _other_letters(self, people: Sequence[str]) -> dict[str, int]:
        """How far the names of these people are from the very letters that were typed: the index knows folded ones only."""
        rows = driver.rows(self._connection, "SELECT id, first_name, middle_name, last_name, preferred_name, other_script_name, former_names FROM person"
                           " WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(list(people)),))
        said = ((row[0], _letters(" ".join(filter(None, row[1:])))) for row in rows)
        return {one: max(min((_apart(word, name) for name in names), default=2) for word in self._question.letters) for one, names in said}


class _Elsewhere:
    """Which of these people have a word as a whole one of all the rest that they are found by: the index alone knows, and is asked once there is no name."""

    def __init__(self, connection: sa.Connection, fit: Sequence[int]) -> None:
        self._connection, self._fit = connection, fit
        self._found: dict[str, set[int]] = {}

    def has(self, place: int, expression: str) -> bool:
        if expression not in self._found:
            self._found[expression] = self._whole(expression)
        return place in self._found[expression]

    def _whole(self, expression: str) -> set[int]:
        """From the first of them to the last, as the index has them; one by one where very many others have it, too."""
        most = 2 * len(self._fit)
        found = driver.rows(self._connection, "SELECT rowid FROM search_words WHERE search_words MATCH ? AND rowid BETWEEN ? AND ? LIMIT ?",
                            (expression, min(self._fit), max(self._fit), most))
        if len(found) == most:
            behind = [place for place in self._fit if place > found[-1][0]]
            found += driver.rows(self._connection, "SELECT rowid FROM search_words WHERE search_words MATCH ? AND rowid IN (SELECT value FROM json_each(?))",
                                 (expression, json.dumps(behind)))
        return {row[0] for row in found}


def _turns(question: Question) -> list[str]:
    """The name as it is sorted, if it was typed first name first, last name first, or begun anywhere in between."""
    asked = [one[0] for one in question.words]
    return [" ".join(asked[start:] + asked[:start]) for start in range(len(asked))]


class _Looks(NamedTuple):
    """What to look for of a word. ``spellings``: of each a name that begins so, one that is just this; another name that begins so, one that is just this.
    ``rest``: any other word that is just this, as the index is asked for it. ``number``: whether it is one."""

    spellings: list[tuple[str, str, str, str]]
    rest: str
    number: bool


def _looks(spellings: Sequence[str]) -> _Looks:
    return _Looks([(f" {word}", f" {word} ", f" {OTHER_NAME}{word}", f" {OTHER_NAME}{word} ") for word in spellings],
                  " OR ".join(f'"{THE_REST}{word}"' for word in spellings), spellings[0].isdecimal())


def _rank(questions: Sequence[Sequence[_Looks]], names: str, place: int, elsewhere: _Elsewhere) -> tuple[int, int]:
    """The least of the kinds of hit that a question's words are, and the sum of them all; of these questions the one that fits best."""
    best = (_ELSEWHERE + 2, 0)
    for asked in questions:
        least = total = 0
        for spellings, rest, number in asked:
            kind = _ELSEWHERE
            for spelled in spellings:
                if (this := _kind(spelled, names)) < kind:
                    kind = this
            if kind == _ELSEWHERE and not elsewhere.has(place, rest):
                kind += 1
            total += kind
            if kind > least and not (kind >= _ELSEWHERE and number):  # a number narrows, it is no worse hit
                least = kind
        if (least, total) < best:
            best = least, total
    return best


def _kind(spelled: tuple[str, str, str, str], names: str) -> int:
    """What kind of hit a word is, from the best to the least: the name shown whole, another name whole, their beginnings, none of them."""
    begun, whole, other_begun, other_whole = spelled
    if begun in names:
        return 0 if whole in names else 1 if other_whole in names else 2
    if other_begun in names:
        return 1 if other_whole in names else 3
    return _ELSEWHERE


_SHOWN, _ELSEWHERE = (0, 2), 4


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
    """Every word that somebody is found by. Read when first needed, and again when it changed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read: tuple[object, Known | None] = (None, None)  # the index's state, and the words as of then

    def be_ready(self, connection: sa.Connection) -> Known:
        """Read the words now, so that the first mistyped word need not wait for it."""
        with self._lock:
            words = self.known(connection)
            if words is None:
                state = _state(connection)
                words = Known.read(connection)
                self._read = state, words
            return words

    def known(self, connection: sa.Connection) -> Known | None:
        """The words that there are; None as long as they would have to be read, or are being read."""
        state, words = self._read
        return words if words is not None and state == _state(connection) else None


class Known:
    """The words that there are, in order: of each kind those without figures, and what stands before the first figure of the others."""

    def __init__(self, kinds: dict[str, tuple[list[str], list[str]]]) -> None:
        self._kinds = kinds
        self._words = sorted(chain.from_iterable(words for words, _before in kinds.values()))  # what a mistyped word may have been meant to be
        self._letters: dict[int, str] = {}

    @staticmethod
    def read(connection: sa.Connection) -> Known:
        """Read them from the index."""
        # Words with figures are left out: a year or a number that is nearly right is wrong. How they begin is known, so that nobody is said to be lacking.
        # They come in order, so that sorting, which lets no other thread go on, has little to do.
        kinds: dict[str, tuple[list[str], set[str]]] = {mark: ([], set()) for mark in _MARKS["any"]}
        for mark, low, high in (("", "a", THE_REST), (THE_REST, THE_REST + "a", THE_REST + _END), (OTHER_NAME, OTHER_NAME + "a", OTHER_NAME + _END),
                                ("", "»", _END)):
            found, before = kinds[mark]
            for (term,) in driver.rows(connection, "SELECT term FROM search_words_terms WHERE term >= ? AND term < ?", (low, high)):
                figure = _FIGURE.search(term)
                if figure is None:
                    found.append(term[len(mark):])
                else:
                    before.add(term[len(mark):figure.start()])
        return Known({mark: (sorted(found), sorted(before)) for mark, (found, before) in kinds.items()})

    def has(self, question: Question) -> bool:
        """Whether each word of a question is somebody's, or how one begins."""
        return all(self._has(one[0]) for one in question.words)

    def _has(self, start: str) -> bool:
        """Whether some word begins like this; of what has figures in it that is not asked."""
        return any(letter.isdecimal() for letter in start) or any(_begins(some, start) for kind in self._kinds.values() for some in kind)

    def term(self, mark: str, word: str, whole: bool) -> str:
        """``_term``; empty if there is no such word, and for the word alone if no other begins like it, which costs less. Those with figures are not known."""
        if _FIGURE.search(word):
            return _term(mark, word, whole)
        words, before = self._kinds[mark]
        at = bisect_left(words, word)
        there = words[at:at + 1] == [word]
        if not whole and (_begins(words, word, at + there) or _begins(before, word)):
            return _term(mark, word, whole=False)
        return _term(mark, word, whole=True) if there else ""

    def guesses(self, question: Question) -> Iterator[Question]:
        """The question with words spelled otherwise: those that nobody has; then one of the others, the longest first; then all."""
        asked = [one[0] for one in question.words]
        unknown = [place for place, word in enumerate(asked) if not self._has(word)]
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


def _begins(words: list[str], start: str, at: int | None = None) -> bool:
    """Whether one of these, which are in order, begins like this; one from this place on."""
    at = bisect_left(words, start) if at is None else at
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

