"""Search as you type in 100,000 members: as spelled, and with one typing error."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import sqlalchemy as sa
from harness import SEED, Row, at_least, at_most, big_chapter, in_turns, median_of, median_ratio, timed
from rapidfuzz import fuzz, process

from alumni_desk.store.connecting import connect
from alumni_desk.store.desk import Desk
from alumni_desk.store.finding import Vocabulary, find_people
from alumni_desk.store.search import fold, listed, words

HITS = 50
"""What both sides are asked for."""
TYPED = 160
LETTERS = "abcdefghijklmnopqrstuvwxyz"
STROKES = "łøđß"


@dataclass(frozen=True)
class Somebody:
    """A member as they are looked for."""

    id: str
    first: str
    last: str


def measure(folder: Path) -> list[Row]:
    """The lines of search."""
    with big_chapter(folder) as desk, desk.reading() as connection:
        people = [Somebody(*row) for row in connection.exec_driver_sql(
            "SELECT id, coalesce(preferred_name, first_name), last_name FROM person WHERE last_name IS NOT NULL ORDER BY id")]
        return [*_as_spelled(folder, desk, connection, people), *_with_strokes(connection), *_mistyped(desk, connection, people)]


def _as_spelled(folder: Path, desk: Desk, connection: sa.Connection, people: Sequence[Somebody]) -> list[Row]:
    chance = Random(SEED)
    asked = [_begun(chance, chance.choice(people), letters) for letters in range(1, 9) for _turn in range(TYPED // 8)]
    bare = _bare(folder, desk)
    rounds = in_turns({"ours": _each(asked, lambda query: find_people(connection, query, HITS, vocabulary=desk.vocabulary)),
                       "bare": _each(asked, lambda query: bare.execute(
                           "SELECT rowid FROM folded WHERE folded MATCH ? LIMIT ?", (" ".join(f'"{word}"*' for word in words(query)), HITS)).fetchall())})
    bare.close()
    floor = f"bare FTS5 prefix query, p95 {median_of(rounds['bare'], 0.95):.3f} ms"
    ours = f"{len(asked)} questions a round; p50 {median_of(rounds['ours'], 0.5):.3f}, p95 {median_of(rounds['ours'], 0.95):.3f} ms"
    return [at_most("search, 1–8 letters, p95", floor, median_ratio(rounds, "ours", "bare", 0.95), 5, "×", ours),
            at_most("search, 1–8 letters, p99", "", median_of(rounds["ours"], 0.99), 2, "ms")]


def _with_strokes(connection: sa.Connection) -> list[Row]:
    """Whether everybody with a letter that Unicode does not take apart is found by what people type for it."""
    all_of_them = [(row[0], row[1]) for row in connection.exec_driver_sql(
        "SELECT id, first_name || ' ' || coalesce(last_name, '') FROM person WHERE " + " OR ".join(
            f"lower(first_name || coalesce(last_name, '')) LIKE '%{letter}%'" for letter in STROKES + STROKES.upper().replace("SS", "")))]
    ascii_only = {name: fold(name) for _id, name in all_of_them}
    namesakes = max(sum(other == name for _id, other in all_of_them) for name in ascii_only) if all_of_them else 0
    hits = {name: set(find_people(connection, typed, namesakes + HITS).ids) for name, typed in ascii_only.items()}
    found = sum(one in hits[name] for one, name in all_of_them)
    return [at_least("search, members with ł ø đ ß found", "", 100 * found / len(all_of_them), 100, "%", f"{found} of {len(all_of_them)}, typed without them")]


def _mistyped(desk: Desk, connection: sa.Connection, people: Sequence[Somebody]) -> list[Row]:
    chance = Random(SEED + 2)
    asked: list[tuple[set[str], str]] = []
    real = 0
    while len(asked) < TYPED:
        somebody = chance.choice(people)
        meant = words(somebody.last) if chance.random() < 0.3 else words(f"{somebody.first} {somebody.last}")
        query = _slip(chance, meant)
        if query is None:
            continue
        if find_people(connection, query, 1).ids:  # the slip made another name that somebody has: no error to be seen
            real += 1
            continue
        asked.append((set(meant), query))
    tracemalloc.start()
    fresh = Vocabulary()
    find_people(connection, asked[0][1], HITS, vocabulary=fresh)
    size = tracemalloc.get_traced_memory()[0] / 1e6
    tracemalloc.stop()
    names = [" ".join(words(f"{one.first} {one.last}")) for one in people]
    queries = [query for _meant, query in asked]
    rounds = in_turns({"ours": _each(queries, lambda query: find_people(connection, query, HITS, vocabulary=desk.vocabulary)),
                       "rapidfuzz": _each(queries[::8], lambda query: process.extract(query, names, scorer=fuzz.partial_ratio, limit=HITS, score_cutoff=80))})
    # A namesake is as good an answer: nobody could tell from the letters which of fifty Susan Johnsons was meant.
    called = {one.id: {*words(one.first), *words(one.last)} for one in people}
    found = sum(any(meant <= called.get(one, set()) for one in find_people(connection, query, HITS, vocabulary=desk.vocabulary).ids) for meant, query in asked)
    floor = f"rapidfuzz over the same names, p95 {median_of(rounds['rapidfuzz'], 0.95):.1f} ms"
    note = f"p50 {median_of(rounds['ours'], 0.5):.2f} ms; {real} slips that made another member's name were left out"
    return [at_most("search, one typing error, p95", floor, median_of(rounds["ours"], 0.95), 5, "ms", note),
            at_least("search, one typing error, found", "", 100 * found / len(asked), 95, "%", f"{found} of {len(asked)} among the first {HITS}"),
            at_most("search, one typing error, memory", "", size, 60, "MB")]


def _bare(folder: Path, desk: Desk) -> Any:
    """The floor: the same folded words in an encrypted full-text table and nothing else."""
    bare = connect(folder / "bare.db", desk.key)
    if bare.execute("SELECT 1 FROM sqlite_master WHERE name = 'folded'").fetchone() is None:
        with desk.reading() as connection:
            rows = [(f"{names} {other}".replace("º", "").replace("ª", ""),) for *_head, names, other in listed(connection)]
        bare.execute("BEGIN")
        bare.execute("CREATE VIRTUAL TABLE folded USING fts5(words, prefix='1 2 3', tokenize='unicode61 remove_diacritics 0')")
        bare.executemany("INSERT INTO folded (words) VALUES (?)", rows)
        bare.execute("COMMIT")
    return bare


def _each(queries: Sequence[str], ask: Callable[[str], object]) -> Callable[[], Sequence[float]]:
    return lambda: [timed(lambda query=query: ask(query)) for query in queries]  # type: ignore[misc]


def _begun(chance: Random, somebody: Somebody, letters: int) -> str:
    """The first letters of a name, or of first and last name, as somebody types them."""
    name = fold(chance.choice((somebody.first, somebody.last, f"{somebody.first} {somebody.last}", f"{somebody.last} {somebody.first}")))
    return name[:letters]


def _slip(chance: Random, meant: Sequence[str]) -> str | None:
    """A name with one wrong stroke in one of its words; the last word perhaps not typed to its end."""
    asked = list(meant)
    if chance.random() < 0.5:
        asked[-1] = asked[-1][:max(5, len(asked[-1]) - chance.randint(1, 3))]
    wrong = chance.randrange(len(asked))
    word = asked[wrong]
    if len(word) < 4 or not word.isascii():
        return None
    at = chance.randrange(1, len(word) - 1)
    kind = chance.choice(("insert", "delete", "replace", "swap"))
    asked[wrong] = {"insert": word[:at] + chance.choice(LETTERS) + word[at:], "delete": word[:at] + word[at + 1:],
                    "replace": word[:at] + chance.choice(LETTERS) + word[at + 1:], "swap": word[:at] + word[at + 1] + word[at] + word[at + 2:]}[kind]
    return None if asked[wrong] == word else " ".join(asked)
