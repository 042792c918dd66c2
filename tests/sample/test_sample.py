"""The sample is the same for the same seed and day, holds every script, and counts as a sample."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from alumni_desk.errors import Refused
from alumni_desk.exchange.exporting import export_ndjson
from alumni_desk.gatherings.lists import gathering_rows
from alumni_desk.sample.chapter import make_sample
from alumni_desk.schema import open_desk
from alumni_desk.store.checking import verify
from alumni_desk.store.desk import Desk
from alumni_desk.store.profile import Profile

DAY = date(2026, 11, 10)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A sample chapter of 600."""
    with open_desk(Profile(tmp_path_factory.mktemp("sample")), passphrase="three words to remember") as desk:
        make_sample(desk, 600, 1, DAY)
        yield desk


def _export(folder: Path, desk: Desk) -> bytes:
    export_ndjson(desk, folder / "out.ndjson")
    return (folder / "out.ndjson").read_bytes()


def test_the_same_seed_and_day_give_the_same_bytes(sample: Desk, tmp_path: Path) -> None:
    first = _export(tmp_path, sample)
    for seed, same in ((1, True), (2, False)):
        with open_desk(Profile(tmp_path / f"desk{seed}"), passphrase="three words to remember") as desk:
            make_sample(desk, 600, seed, DAY)
            assert (_export(tmp_path, desk) == first) is same


def test_every_script_and_trouble_of_a_real_list_is_there(sample: Desk) -> None:
    with sample.reading() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM person WHERE standing = 'member'").mappings().all()
    letters = "".join(f"{row['first_name']}{row['last_name']}{row['other_script_name']}" for row in rows)
    scripts = {unicodedata.name(letter, "").split()[0] for letter in letters}
    assert scripts >= {"LATIN", "CJK", "HIRAGANA", "HANGUL", "ARABIC", "HEBREW", "DEVANAGARI", "THAI", "ETHIOPIC"}
    assert {"ł", "Þ", "ễ", "’", "Ø"} <= set(letters)
    assert any(row["last_name"] is None for row in rows) and any("de la" in (row["last_name"] or "") for row in rows)
    for field in ("deceased", "solicit_codes", "former_names", "household", "other_emails", "email_status", "badge_tail"):
        assert sum(row[field] is not None for row in rows) >= 3, field
    assert all((row["email"] or "@example.org").endswith("@example.org") for row in rows)


def test_twelve_gatherings_with_believable_attendance(sample: Desk) -> None:
    rows = gathering_rows(sample)
    held, ahead = [row for row in rows if row.starts < DAY.isoformat()], [row for row in rows if row.starts >= DAY.isoformat()]
    assert len(rows) == 12 and len(held) == 8
    assert all(0.5 < row.came / row.coming <= 1.15 for row in held) and all(row.came == 0 for row in ahead)
    assert all(row.capacity is None or row.coming <= row.capacity * 1.35 for row in rows)


def _rows(desk: Desk, question: str) -> list[Any]:
    with desk.reading() as connection:
        return list(connection.exec_driver_sql(question).mappings().all())


def test_family_names_agree_with_first_names(sample: Desk) -> None:
    women = {"Agnieszka", "Małgorzata", "Żaneta", "Guðrún", "Björk", "Sigríður", "Tereza", "Kateřina", "Siobhán", "Niamh", "Aoife", "Maeve"}
    hers, his = ("ska", "ová", "á", "dóttir"), ("ski", "son", "ák", "ý", "íž")
    seen = set()
    for row in _rows(sample, "SELECT first_name, last_name FROM person WHERE standing = 'member' AND last_name IS NOT NULL"):
        first, last = row["first_name"], row["last_name"]
        if first in women:
            assert not last.startswith("Ó ") and not last.endswith(his), row
        elif first in {"Łukasz", "Zbigniew", "Paweł", "Þórður", "Ægir", "Halldór", "Jiří", "Ondřej", "Zdeněk", "Seán", "Ciarán", "Brendan", "Eoin"}:
            assert not last.startswith("Ní ") and not last.endswith(hers), row
        seen |= {ending for ending in (*hers, *his) if last.endswith(ending)}
    assert {"ska", "ski", "son", "dóttir"} <= seen


def test_nobody_lives_backwards(sample: Desk) -> None:
    for row in _rows(sample, "SELECT * FROM person WHERE standing = 'member'"):
        if row["deceased_date"]:
            assert row["deceased_date"] < DAY.isoformat() and int(row["deceased_date"][:4]) > (row["class_year"] or 0), row["id"]
        if row["badge_tail"]:
            child = 2000 + int(row["badge_tail"][2:])
            assert child >= (row["class_year"] or 0) + 18
            assert not row["birth_date"] or child - 22 - int(row["birth_date"][:4]) >= 18, row["id"]
    assert sum(bool(row["badge_tail"] and row["birth_date"]) for row in _rows(sample, "SELECT badge_tail, birth_date FROM person")) > 5


def test_answers_come_before_the_day_and_before_today(sample: Desk) -> None:
    answers = _rows(sample, "SELECT r.answered_at, g.starts FROM registration r JOIN gathering g ON g.id = r.gathering "
                            "WHERE NOT r.walk_in AND answered_at IS NOT NULL")
    assert len(answers) > 300
    assert all(row["answered_at"][:10] < DAY.isoformat() and row["answered_at"][:10] < row["starts"][:10] for row in answers)


def test_nobody_meets_at_christmas(tmp_path: Path) -> None:
    for number, today in enumerate((date(2026, 12, 23), date(2026, 11, 30), date(2027, 1, 10), date(2026, 12, 25))):
        with open_desk(Profile(tmp_path / str(number)), passphrase="three words to remember") as desk:
            make_sample(desk, 0, 1, today)
            days = [row.starts[5:10] for row in gathering_rows(desk)]
            assert len(days) == 12 and not {"12-24", "12-25", "12-26", "12-31", "01-01"} & set(days), days


def test_nothing_hangs_in_the_air(sample: Desk) -> None:
    found = verify(sample)
    assert found.ok and found.missing == {}


def test_made_up_people_never_mix_with_real_ones(tmp_path: Path) -> None:
    with open_desk(Profile(tmp_path), passphrase="three words to remember") as desk:
        desk.make_chapter("Boston")
        with pytest.raises(Refused):
            make_sample(desk)
