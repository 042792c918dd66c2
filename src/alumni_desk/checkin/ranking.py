"""Who is meant by what somebody typed at the door: pure, because a wrong guess lets the wrong person in.

One field takes names in any order and any part of them, class years, ends of phone numbers and the host's name.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from alumni_desk.store.search import JOINED, TAIL, fold, phone_ends

_APOSTROPHES = str.maketrans("", "", "'’‘ʼʻ`´′")
MOST_GROUPS = 6
"""Into so many groups of digits people write a phone number."""

MOST_JOINED = 6
"""More words are not looked at for those that are one in the list."""

_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uac00-\ud7a3]+")
"""Kana, Han and Hangul: names written without a space, where the given name is the end of the word."""


def _parted(text: str) -> list[str]:
    """A text's words. Vowel signs belong to their word (Devanagari, Thai), invisible joiners to none."""
    kept = []
    for letter in text:
        if letter.isalnum() or unicodedata.category(letter)[0] == "M":
            kept.append(letter)
        elif unicodedata.category(letter) != "Cf":
            kept.append(" ")
    return "".join(kept).split()


def words_of(text: str) -> list[str]:
    """The folded words of a text, as they are typed: ``O’Brien-Łoś`` gives ``obrien`` and ``los``."""
    return _parted(fold(text.translate(_APOSTROPHES)))


def name_words(*names: str | None) -> frozenset[str]:
    """Every folded word by which one of the names may be typed, joined and parted spellings alike."""
    words: set[str] = set()
    for name in names:
        if not name:
            continue
        words.update(words_of(name))
        words.update(_parted(fold(name)))  # O'Brien is also found by "brien"
        for part in name.split():
            words.add("".join(words_of(part)))  # Al-Amin is also found by "alamin"
            for run in _UNSPACED.finditer(part):
                words.update(fold(part[start:run.end()]) for start in range(run.start(), run.end()))
    words.update([w[2:] for w in words if w.startswith("ال") and len(w) > 3])  # the Arabic article may be left out
    words.discard("")
    return frozenset(words)


def written_as_one(given: str | None, last: str | None) -> list[str]:
    """Spellings of a name with fewer spaces than it has: McDonald, Maryann and delacruz; and やまだゆうこ, family name first, as she writes it.

    Never a given and a last name of other scripts: who types ``anna`` does not mean Ann Aston.
    """
    found = ["".join(parts) for name in (given, last) if name and 1 < len(parts := name.split()) <= JOINED]
    if given and last and _UNSPACED.fullmatch(given) and _UNSPACED.fullmatch(last):
        found.append(last + given)
    return found


@dataclass(frozen=True, slots=True)
class Findable:
    """One person as the search sees them. Everything is folded; build it with ``findable``."""

    key: str
    name: tuple[str, ...]  # the sorted words of the name shown: equal for namesakes
    words: frozenset[str]
    host_words: frozenset[str]
    numbers: frozenset[str]  # class years, two and four digits
    phone: str  # digits only
    order: int  # 0 expected, then less and less likely
    haystack: str  # all of it in one string, to pass over most people fast


def findable(key: str, name: str, other_names: Iterable[str | None] = (), *, host_names: Iterable[str | None] = (),
             class_years: Iterable[int | None] = (), phones: Iterable[str | None] = (), order: int = 0) -> Findable:  # fmt: skip
    """A person prepared for searching."""
    words = name_words(name, *other_names)
    hosts = name_words(*host_names)
    years = [y for y in class_years if y]
    numbers = frozenset([str(y) for y in years] + [f"{y % 100:02d}" for y in years])
    phone = " ".join("".join(c for c in p if c.isdecimal()) for p in phones if p)
    return Findable(key, tuple(sorted(words_of(name))), words, hosts, numbers, phone, order,
                    " ".join(["", *words, *hosts, *numbers]) + " ")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ranked:
    """Keys of those found, best first; the one plausible person, if there is one; groups of namesakes among them."""

    keys: tuple[str, ...]
    certain: str | None
    namesakes: tuple[tuple[str, ...], ...]


Hit = tuple[tuple[int, int, int, tuple[str, ...], str, str], Findable]
"""How a person sorts (fit, order, name, class year, key), and the person."""

_NONE, _HOST, _BEGINNING, _WHOLE = 0, 1, 2, 3


