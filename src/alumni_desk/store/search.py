"""The search index: folded words of every person in a full-text table of its own, refreshed once before COMMIT.

The words lie in it and nowhere else, so that a change to somebody writes no second copy of them; beside it lie their names alone, which hits are ranked by.
What somebody was found by need not be known when they are taken out: their place is struck out, and the index leaves their words behind when it merges its
parts (``merge``).

Kinds of words lie apart in it, each under its own first letter, so that looking for one kind never walks through another (nearly
everybody has ``com`` in an address): the name as it is shown, as it is; every other name, behind ``OTHER_NAME``; all the rest, behind ``THE_REST``; phone
numbers once more from their end on, behind ``BACKWARDS``.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import lru_cache
from itertools import groupby, repeat, starmap
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import msgspec

from alumni_desk.store import driver

if TYPE_CHECKING:
    import sqlalchemy as sa

SEARCHED = {
    "person": ("id", ("gone", "standing", "title", "first_name", "middle_name", "last_name", "preferred_name", "other_script_name", "former_names",
                      "class_year", "email", "other_emails", "mobile", "phone", "city", "employer", "external_ids", "merged_into")),
    "education": ("person", ("gone", "person", "name_at_graduation", "class_year")),
}
"""Which columns are searched: table -> (column with the person's id, columns)."""

OTHER_NAME, THE_REST = "º", "ª"
"""Letters that no folded word begins with: folding makes o and a of them."""

BACKWARDS = "³"
"""Before a phone number's digits from the last to the first: whatever it ends in is a beginning of them. Folding makes 3 of it."""

JOINED = 4
"""So many words of a name are found as one, too."""

TAIL = 4
"""So many of a phone number's last digits find it."""

TOKENIZER = "unicode61 remove_diacritics 0"
"""How the index of words cuts texts that are cut already."""

# Letters that are letters of their own in Unicode and that people type without.
_PLAIN = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ð": "d", "ß": "ss", "ẞ": "ss", "æ": "ae", "œ": "oe", "þ": "th", "ı": "i", "ħ": "h", "ŧ": "t",
                        "ŋ": "n", "ə": "e", "\u00ad": "", "\u200c": "", "\u200d": ""})
_APOSTROPHES = str.maketrans("", "", "'’‘ʼʻ`´′")
_APOSTROPHE = re.compile("['’‘ʼʻ`´′]")
_ASCII_WORD = re.compile(r"[a-z0-9]+")
_NO_DIGIT = re.compile(r"[^0-9]+")
_WORD = re.compile(r"[^\W_]+")
_HYPHEN = re.compile(r"(?<=\w)[-\u2010\u2011](?=\w)")
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uac00-\ud7a3]+")
"""Kana, Han and Hangul: last and given name are written as one word."""
_HAN = re.compile("[\u3400-\u9fff]{2,8}")
# Marks that make another letter, so that they cannot be dropped: voicing of kana; and vowel signs of Indic scripts, Thai, Arabic …
_KEPT = frozenset("\u3099\u309a")


def fold(text: str) -> str:
    """Text as it is compared: compatibility forms undone, Latin, Greek and Cyrillic marks dropped, lower case, ł ø đ ß æ œ þ ı as people type them."""
    if text.isascii():
        return text.lower()
    if _LATIN.fullmatch(text):
        return text.translate(_FOLDED)
    return _fold(text)


def _fold(text: str) -> str:
    # Compatibility forms first: a mathematical 𝐀 is upper case only once it is an A. And again, since a folded letter may come apart anew.
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    kept = "".join(c for c in decomposed if not unicodedata.combining(c) or c in _KEPT)
    return unicodedata.normalize("NFC", kept.translate(_PLAIN))


class _Folded(dict[int, str]):
    """What each letter becomes. Of Latin letters none changes what its neighbour becomes, so each is folded once and for all."""

    def __missing__(self, letter: int) -> str:
        self[letter] = folded = _fold(chr(letter))
        return folded


_FOLDED = _Folded()
_FOLDED_APART = _Folded(dict.fromkeys(_APOSTROPHES, ""))  # the same where words are cut
_LATIN = re.compile("[\u0000-\u024f\u1e00-\u1eff]*")


def words(text: str) -> list[str]:
    """The folded words of a text, as index and question cut them."""
    if text.isascii():
        return _ASCII_WORD.findall(text.lower().replace("'", "").replace("`", ""))
    if _LATIN.fullmatch(text):
        folded = text.translate(_FOLDED_APART)
        return _ASCII_WORD.findall(folded) if folded.isascii() else _WORD.findall(_spaced(folded))
    return _WORD.findall(_spaced(fold(text.translate(_APOSTROPHES))))


