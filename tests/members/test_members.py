"""The member list: what is typed comes out as typed, is found however it is spelled, and comes back after a removal."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alumni_desk.errors import Ambiguous, BadInput, NotFound
from alumni_desk.members import naming
from alumni_desk.members.actions import add_member, bring_back, change_member, remove_members
from alumni_desk.members.lists import count_members, find_one, member, member_ids, member_rows, rows_of
from alumni_desk.store.checking import verify
from alumni_desk.store.desk import Desk
from alumni_desk.store.finding import find_people
from alumni_desk.store.search import _fold, differences, fold, is_whole, words

NAMES = [("Łukasz", "Żółć"), ("Đorđe", "Šimić"), ("Søren", "Ødegård"), ("Işıl", "Yıldız"), ("Käthe", "Weiß"), ("Siobhán", "O’Brien"), ("Minh Khai", "Nguyễn"),
         ("Mei-Ling", "Chen"), ("Þórður", "Ægisson")]
TYPED = ["lukasz zolc", "dorde simic", "soren odegard", "isil yildiz", "kathe weiss", "siobhan obrien", "nguyen minh", "mei ling", "thordur aegisson"]


@pytest.mark.parametrize(("name", "typed"), list(zip(NAMES, TYPED, strict=True)), ids=TYPED)
def test_found_without_accents(desk: Desk, name: tuple[str, str], typed: str) -> None:
    for first, last in NAMES:
        add_member(desk, first_name=first, last_name=last)
    assert [row.name for row in member_rows(desk, typed)] == [" ".join(name)]
    assert [row.name for row in member_rows(desk, typed[: len(typed) - 1])] == [" ".join(name)]


def test_found_by_year_city_employer_and_end_of_phone(desk: Desk) -> None:
    ada = add_member(desk, first_name="Ada", last_name="Obi", class_year="1998", city="Évora", employer="Acme", mobile="+1 312 555 4417").id
    add_member(desk, first_name="Bo", last_name="Obi", class_year="2004")
    for typed in ("98 obi", "’98", "evora", "acme obi", "4417"):
        assert [row.id for row in member_rows(desk, typed)] == [ada], typed
    assert member_rows(desk, "obi zzz") == []
    assert count_members(desk) == 2 and count_members(desk, "obi") == 2


def test_an_edit_is_found_under_its_new_words_only(desk: Desk) -> None:
    ada = add_member(desk, first_name="Ada", last_name="Obi").id
    change_member(desk, ada, last_name="Lovelace")
    assert member_rows(desk, "obi") == [] and [row.id for row in member_rows(desk, "lovel")] == [ada]


def test_removed_and_brought_back(desk: Desk) -> None:
    ids = [add_member(desk, first_name=f"Name{n}").id for n in range(3)]
    removed = remove_members(desk, ids[:2])
    assert member_ids(desk) == ids[2:] and member_rows(desk, "name0") == []
    bring_back(desk, removed.ids)
    assert sorted(member_ids(desk)) == sorted(ids) and len(member_rows(desk, "name0")) == 1


@pytest.mark.parametrize("typed", [{}, {"first_name": "  "}, {"first_name": "A", "class_year": "19x8"}, {"first_name": "A", "class_year": "1066"},
                                   {"first_name": "A", "email": "no-at"}, {"first_name": "A", "solicit_codes": "be_nice"}, {"first_name": "A\x00" * 5000}])
def test_refused_with_one_sentence_and_nothing_saved(desk: Desk, typed: dict[str, str]) -> None:
    with pytest.raises(BadInput) as refused:
        add_member(desk, **typed)
    assert str(refused.value).endswith(".")
    assert count_members(desk) == 0


def test_the_last_name_cannot_be_taken_away(desk: Desk) -> None:
    ada = add_member(desk, first_name="Ada").id
    with pytest.raises(BadInput):
        change_member(desk, ada, first_name="")
    with pytest.raises(NotFound):
        change_member(desk, "nobody", first_name="X")
    assert member(desk, ada).name == "Ada"


def test_one_of_several_is_not_guessed(desk: Desk) -> None:
    ids = {year: add_member(desk, first_name="Li", last_name="Chen", class_year=str(year)).id for year in (1998, 2004)}
    with pytest.raises(Ambiguous, match="class year"):
        find_one(desk, "li chen")
    assert find_one(desk, "li chen 98") == ids[1998] and find_one(desk, ids[2004]) == ids[2004]


def test_nothing_typed_means_nobody(desk: Desk) -> None:
    add_member(desk, first_name="Ada")
    for nothing in ("", "  "):
        with pytest.raises(NotFound):
            find_one(desk, nothing)


def test_a_whole_email_means_whoever_has_it(desk: Desk) -> None:
    for n in range(200, 210):
        add_member(desk, first_name="Ana", last_name=f"Lima {n}", email=f"p{n}@example.org")
    ana = add_member(desk, first_name="Ana", last_name="Lima", email="P20@example.org", other_emails="ana@example.org; Ana.Lima@Example.com").id
    add_member(desk, first_name="Bo", last_name="Vega", email="ana@example.org.uk")
    for typed in ("p20@example.org", " P20@EXAMPLE.ORG ", "ana@example.org", "ana.lima@example.com"):
        assert find_one(desk, typed) == ana, typed
    with pytest.raises(Ambiguous):
        find_one(desk, "p20@example")
    again = add_member(desk, first_name="Bea", last_name="Lima", email="p20@example.org").id
    with pytest.raises(Ambiguous) as several:
        find_one(desk, "p20@example.org")
    assert {row.id for row in several.value.candidates} == {ana, again}
    with pytest.raises(NotFound):
        find_one(desk, "p21@example.org")


def test_a_name_typed_whole_means_whoever_is_called_just_so(desk: Desk) -> None:
    for last in ("Silva Costa", "Silvano", *(f"Silva {one}" for one in "ABCDEFGHIJKLMNOPQRSTUVWXYZ")):
        add_member(desk, first_name="Ana", last_name=last)
    ana = add_member(desk, title="Dr.", first_name="Ana", middle_name="Luísa", last_name="Silva", class_year="2004").id
    for typed in ("Ana Silva", " ana  sílva ", "Ana Luisa Silva", "Ana Silva 2004"):
        assert find_one(desk, typed) == ana
    with pytest.raises(Ambiguous):
        find_one(desk, "Ana Sil")
    beth = add_member(desk, first_name="Elizabeth", last_name="Ortega", preferred_name="Beth").id
    add_member(desk, first_name="Elizabeth", last_name="Ortega Ruiz")
    assert find_one(desk, "Elizabeth Ortega") == find_one(desk, "beth ortega") == beth
    again = add_member(desk, first_name="Ana", last_name="Silva", class_year="1998").id
    with pytest.raises(Ambiguous, match="class year") as several:
        find_one(desk, "Ana Silva")
    assert {row.id for row in several.value.candidates} == {ana, again} and "Costa" not in str(several.value)
    assert find_one(desk, "Ana Silva 1998") == again


def test_rows_come_in_the_order_asked(desk: Desk) -> None:
    ids = [add_member(desk, first_name="A", last_name=last).id for last in ("Zed", "Abel", "Moor")]
    assert [row.id for row in rows_of(desk, ids)] == ids
    assert [row.name for row in member_rows(desk)] == ["A Abel", "A Moor", "A Zed"]
    assert [row.name for row in member_rows(desk, limit=1, offset=1)] == ["A Moor"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co"]), min_size=1, max_size=24).filter(lambda text: any(c.isalnum() for c in text)))
def test_every_name_is_found_by_itself(desk: Desk, text: str) -> None:
    kept = add_member(desk, last_name=text)
    if words(text):
        assert kept.id in [row.id for row in member_rows(desk, text, 10_000)]
    with desk.applying() as applying:
        assert differences(applying.connection) == 0 and is_whole(applying.connection)


@given(st.text(max_size=60))
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_every_latin_letter_is_folded_as_the_whole_text_would_be() -> None:
    letters = [chr(code) for code in (*range(0x250), *range(0x1E00, 0x1F00))]
    assert [fold(one) for one in letters] == [_fold(one) for one in letters]
    pairs = [one + other for one in letters for other in "aé\u00b4İß"]
    assert [fold(one) for one in pairs] == [_fold(one) for one in pairs]


def test_the_index_is_right_whatever_else_the_action_does_to_new_people(desk: Desk) -> None:
    with desk.writing("import") as writing:
        ana, bo, cy, di = (writing.add("person", first_name=name, last_name="Lima", standing="member") for name in ("Ana", "Bo", "Cy", "Di"))
        writing.add("education", person=ana, name_at_graduation="Ana Łoś", class_year=1999)
        writing.change("person", bo, last_name="Ørsted")
        writing.change("person", cy, gone=True)
        writing.add("person", first_name="Eve", merged_into=di)
    with desk.writing("member_changed") as writing:  # schooling of somebody who is there already
        writing.add("education", person=di, name_at_graduation="Di Weiß", class_year=2001)
    with desk.applying() as applying:  # and what a server says
        for name, clock in (("Fay", "0" * 12 + "-0001-" + "0" * 16), ("Gus", None)):
            applying.connection.exec_driver_sql("INSERT INTO person (id, scope, first_name, clock) VALUES (?, ?, ?, ?)", (name, desk.scope, name, clock))
    with desk.checking() as connection:
        assert differences(connection) == 0 and is_whole(connection)
    found = {text: len(ids_of(desk, text)) for text in ("los", "99", "orsted", "cy", "weiss", "eve", "fay", "gus")}
    assert found == {"los": 1, "99": 1, "orsted": 1, "cy": 0, "weiss": 1, "eve": 0, "fay": 1, "gus": 1}


def ids_of(desk: Desk, text: str) -> tuple[str, ...]:
    with desk.reading() as connection:
        return find_people(connection, text, 10).ids


def test_names_as_they_are_shown() -> None:
    class Person:
        def __init__(self, **values: object) -> None:
            self.values = values

        def __getattr__(self, name: str) -> object:
            return self.values.get(name)

    assert naming.display_name(Person(first_name="Robert", last_name="O’Brien", preferred_name="Bob")) == "Bob O’Brien"
    assert naming.display_name(Person(other_script_name="陳美玲")) == "陳美玲"
    assert naming.display_name(Person(last_name="Suharto")) == "Suharto"
    assert naming.face(Person(first_name="Ada", class_year=2004)) == "’04" and naming.face(Person(first_name="Ada", constituent_codes='["parent"]')) == "P"
    assert naming.face(Person(first_name="(ada", last_name="Obi")) == "A" and naming.face(Person(other_script_name="陳美玲")) == "陳"
    assert naming.face(Person(first_name="किरण")) == "कि" and naming.face(Person()) == ""
    assert naming.short_year(2004) == "’04" and naming.short_year(None) == ""


def test_the_database_is_whole_after_all_that(desk: Desk) -> None:
    ids = [add_member(desk, first_name=f"Name{n}", class_year=str(1950 + n)).id for n in range(40)]
    remove_members(desk, ids[::3])
    for one in ids[1::3]:
        change_member(desk, one, city="Zürich")
    found = verify(desk)
    assert found.ok