def _match(person: Findable, token: str) -> int:
    """How well one typed word fits a person."""
    if token in person.words or token in person.numbers:
        return _WHOLE
    if any(word.startswith(token) for word in person.words):
        return _BEGINNING
    if token.isdecimal():
        if any(phone.endswith(end) for phone in person.phone.split() for end in phone_ends(token)):
            return _WHOLE
        if len(token) > TAIL and token[-TAIL:] in person.phone.split():  # a laptop at the door holds no more of a number than its end
            return _BEGINNING
        return _BEGINNING if any(n.startswith(token) for n in person.numbers if len(n) == 4) else _NONE
    return _HOST if any(word.startswith(token) for word in person.host_words) else _NONE


def _fit(person: Findable, tokens: Sequence[str]) -> tuple[int, int] | None:
    """(words that are not whole, words found only in the host's name), smaller is better; None if a word fits nothing."""
    parts = host = 0
    for token in tokens:
        found = _match(person, token)
        if found == _NONE:
            return None
        parts += found != _WHOLE
        host += found == _HOST
    return parts, host


def tokens_of(text: str) -> list[str]:
    """What was typed, as folded words; an apostrophe before a class year is dropped."""
    return list(dict.fromkeys(words_of(text)))


def readings_of(text: str) -> list[list[str]]:
    """How what was typed may be read: as it stands; and groups of digits as one phone number, the first of them perhaps a class year."""
    parts = words_of(text)
    runs = [list(run) for digits, run in groupby(range(len(parts)), lambda place: parts[place].isdecimal()) if digits]
    run = max(runs, key=len, default=[])
    together = [[*parts[:start], "".join(parts[start:run[-1] + 1]), *parts[run[-1] + 1:]] for start in run[:-1][:MOST_GROUPS]]
    return [list(dict.fromkeys(reading)) for reading in (parts, *together)]


def joined_readings_of(text: str) -> list[list[str]]:
    """How what was typed may be read with words that follow each other written as one: ``mc donald`` for McDonald."""
    parts = words_of(text)
    if len(parts) > MOST_JOINED:
        return []
    return [[*parts[:start], "".join(parts[start:end]), *parts[end:]] for start in range(len(parts))
            for end in range(start + 2, min(start + JOINED, len(parts)) + 1) if not any(map(str.isdecimal, parts[start:end]))]


def rank(people: Sequence[Findable], text: str, limit: int = 50) -> Ranked:
    """Those whom the text may mean.

    Every typed word must fit; where nobody is found, words that follow each other may be one, of nobody for certain.
    More whole words come first, then own names before the host's, then the expected;
    namesakes stand together where the best of them stands. ``certain`` is the only hit there is, or the only one
    whose own name or number has every typed word whole; never one of several namesakes.
    """
    tokens = tokens_of(text)
    if not tokens:
        return Ranked((), None, ())
    hits = _hits(people, readings_of(text))
    guessed = not hits
    if guessed:
        hits = _hits(people, joined_readings_of(text))
    hits.sort(key=lambda hit: hit[0])
    groups: dict[tuple[str, ...], list[Findable]] = {}
    for _, person in hits:
        groups.setdefault(person.name or (person.key,), []).append(person)
    ordered = [person for group in groups.values() for person in group]
    shown = ordered[:limit]
    namesakes = tuple(tuple(p.key for p in group) for group in groups.values() if len(group) > 1)
    return Ranked(tuple(p.key for p in shown), None if guessed else _certain(hits, groups, tokens), namesakes)


def _hits(people: Sequence[Findable], readings: Sequence[Sequence[str]]) -> list[Hit]:
    """Everybody whom one of the readings fits."""
    looked_for = [(reading, [(f" {t}", t.lstrip("0")[-TAIL:] if t.isdecimal() else None) for t in reading]) for reading in readings]
    hits: list[Hit] = []
    for person in people if looked_for else ():
        fits = []
        for reading, looks in looked_for:
            for beginning, digits in looks:  # passes over most people fast
                if beginning not in person.haystack and (digits is None or digits not in person.phone):
                    break
            else:
                fits.append(_fit(person, reading))
        fit = min((one for one in fits if one is not None), default=None) if fits else None
        if fit is not None:
            hits.append(((*fit, person.order, person.name, min((n for n in person.numbers if len(n) == 4), default="~"), person.key), person))
    return hits


def _certain(hits: list[Hit], groups: dict[tuple[str, ...], list[Findable]], tokens: Sequence[str]) -> str | None:
    if not hits:
        return None
    best = hits[0][1]
    if len(groups[best.name or (best.key,)]) > 1:
        return None
    if len(hits) == 1:
        return best.key
    # A single letter is nobody's name typed to the end, though "O’Brien" has an O: it needs one real word.
    if not any(len(t) > 1 or not t.isascii() for t in tokens):
        return None
    whole = [person for fit, person in hits if fit[0] == 0]
    if len(whole) != 1 or not any(t in best.words for t in tokens):
        return None
    return whole[0].key