def phone_ends(digits: str) -> list[str]:
    """What a phone number may end in that is meant by these digits: themselves; also without the zeros dialled within a country (0) or out of one (00)."""
    return [end for end in dict.fromkeys((digits, digits.lstrip("0"))) if len(end) >= TAIL]


def _spaced(text: str) -> str:
    """Vowel signs count as letters (``\\w`` and unicode61 would cut words at them)."""
    if text.isascii():
        return text
    return "".join(c if unicodedata.category(c) != "Mn" and unicodedata.category(c) != "Mc" else "" for c in text)


class News:
    """People whom one transaction adds: the index is made of them as they lie in memory, without reading them again.

    Whatever else a transaction does to what is searched is marked by triggers, and read.
    """

    def __init__(self) -> None:
        self.people: dict[str, tuple[Any, ...]] = {}  # by id: id and the columns that are searched

    def take(self, connection: sa.Connection, table: str, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Hear of rows that were added, each its values in the order of ``names``, of which the triggers say nothing."""
        def column(name: str) -> Iterable[Any]:
            return map(itemgetter(names.index(name)), rows) if name in names else repeat(None, len(rows))

        if table == "person":
            self.people.update(zip(column("id"), zip(*map(column, ("id", *_PERSON)), strict=True), strict=True))
        elif table == "education":  # of those who are new themselves it is looked up anyway
            others = {*column("person")} - self.people.keys() - {None}
            driver.run_many(connection, "INSERT INTO search_stale (id) VALUES (?) ON CONFLICT DO NOTHING", [(one,) for one in others])


def refresh(connection: sa.Connection, news: News | None = None) -> int:
    """Bring the index up to date with what changed in this transaction. Returns how many people were looked at again."""
    marked = [row[0] for row in driver.rows(connection, "SELECT id FROM search_stale")]
    new = news.people if news is not None else {}
    if not marked and not new:
        return 0
    for one in marked:
        new.pop(one, None)
    people = [row for row in new.values() if not row[1] and row[-1] is None]
    graduated = _graduated(connection, [row[0] for row in people])
    # Some at a time: nobody's words are kept for longer than it takes to write them.
    portions = ([(row[0], row[2], *_texts(row, graduated.get(row[0]))) for row in people[start:start + TOGETHER]] for start in range(0, len(people), TOGETHER))
    if len(people) > TOGETHER:
        _put_in_very_many(connection, portions)
    else:
        for entries in portions:
            _put_in(connection, entries)
    if marked:
        _put_in(connection, _changed(connection, marked))
        driver.run(connection, "DELETE FROM search_stale")
    return len(new) + len(marked)


TOGETHER = 5_000
"""So many people are put into the index in one go."""

VERY_MANY = 1_000
"""So many have to go together before it is asked whether anybody stays."""

Entry = tuple[str, str | None, str, str, str]
"""Somebody in the index: id, standing, by what they are sorted, names, and all the rest."""


def _put_in(connection: sa.Connection, entries: Sequence[Entry]) -> None:
    """People who are not in the index."""
    if entries:
        _index(connection, *_put_beside(connection, entries))


def _put_beside(connection: sa.Connection, entries: Sequence[Entry]) -> tuple[int, str]:
    """Names of people who are not in the index, beside the words that are to be put there. Returns the first place, and the words in JSON."""
    start = driver.row(connection, "SELECT coalesce(max(rowid), 0) FROM search_person")[0] + 1
    driver.run_many(connection, "INSERT INTO search_person (rowid, id, standing, sort, names) VALUES (?, ?, ?, ?, ?)",
                    [(place, *one[:4]) for place, one in enumerate(entries, start)])
    return start, msgspec.json.encode([f"{names} {other}" for _id, _standing, _sort, names, other in entries]).decode()


def _index(connection: sa.Connection, first: int, words: str) -> None:
    """The words of the places from this one on: one statement, so that whatever else Python has to do need not wait for it."""
    driver.run(connection, "INSERT INTO search_words (rowid, words) SELECT ? + key, value FROM json_each(?)", (first, words))


def _put_in_very_many(connection: sa.Connection, portions: Iterable[Sequence[Entry]]) -> None:
    """The same of portion after portion: while one is put into the index of words, on a thread of its own, the next one is made."""
    from concurrent.futures import Future, ThreadPoolExecutor

    under_way: Future[None] | None = None
    with ThreadPoolExecutor(1, "search-index") as beside:  # at its end, an error's too, nothing is under way any more
        for entries in portions:
            if under_way is not None:
                under_way.result()
            under_way = beside.submit(_index, connection, *_put_beside(connection, entries))
        if under_way is not None:
            under_way.result()


def _changed(connection: sa.Connection, marked: Sequence[str]) -> list[Entry]:
    """Put those of the marked people right who are in the index, where they stand. Returns the others."""
    there = {row[1]: row for row in driver.rows(
        connection, "SELECT p.rowid, p.id, p.standing, p.sort, p.names FROM search_stale AS s CROSS JOIN search_person AS p ON p.id = s.id")}
    graduated = _graduated(connection, marked)
    new: list[Entry] = []
    words: list[tuple[str, int]] = []
    heads: list[tuple[str | None, str, str, int]] = []
    for row in driver.rows(connection, f"SELECT p.id, {_COLUMNS} FROM search_stale AS s CROSS JOIN person AS p ON p.id = s.id WHERE {_LISTED}"):
        sort, names, other = _texts(row, graduated.get(row[0]))
        before = there.pop(row[0], None)
        if before is None:
            new.append((row[0], row[2], sort, names, other))
            continue
        words.append((f"{names} {other}", before[0]))
        if before[2:] != (row[2], sort, names):
            heads.append((row[2], sort, names, before[0]))
    # In the order of their places: at each step back the index of words would write a part of its own to the disk, to be merged later.
    gone = sorted((row[0],) for row in there.values())
    words.sort(key=itemgetter(1))
    if len(gone) >= VERY_MANY and len(gone) == driver.row(connection, "SELECT count(*) FROM search_person")[0]:  # the undo of a first import, say
        empty(connection)
    else:
        driver.run_many(connection, "DELETE FROM search_words WHERE rowid = ?", gone)
        driver.run_many(connection, "DELETE FROM search_person WHERE rowid = ?", gone)
    driver.run_many(connection, "UPDATE search_words SET words = ? WHERE rowid = ?", words)
    driver.run_many(connection, "UPDATE search_person SET standing = ?, sort = ?, names = ? WHERE rowid = ?", heads)
    return new


def empty(connection: sa.Connection) -> None:
    """Take everybody out of the index."""
    driver.run(connection, "INSERT INTO search_words (search_words) VALUES ('delete-all')")
    driver.run(connection, "DELETE FROM search_person")


def merge(connection: sa.Connection) -> None:
    """Merge all parts of the index into one, which leaves the words behind that were taken out."""
    driver.run(connection, "INSERT INTO search_words (search_words) VALUES ('optimize')")


def rebuild(connection: sa.Connection) -> int:
    """Make the whole index anew from the people. Returns how many are in it."""
    empty(connection)
    connection.exec_driver_sql("INSERT INTO search_stale (id) SELECT id FROM person WHERE true ON CONFLICT DO NOTHING")
    refresh(connection)
    return int(connection.exec_driver_sql("SELECT count(*) FROM search_person").scalar() or 0)


def listed(connection: sa.Connection) -> Iterator[Entry]:
    """Everybody as they should be in the index."""
    graduated = _graduated(connection)
    for row in driver.each(connection, f"SELECT p.id, {_COLUMNS} FROM person AS p WHERE {_LISTED}"):
        yield row[0], row[2], *_texts(row, graduated.get(row[0]))


def differences(connection: sa.Connection) -> int:
    """How many people the index lacks, has too many of, or has other words for, and beginnings of words that lead to others: 0 when it is right."""
    there = {row[0]: tuple(row[1:]) for row in connection.exec_driver_sql("SELECT id, rowid, standing, sort, names FROM search_person")}
    indexed, wrong = _indexed(connection)
    unlike: dict[int, tuple[str, int]] = {}
    for one, standing, sort, names, other in listed(connection):
        place, *beside = there.pop(one, (0,))
        found = indexed.pop(place, 0)
        if beside != [standing, sort, names]:
            wrong += 1
        elif found != sum(map(hash, {*names.split(), *other.split()})):
            unlike[place] = f"{names} {other}", found
    return wrong + len(there) + len(indexed) + _other_words(unlike)


def _indexed(connection: sa.Connection) -> tuple[dict[int, int], int]:
    """What the index has: of each place the words, as one number, for all of everybody's would take much room; and how many of the beginnings, which it keeps
    besides the words, lead to more or fewer people than the words do."""
    sums: dict[int, int] = {}
    begun: list[tuple[str, set[int]]] = [("", set()), ("", set()), ("", set())]
    wrong = 0

    def misleads(start: str, people: set[int]) -> bool:
        there = driver.row(connection, "SELECT count(*) FROM search_words WHERE search_words MATCH ?", (f'"{start}"*',))[0] if start else 0
        return bool(there != len(people))

    for word, rows in groupby(driver.each(connection, "SELECT term, doc FROM search_words_places"), itemgetter(0)):
        number, places = hash(word), [place for _word, place in rows]
        for place in places:
            sums[place] = sums.get(place, 0) + number
        for length, (start, people) in enumerate(begun, 1):
            if len(word) >= length and word[:length] != start:
                wrong += misleads(start, people)
                begun[length - 1] = word[:length], set(places)
            elif len(word) >= length:
                people.update(places)
    return sums, wrong + sum(starmap(misleads, begun))


def _other_words(unlike: Mapping[int, tuple[str, int]]) -> int:
    """Of how many places the words are others than these texts', cut as the index itself cuts them: it knows some new scripts less well than Python."""
    if not unlike:
        return 0
    with closing(driver.sqlcipher().connect(":memory:")) as memory:
        memory.execute(f"CREATE VIRTUAL TABLE cut USING fts5(words, content='', detail=none, tokenize='{TOKENIZER}')")
        memory.execute("CREATE VIRTUAL TABLE cut_places USING fts5vocab(cut, instance)")
        memory.executemany("INSERT INTO cut (rowid, words) VALUES (?, ?)", [(place, text) for place, (text, _found) in unlike.items()])
        cut = dict.fromkeys(unlike, 0)
        for word, place in memory.execute("SELECT term, doc FROM cut_places"):
            cut[place] += hash(word)
    return sum(cut[place] != found for place, (_text, found) in unlike.items())


def is_whole(connection: sa.Connection) -> bool:
    """Whether the index of words holds together. In a transaction that may write."""
    import sqlalchemy as sa

    try:
        connection.exec_driver_sql("INSERT INTO search_words (search_words) VALUES ('integrity-check')")
    except sa.exc.DatabaseError:
        return False
    return True


_PERSON = SEARCHED["person"][1]
_COLUMNS = ", ".join(f"p.{name}" for name in _PERSON)
_LISTED = "NOT p.gone AND p.merged_into IS NULL"


def _graduated(connection: sa.Connection, people: Sequence[str] | None = None) -> dict[str, list[str]]:
    """Names and years of graduation by person; of these people, or of everybody."""
    if people is not None and not people:
        return {}
    if people is not None and driver.row(connection, "SELECT 1 FROM education LIMIT 1") is None:
        return {}
    only, parameters = ("", ()) if people is None else (" AND person IN (SELECT value FROM json_each(?))", (json.dumps(people),))
    found: dict[str, list[str]] = {}
    for person, name, year in driver.rows(
            connection, f"SELECT person, name_at_graduation, class_year FROM education WHERE NOT gone AND person IS NOT NULL{only} ORDER BY id", parameters):
        found.setdefault(person, []).extend(str(one) for one in (name, year) if one is not None)
    return found


def _texts(person: Sequence[Any], schooling: Sequence[str] | None) -> tuple[str, str, str]:
    """How somebody is sorted, their names, and everything else they are found by."""
    (_id, _gone, _standing, _title, first, middle, last, preferred, other_script, former, year, email, other_emails, mobile, phone, city, employer, codes,
     _merged) = person
    given = preferred or first
    whole_given, cut_given = _cut(given) if given else _NOTHING
    if not last:
        whole_last, cut_last = _NOTHING
    elif last.isascii() and last.isalnum():  # of most; and too many bear a name that nobody else has for all to be kept
        whole_last = cut_last = (last.lower(),)
    else:
        whole_last, cut_last = _cut(last)
    called = cut_given + cut_last
    if one := _as_one(whole_last, whole_given):
        called += (one,)
    if len(called) != 2 or called[0] == called[1]:
        called = tuple(dict.fromkeys(called)) or tuple(dict.fromkeys(_cut(other_script)[1] if other_script else ()))
    names = " ".join(called)
    if preferred or middle or other_script or former or schooling:
        as_one = _as_one(whole_last, _cut(first)[0]) if preferred and first else ""
        more = _more_names((first, as_one, middle, other_script, *_list(former), *(one for one in schooling or () if not one.isdigit())))
        names = " ".join([*called, *[OTHER_NAME + word for word in more if word not in called]])
    rest = [*_years(year, schooling)]
    if email:
        rest += _plain(email)
    for number in (mobile, phone):
        if number:
            digits = number.encode().translate(None, _NO_DIGITS).decode() if number.isascii() else _NO_DIGIT.sub("", number)
            if digits:
                rest += (digits, BACKWARDS + digits[::-1])
    if city:
        rest += _place(city)
    if employer:
        rest += _place(employer)
    if other_emails:
        rest += [word for one in _list(other_emails) for word in _plain(one)]
    if codes:
        rest += [word for one in _list(codes) for word in _plain(one.rpartition(":")[2])]
    # By last name, then the given one; folded, so that Łoś stands under L.
    return " ".join(whole_last + whole_given) or names, names, _marked(dict.fromkeys(rest)) if rest else ""


def _as_one(last: Sequence[str], given: Sequence[str]) -> str:
    """Last and given name as they are written in scripts without spaces: 王小明. Empty in any other."""
    return "".join((*last, *given)) if last and given and _UNSPACED.fullmatch(last[0]) and _UNSPACED.fullmatch(given[0]) else ""


def _marked(words: Iterable[str]) -> str:
    """All the rest, each word behind its letter."""
    together = _BETWEEN.join(words)
    return (THE_REST + together).replace(THE_REST + BACKWARDS, BACKWARDS) if together else ""


_BETWEEN = f" {THE_REST}"


_NOTHING: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())


def _more_names(texts: Iterable[str | None]) -> dict[str, None]:
    return dict.fromkeys([word for text in texts if text for word in _cut(text)[1]])


def _years(year: int | None, schooling: Sequence[str] | None) -> Sequence[str]:
    """Class years, then the last two figures of each."""
    if not schooling:
        return _year(year) if year else ()
    years = [str(year)] if year else []
    years += [one for one in schooling if one.isdigit() and one not in years]
    return [word for text in (*years, *(one[-2:] for one in years)) for word in words(text)]


def _plain(text: str) -> list[str]:
    """All that a text is found by which is no name."""
    if text.isascii():
        if text.isalnum():
            return [text.lower()]
        if "'" not in text and "`" not in text:
            return text.encode().translate(_LETTERS).decode().split()
    return _words_of(text)


# As bytes: a text's own translate looks every letter up anew.
_LETTERS = "".join(chr(code).lower() if chr(code).isalnum() else " " for code in range(128)).encode() + bytes(128)
_NO_DIGITS = bytes(code for code in range(128) if not chr(code).isdigit())


@lru_cache(maxsize=1_024)
def _year(year: int) -> list[str]:
    return [*_plain(str(year)), *_plain(str(year)[-2:])]


_place = lru_cache(maxsize=8_192)(_plain)
"""The same of what many have in common: a city, an employer."""


@lru_cache(maxsize=65_536)
def _cut(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The words of a name, which many bear; and all that it is found by."""
    if text.isascii() and text.isalnum():
        return ((text.lower(),),) * 2
    whole = words(text)
    cut = _words_of(text, whole)
    if _HYPHEN.search(text):  # Mary-Kate is found as marykate, too
        cut += [word for word in words(_HYPHEN.sub("", text)) if word not in cut]
    if 1 < len(whole) <= JOINED and (joined := "".join(whole)) not in cut:  # and so are Mary Kate, Mc Donald and de la Cruz as one word
        cut.append(joined)
    return tuple(whole), tuple(cut)


def _words_of(text: str, whole: Sequence[str] | None = None) -> list[str]:
    """All that a text is found by; ``whole``: its words, if they are known."""
    found = [*whole] if whole is not None else words(text)
    plain = text.isascii()
    if "'" in text or (not plain and _APOSTROPHE.search(text)):  # O'Brien is found as obrien and as brien
        found += [word for word in words(_APOSTROPHE.sub(" ", text)) if word not in found]
    if not plain:  # a name written without spaces is found from each of its signs on
        found += [word[start:] for word in found if _HAN.fullmatch(word) for start in range(1, len(word))]
    return found


_texts_of = msgspec.json.Decoder(list[str]).decode


def _list(text: str | None) -> list[str]:
    if not text:
        return []
    try:
        return _texts_of(text)
    except msgspec.MsgspecError:
        pass
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return [text]
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]
