"""Finding people: the right one first, however they are typed and however many there are."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from alumni_desk.checkin.lists import DoorList
from alumni_desk.errors import NotFound, StoreProblem
from alumni_desk.gatherings.actions import add_guests, new_gathering
from alumni_desk.gatherings.lists import guest_rows
from alumni_desk.members.actions import add_member, change_member, remove_members
from alumni_desk.members.lists import all_members, best_members, count_members, find_one, member_ids, member_rows, rows_of
from alumni_desk.members.merging import merge_people
from alumni_desk.schema import open_desk
from alumni_desk.store import connecting, finding, keys, opening, search
from alumni_desk.store.checking import rebuild_search, verify
from alumni_desk.store.connecting import connect
from alumni_desk.store.desk import Desk
from alumni_desk.store.done import actions
from alumni_desk.store.finding import find_people, question_of
from alumni_desk.store.profile import Profile
from alumni_desk.store.search import VERY_MANY, differences, is_whole
from alumni_desk.store.undo import redo, undo


def best(desk: Desk, query: str, limit: int = 50) -> list[str]:
    return [row.name for row in rows_of(desk, best_members(desk, query, limit).ids)]


def many(desk: Desk, names: Sequence[tuple[str, str]]) -> None:
    """Save people as a sync brings them: faster than one's own edits."""
    person = desk.tables["person"]
    with desk.applying() as applying:
        applying.connection.execute(sa.insert(person), [
            {"id": f"00000000-0000-7000-8000-{number:012d}", "scope": desk.scope or "", "standing": "member", "first_name": first, "last_name": last}
            for number, (first, last) in enumerate(names)])


def test_the_whole_name_is_never_lost_among_thirty_thousand_that_begin_like_it(desk: Desk) -> None:
    names = [("Anna", f"Leeds{number}") for number in range(15_000)] + [(f"Leela{number}", "Annis") for number in range(15_000)]
    names[17_321:17_321] = [("Ann", "Lee"), ("Jo", "Ann"), ("Lee", "Zed")]
    many(desk, names)
    for typed in ("ann lee", "lee ann", "Ann Lee"):
        assert best(desk, typed)[0] == "Ann Lee", typed
    assert best(desk, "ann")[:2] == ["Jo Ann", "Ann Lee"]
    assert best(desk, "lee")[:2] == ["Ann Lee", "Lee Zed"]
    assert len(best(desk, "a")) == 50 and len(set(best_members(desk, "l", 64).ids)) == 64
    with desk.reading() as connection:
        assert len(find_people(connection, "leeds149", 200).ids) == 111  # 149, 1490 … 1499, 14900 … 14999
    everyone = [one for portion in all_members(desk, question_of("ann")) for one in portion]
    assert len(set(everyone)) == 30_002
    by_name = member_ids(desk)
    assert len(by_name) == 30_003 and by_name[0] == best_members(desk, "jo ann", 1).ids[0] and tuple(by_name[:64]) == best_members(desk, "", 64).ids


def test_members_are_not_lost_behind_very_many_guests_of_their_name(desk: Desk) -> None:
    """Whoever once came with somebody stays, and no list of members shows them."""
    with desk.writing("guest_of_added") as writing:
        writing.add_many("person", [{"standing": "guest", "first_name": "Anna", "last_name": f"Guest{number}"} for number in range(200)])
    zorn = add_member(desk, first_name="Anna", last_name="Zorn").id
    middle = add_member(desk, first_name="Bo", middle_name="Anna", last_name="Berg").id
    for limit in (5, 50, 75):
        assert best_members(desk, "anna", limit).ids == (zorn, middle) and set(best_members(desk, "ann", limit).ids) == {zorn, middle}
    dinner = new_gathering(desk, name="Dinner", start="2027-01-12T19:00", end="2027-01-12T22:00").id
    assert {hit.person for hit in DoorList(desk, dinner).find("anna").hits} == {zorn, middle}


def test_first_words_typed_whole_are_not_lost_among_many_that_go_on(desk: Desk) -> None:
    many(desk, [("Annabel", f"Leeds{number}") for number in range(200)] + [("Ann", f"Leeds{number}") for number in range(100)])
    for typed in ("ann lee", "ann leeds"):
        found = best(desk, typed)
        assert len(found) == 50 and all(name.startswith("Ann ") for name in found), typed


def test_whole_words_before_beginnings_and_names_before_the_rest(desk: Desk) -> None:
    add_member(desk, first_name="Carla", last_name="Bostonian")
    add_member(desk, first_name="Ada", last_name="Boston", city="Rome")
    add_member(desk, first_name="Bo", last_name="Vega", city="Boston")
    add_member(desk, first_name="Eve", middle_name="Boston", last_name="Ng")
    assert best(desk, "boston") == ["Ada Boston", "Eve Ng", "Carla Bostonian", "Bo Vega"]


def test_the_preferred_name_before_the_one_in_the_passport(desk: Desk) -> None:
    add_member(desk, first_name="Beth", last_name="Aaron", preferred_name="Mo")
    add_member(desk, first_name="Elizabeth", last_name="Zorn", preferred_name="Beth")
    assert best(desk, "beth") == ["Beth Zorn", "Mo Aaron"]


def test_a_class_year_narrows_and_a_number_is_no_worse_a_hit(desk: Desk) -> None:
    for year in ("1998", "2004", "1958"):
        add_member(desk, first_name="Mei", last_name="Chen", class_year=year)
    add_member(desk, first_name="Chenoa", last_name="Mei", class_year="1998")
    for typed in ("98 chen", "chen ’98", "1998 chen", "mei 1998 chen"):
        assert best(desk, typed)[0] == "Mei Chen" and len(best(desk, typed)) == 2, typed


def test_every_field_that_somebody_may_remember(desk: Desk) -> None:
    ada = add_member(desk, first_name="Ada", middle_name="Quill", last_name="Obi", former_names=["Ada Sørensen"], class_year="1998", city="Évora",
                     email="ada.obi@kontor.example", other_emails=["obi@zuhause.example"], mobile="+1 312 555 4417", employer="Weiß & Söhne",
                     external_ids=["raisers-edge:RE-90210"]).id
    add_member(desk, first_name="Bo", last_name="Vega")
    for typed in ("sorensen", "quill", "evora", "kontor", "zuhause", "ada.obi@kontor.example", "4417", "13125554417", "weiss", "RE-90210", "90210", "98",
                  "obi ada", "evora 98 ad"):
        assert [row.id for row in member_rows(desk, typed, 5, "best")] == [ada], typed


@pytest.mark.parametrize("typed", ["smithjones", "Smith-Jones", "jones smith", "smith jo", "smithj", "marykate", "Mary-Kate Smith", "mary‑kate", "lefevre"])
def test_a_name_with_a_hyphen_is_one_word_and_several(desk: Desk, typed: str) -> None:
    kate = add_member(desk, first_name="Mary-Kate", last_name="Smith-Jones", former_names=["Le‐Fèvre"]).id
    add_member(desk, first_name="Joan", last_name="Marysmith")
    found = best_members(desk, typed, 5)
    assert found.ids[0] == kate and not found.close and desk_is_sorted(desk, kate)


def desk_is_sorted(desk: Desk, person: str) -> bool:
    """The name is in the list under its words, not under the one that is made of them."""
    with desk.reading() as connection:
        return bool(connection.exec_driver_sql("SELECT sort FROM search_person WHERE id = ?", (person,)).scalar() == "smith jones mary kate")


@pytest.mark.parametrize(("typed", "order"), [
    ("nuñez", ["Nuñez", "Núñez", "Nunez"]), ("NÚÑEZ", ["Núñez", "Nunez", "Nuñez"]), ("Nuñ", ["Nuñez", "Núñez", "Nunez"]),
    ("nuñez ana", ["Nuñez", "Núñez", "Nunez"]), ("nunez", ["Nunez", "Nuñez", "Núñez"])])  # fmt: skip
def test_the_very_letters_that_were_typed_come_first(desk: Desk, typed: str, order: list[str]) -> None:
    for last in ("Nunez", "Nuñez", "Núñez"):
        add_member(desk, first_name="Ana", last_name=last)
    assert [row.name for row in rows_of(desk, best_members(desk, typed, 5).ids)] == [f"Ana {last}" for last in order]


@pytest.mark.parametrize(("first", "last", "typed"), [
    ("Flora", "Mc Donald", ("mcdonald", "flora mcdonald", "mcdon", "mc donald")), ("Flora", "McDonald", ("mc donald", "flora mc donald", "mcdonald")),
    ("Mary Ann", "Obi", ("maryann", "obi maryann", "mary ann")), ("Maryann", "Obi", ("mary ann", "mary ann obi")),
    ("Ana", "de la Cruz", ("delacruz", "dela cruz", "ana delacruz")), ("Ana", "Delacruz", ("de la cruz", "dela cruz", "ana de la cruz")),
    ("ゆうこ", "やまだ", ("やまだゆうこ", "やまだ ゆうこ", "ゆうこ")), ("小明", "王", ("王小明", "王 小明", "小明")), ("정은", "김", ("김정은", "김 정은")),
])
def test_a_name_of_several_words_is_found_as_one_and_the_other_way_round(desk: Desk, first: str, last: str, typed: Sequence[str]) -> None:
    one = add_member(desk, first_name=first, last_name=last).id
    add_member(desk, first_name="Donald", last_name="Cruz")
    add_member(desk, first_name="Mary", last_name="Zed")
    for ready in (False, True):  # before and after it is known which words there are
        for text in typed:
            found = best_members(desk, text, 5)
            assert found.ids == (one,) and not found.close, text
            assert member_ids(desk, text) == [one] and {each for portion in all_members(desk, question_of(text)) for each in portion} == {one}
        if not ready:
            with desk.reading() as connection:
                desk.vocabulary.be_ready(connection)
    assert verify(desk).ok
    rebuild_search(desk)
    assert verify(desk).ok and best_members(desk, typed[0], 5).ids == (one,)


@pytest.mark.parametrize(("first", "last", "preferred", "typed"), [
    ("伟", "张", "Will", ("张伟", "张 伟", "will", "张")), ("小明", "陈", "Sam", ("陈小明", "小明")), ("伟", "张", "大伟", ("张伟", "张大伟", "大伟")),
    ("정은", "김", "June", ("김정은", "김 정은")),
])
def test_a_name_without_spaces_is_found_whatever_somebody_is_called(desk: Desk, first: str, last: str, preferred: str, typed: Sequence[str]) -> None:
    one = add_member(desk, first_name=first, last_name=last, preferred_name=preferred).id
    add_member(desk, first_name="Donald", last_name="Cruz")
    with desk.reading() as connection:
        desk.vocabulary.be_ready(connection)
    for text in typed:
        found = best_members(desk, text, 5)
        assert found.ids == (one,) and not found.close, text
        assert member_ids(desk, text) == [one], text
    assert verify(desk).ok
    rebuild_search(desk)
    assert verify(desk).ok and best_members(desk, typed[0], 5).ids == (one,)


def test_words_written_as_one_do_not_come_before_those_that_were_typed(desk: Desk) -> None:
    for first, last in (("Ann", "Lee"), ("Annlee", "Zed"), ("Mary Ann", "Obi"), ("Maryann", "Cox")):
        add_member(desk, first_name=first, last_name=last)
    assert best(desk, "ann lee") == ["Ann Lee", "Annlee Zed"]
    assert set(best(desk, "mary ann")) == set(best(desk, "maryann")) == {"Mary Ann Obi", "Maryann Cox"}


@pytest.mark.parametrize("merged", [False, True])
def test_the_code_of_a_badge_finds_its_person(desk: Desk, merged: bool) -> None:
    ada = add_member(desk, first_name="Ada", last_name="Obi").id
    gathering = new_gathering(desk, name="Dinner", start="2026-12-01T18:00").id
    add_guests(desk, gathering, [ada])
    code = next(row.code for row in guest_rows(desk, gathering) if row.person == ada)
    assert code is not None
    if merged:
        entry, ada = ada, add_member(desk, first_name="Ada", last_name="Obi-Lee").id
        merge_people(desk, entry, ada)
    for typed in (code, code.lower(), f"{code[:4]}-{code[4:8]} {code[8:]}"):
        assert best_members(desk, typed, 5).ids == (ada,), typed
        found = best_members(desk, typed, 5)
        assert member_ids(desk, typed) == [ada] and count_members(desk, typed) == 1 and list(all_members(desk, found.question)) == [[ada]]
    assert best_members(desk, code[:-1] + ("B" if code[-1] != "B" else "C"), 5).ids == ()


@pytest.mark.parametrize("typed", ["kowlaski", "kowaslki", "kowalki", "kowallski", "kowalzki", "jan kowlaski", "kowalski jna", "jaan kowal", "kowlas",
                                   "jan kowakski", "kowalskii jan"])
def test_one_slip_a_word_is_forgiven_where_nobody_fits_as_typed(desk: Desk, typed: str) -> None:
    jan = add_member(desk, first_name="Jan", last_name="Kowalski").id
    add_member(desk, first_name="Ada", last_name="Obi")
    found = best_members(desk, typed, 5)
    assert found.ids == (jan,) and found.close
    assert member_rows(desk, typed) == []  # a list that is worked with holds only who fits


def test_a_title_before_a_name_hides_nobody(desk: Desk) -> None:
    anna = add_member(desk, title="Dr.", first_name="Anna", last_name="Weber").id
    add_member(desk, first_name="Ada", last_name="Obi")
    found = best_members(desk, "Dr. Anna Weber", 5)
    assert found.ids == (anna,) and not found.close and {one for part in all_members(desk, found.question) for one in part} == {anna}
    assert find_one(desk, "Prof. Dr. Anna Weber") == anna
    assert best_members(desk, "Dr. Anna Wbeer", 5).ids == (anna,) and best_members(desk, "Mr. Nobody", 5).ids == ()
    herr = add_member(desk, first_name="Anna", last_name="Dr").id  # whoever is called so
    assert best_members(desk, "dr anna", 5).ids == (herr,)


def test_nothing_is_forgiven_where_somebody_fits(desk: Desk) -> None:
    add_member(desk, first_name="Jan", last_name="Smyth")
    add_member(desk, first_name="Jan", last_name="Smith")
    found = best_members(desk, "smyth", 5)
    assert len(found.ids) == 1 and not found.close


def test_numbers_and_short_words_are_taken_as_they_are(desk: Desk) -> None:
    add_member(desk, first_name="Al", last_name="Obi", class_year="1998", mobile="+1 312 555 4417")
    for typed in ("1997", "4416", "obi 1997", "ao"):
        assert best_members(desk, typed, 5).ids == (), typed


def test_a_word_that_goes_on_with_figures_is_found_by_its_beginning(desk: Desk) -> None:
    jo = add_member(desk, first_name="Jo", last_name="Ng", email="jsmith42@example.org").id
    assert best_members(desk, "zzyzx", 5).ids == ()  # from now on it is known which words there are
    for typed in ("jsm", "jsmith", "jsmith4"):
        assert best_members(desk, typed, 5).ids == (jo,), typed


def test_a_slip_never_decides_who_is_meant_by_a_command(desk: Desk) -> None:
    add_member(desk, first_name="Jan", last_name="Kowalski")
    with pytest.raises(NotFound):
        find_one(desk, "kowlaski")


def test_the_answer_is_the_same_once_the_words_that_there_are_are_known(desk: Desk) -> None:
    for first, middle, last, email in (("Ann", "Lee", "Leeds", "zeta12@kontor.example"), ("Anna", None, "Lee", "lee@leeds.example"),
                                       ("Leeds", "Anna", "An", None),
                                       ("Öz", "Ann", "Ødegård", "zeta@an.example"), ("王", None, "小明", None), ("Mary Ann", None, "Lee3", "a1b@x.example")):
        add_member(desk, first_name=first, middle_name=middle, last_name=last, email=email, class_year="1998")
    typed = [*"aloz", "an", "ann", "anna", "zeta", "zeta1", "le", "lee", "lee3", "leeds", "ann lee", "lee ann", "leeds an", "anna lee", "kontor", "kont", "od",
             "odeg", "98", "98 lee", "lee 1998", "maryann", "mary an", "mary ann lee", "小", "王小明", "a1", "a1b", "ann zzz", "lee kon", "an lee leeds"]

    def answers() -> list[tuple[str, ...]]:
        with desk.reading() as connection:
            assert desk.vocabulary.known(connection) is None
            before = [find_people(connection, text, limit).ids for text in typed for limit in (1, 50)]
            desk.vocabulary.be_ready(connection)
            assert desk.vocabulary.known(connection) is not None
            with_all_known = [find_people(connection, text, limit, vocabulary=desk.vocabulary) for text in typed for limit in (1, 50)]
        assert before == [() if one.close else one.ids for one in with_all_known]
        return before

    assert sum(map(bool, answers())) > 2 * len(typed) - 8
    later = add_member(desk, first_name="Annabel", last_name="Leedsen", email="kontorist@leeds3.example").id
    assert later in {one for found in answers() for one in found}


def test_a_question_does_not_wait_for_the_words_to_be_read(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = add_member(desk, first_name="Ada", last_name="Obi").id
    reads, may_go_on = threading.Event(), threading.Event()
    read = finding.Known.read

    def slowly(connection: sa.Connection) -> finding.Known:
        reads.set()
        assert may_go_on.wait(30)
        return read(connection)

    monkeypatch.setattr(finding.Known, "read", slowly)

    def be_ready() -> None:
        with desk.reading() as connection:
            desk.vocabulary.be_ready(connection)

    with ThreadPoolExecutor(2) as beside:
        under_way = beside.submit(be_ready)
        try:
            assert reads.wait(30)
            assert beside.submit(best_members, desk, "ada", 5).result(30).ids == (ada,)
        finally:
            may_go_on.set()
        under_way.result(30)


def test_forgiving_knows_what_was_written_a_moment_ago(desk: Desk) -> None:
    ada = add_member(desk, first_name="Ada", last_name="Lovelace").id
    assert best_members(desk, "lovelcae", 5).ids == (ada,)
    change_member(desk, ada, last_name="Byron")
    assert best_members(desk, "lovelcae", 5).ids == () and best_members(desk, "byrno", 5).ids == (ada,)
    bo = add_member(desk, first_name="Bo", last_name="Byronson").id
    assert best_members(desk, "byrnoson", 5).ids == (bo,)
    remove_members(desk, [bo])
    assert best_members(desk, "byrnoson", 5).ids == ()


@pytest.mark.parametrize(("last", "typed"), [("Шевченко", "шевчеко"), ("Παπαδόπουλος", "παπαδοπουλο"), ("Müller", "mueller"), ("Łoś-Żółkiewska", "zolkeiwska")])
def test_slips_in_other_scripts_and_spellings(desk: Desk, last: str, typed: str) -> None:
    one = add_member(desk, first_name="Q", last_name=last).id
    assert best_members(desk, typed, 5).ids == (one,)


def test_merged_people_are_found_no_more(desk: Desk) -> None:
    one, other = (add_member(desk, first_name="Ada", last_name="Obi").id for _turn in range(2))
    with desk.writing("merged") as writing:
        writing.change("person", other, merged_into=one)
    assert best_members(desk, "obi", 5).ids == (one,) and member_ids(desk) == [one] and verify(desk).ok


def test_the_list_is_in_order_whatever_the_marks(desk: Desk) -> None:
    for last in ("Zed", "Łoś", "lima", "Ångström", "Abel"):
        add_member(desk, first_name="A", last_name=last)
    assert [row.name for row in member_rows(desk)] == ["A Abel", "A Ångström", "A lima", "A Łoś", "A Zed"]


def test_a_wrong_index_is_noticed_and_made_anew(desk: Desk) -> None:
    add_member(desk, first_name="Ada", last_name="Obi")
    for damage in ("UPDATE search_person SET sort = 'zzz'", "UPDATE search_person SET standing = NULL", "DELETE FROM search_person",
                   "INSERT INTO search_words (search_words) VALUES ('delete-all')", "UPDATE search_words SET words = 'ada obi else' WHERE rowid = 1",
                   "UPDATE search_words SET words = 'ada' WHERE rowid = 1", "INSERT INTO search_words (rowid, words) VALUES (9, 'ada obi')"):
        with desk.applying() as applying:
            applying.connection.exec_driver_sql(damage)
        assert verify(desk).search > 0, damage
        rebuild_search(desk)
        assert verify(desk).ok and len(best_members(desk, "obi", 5).ids) == 1, damage


def test_beginnings_that_the_index_has_lost_are_noticed(profile: Profile) -> None:
    def declare(before: str, after: str) -> None:
        with closing(connect(profile.database, key)) as raw:
            raw.execute("PRAGMA writable_schema = ON")
            raw.execute("UPDATE sqlite_master SET sql = replace(sql, ?, ?) WHERE name = 'search_words'", (f"prefix='{before}'", f"prefix='{after}'"))

    with open_desk(profile) as desk:
        key = desk.key
        add_member(desk, first_name="Ada", last_name="Obi")
    declare("1 2 3", "1 2")
    with open_desk(profile) as desk:
        rebuild_search(desk)
    declare("1 2", "1 2 3")
    with open_desk(profile) as desk:
        assert verify(desk).search == 2, "those of three letters"
        rebuild_search(desk)
        assert best(desk, "ada") == ["Ada Obi"] and verify(desk).ok


def test_a_script_that_the_index_cuts_otherwise_is_no_damage(desk: Desk) -> None:
    add_member(desk, first_name="\U0001e922\U0001e923", last_name="Obi")  # Adlam: letters to Python, younger than the index's own table of them
    assert verify(desk).ok and best(desk, "obi") != []


def test_whole_words_come_first_however_many_have_them(desk: Desk) -> None:
    people = [{"standing": "member", "first_name": "Max" if n % 10 else "Ada", "last_name": f"Name{n:03}", "city": "Springfield"} for n in range(300)]
    people[10]["city"] = people[150]["city"] = "Springfieldville"
    with desk.writing("import", queue="load") as writing:
        writing.add_many("person", people)
    found = best(desk, "ada springfield", 18)
    assert len(found) == 18 and not {"Ada Name010", "Ada Name150"} & set(found)
    assert len(best(desk, "ada springfield", 50)) == 30 and set(best(desk, "ada springfield", 50)[-2:]) == {"Ada Name010", "Ada Name150"}


@pytest.mark.parametrize("typed", ["", "  ", "”“ — '", "\"*", "a AND b OR NOT (", "º ª", "º", "*", "🎓", "ªcom", "x" * 5_000, "a " * 500])
def test_whatever_is_typed_is_a_question_and_no_error(desk: Desk, typed: str) -> None:
    add_member(desk, first_name="Ada", last_name="Obi", email="ada@obi.example")
    best_members(desk, typed, 5)
    member_rows(desk, typed)


def test_people_of_the_first_release_are_found_after_its_database_is_opened(profile: Profile) -> None:
    from alembic import command
    from alembic.config import Config

    profile.create()
    key = keys.database_key(profile.path, "desk")
    engine = connecting.engine_of(profile.database, key, None, None, makes=True)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only = OFF")
        config = Config()
        config.set_main_option("script_location", str(Path(opening.__file__).parent / "migrations"))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        command.upgrade(config, "0001")
        connection.exec_driver_sql("INSERT INTO person (id, scope, gone, standing, first_name, last_name) VALUES ('p', 's', 0, 'member', 'Łukasz', 'Żółć')")
        connection.exec_driver_sql("COMMIT")
        connection.invalidate()
    engine.dispose()
    with open_desk(profile) as opened:
        assert best_members(opened, "lukasz", 5).ids == ("p",) and verify(opened).search == 0


def test_a_row_says_the_same_however_it_is_looked_up(desk: Desk) -> None:
    both = add_member(desk, first_name="Ada", last_name="Obi", class_year="1998").id
    other = add_member(desk, first_name="Bo", last_name="Vega", class_year="2001").id
    parent = add_member(desk, first_name="Cy", last_name="Zed", constituent_codes="parent").id
    with desk.writing("test") as writing:
        for person, degree, year, primary in ((both, "MA", 2003, True), (both, "BMus", 1998, False), (both, "BA", 1998, True), (both, "", 1998, True),
                                              (other, "BS", 1999, True)):
            writing.add("education", person=person, degree=degree or None, class_year=year, is_primary=primary)
    rows = rows_of(desk, [parent, other, both, "nobody"])
    assert [row.class_label for row in rows] == ["Parent", "2001", "BA 1998"]
    assert {row.id: row for row in rows} == {row.id: row for row in member_rows(desk)}


def test_what_is_not_wanted_any_more_ends_at_once_and_leaves_the_connection_as_it_was(desk: Desk) -> None:
    many(desk, [("Ann", f"Lee{number}") for number in range(20_000)])
    asked: list[int] = []

    def unwanted() -> bool:
        asked.append(1)
        return True

    assert list(all_members(desk, question_of("ann"), unwanted=unwanted)) == [] and asked
    assert len({one for portion in all_members(desk, question_of("ann")) for one in portion}) == 20_000


def test_trouble_of_the_database_is_not_taken_for_an_answer_nobody_wants(desk: Desk) -> None:
    with pytest.raises(sa.exc.OperationalError, match="interrupted"):
        many(desk, [("Ann", f"Lee{number}") for number in range(20_000)])
        answers = iter([True])
        list(all_members(desk, question_of("ann"), unwanted=lambda: next(answers, False)))


@pytest.mark.parametrize(("stored", "typed"), [
    ("+48 601 555 1234", ["+48 601 555 1234", "48 601 555 1234", "601 555 1234", "601-555-1234", "(601) 555-1234", "6015551234", "5551234", "555 1234",
                          "1234", "51234", "12 34", "+48601", "+48 601 5", "48601555"]),
    ("+49 30 1234567", ["030 1234567", "0301234567", "(030) 123 45 67", "0049 30 1234567", "0049301234567", "0049 30 12", "030/1234567"]),
    ("030 1234567", ["+30 1234567", "030 1234567", "301234567", "30 1234567"]),
    ("0049 30 1234567", ["+49 30 1234567", "030 1234567"]),
    ("+1 (617) 555-0142", ["(617) 555", "617555", "(617) 555-01", "6175", "617-555-014", "1 617 555", "+1617", "0142"]),
    ("+44 171 946 0958", ["0171 946", "0171946", "171 946", "(0171) 946 09", "0044171"]),
    ("+353 87 123 4567", ["087 123", "87123", "087 123 45"]),
    ("(312) 555-4417", ["(312) 555-4417", "312 555 4417", "312.555.4417", "312-5554417", "555-4417", "3125554417", "54417", "312 555"]),
])
def test_a_phone_number_as_it_is_kept_and_by_whatever_it_ends_in(desk: Desk, stored: str, typed: list[str]) -> None:
    one = add_member(desk, first_name="Ada", last_name="Obi", class_year="1998", mobile=stored).id
    add_member(desk, first_name="Bo", last_name="Vega", class_year="1998", mobile="+44 20 7946 0958")
    for query in [*typed, *(f"obi {number}" for number in typed), *(f"98 {number}" for number in typed), *(f"1998 {number} ada" for number in typed)]:
        assert [row.id for row in member_rows(desk, query)] == [one] == list(best_members(desk, query, 10).ids), query
    for wrong in ("234", "1 312 555 4418", "555 1235", "5551235", "123455", "601 555 4417", "00617555", "555014"):
        assert not member_rows(desk, wrong), wrong
    assert verify(desk).ok


def test_a_change_is_found_where_somebody_stood_in_the_index(desk: Desk) -> None:
    ada, bo, cy = (add_member(desk, first_name=first, last_name=last, city="Paris").id for first, last in (("Ada", "Byron"), ("Bo", "Vega"), ("Cy", "Zed")))

    def places() -> dict[str, int]:
        with desk.reading() as connection:
            return {row.id: row.rowid for row in connection.exec_driver_sql("SELECT id, rowid FROM search_person")}

    before = places()
    change_member(desk, ada, city="London")
    change_member(desk, bo, last_name="Abel")
    change_member(desk, cy, notes="Likes jazz")
    assert places() == before
    assert sorted(best(desk, "paris")) == ["Bo Abel", "Cy Zed"] and best(desk, "london") == ["Ada Byron"]
    assert best(desk, "vega") == [] and best(desk, "abel") == ["Bo Abel"]
    assert member_ids(desk)[0] == bo, "sorted by the new name"
    remove_members(desk, [cy])
    assert places().keys() == {ada, bo} and best(desk, "zed") == []
    with desk.checking() as connection:
        assert differences(connection) == 0 and is_whole(connection)


def test_many_changes_in_any_order_are_one_part_of_the_index(desk: Desk) -> None:
    with desk.writing("import", queue="load") as writing:
        writing.add_many("person", [{"standing": "member", "last_name": f"Name{number}"} for number in range(300)])

    def parts() -> int:
        with desk.reading() as connection:
            return int(connection.exec_driver_sql("SELECT count(DISTINCT segid) FROM search_words_idx").scalar() or 0)

    before = parts()
    with desk.reading() as connection:
        names = dict(connection.exec_driver_sql("SELECT id, last_name FROM person ORDER BY id DESC").all())  # by chance: they were made in one moment
    ids = list(names)
    with desk.writing("changed") as writing:
        writing.change_many("person", ("city",), [(f"Town{number:03}", one) for number, one in enumerate(ids)])
    assert parts() <= before + 1
    assert best(desk, "Town007") == [names[ids[7]]]


def test_very_many_who_go_leave_the_others_where_they_are_found(desk: Desk) -> None:
    stay = [add_member(desk, first_name=first, last_name=last, city="Paris").id for first, last in (("Ada", "Byron"), ("Bo", "Vega"))]
    with desk.writing("import", queue="load") as writing:
        writing.add_many("person", [{"standing": "member", "first_name": "Max", "last_name": f"Name{number}"} for number in range(VERY_MANY)])
    remove_members(desk, [stay[0]])
    imported = actions(desk)[1].id
    assert undo(desk, imported).count == VERY_MANY and best(desk, "max") == [] and best(desk, "paris") == ["Bo Vega"]
    undo(desk)
    assert sorted(best(desk, "paris")) == ["Ada Byron", "Bo Vega"]
    with desk.checking() as connection:
        assert differences(connection) == 0 and is_whole(connection)
    assert redo(desk, imported).count == VERY_MANY and len(member_ids(desk)) == VERY_MANY + 2
    assert best(desk, f"name{VERY_MANY - 1}") == [f"Max Name{VERY_MANY - 1}"]
    with desk.checking() as connection:
        assert differences(connection) == 0 and is_whole(connection)


@pytest.mark.parametrize("pages", [20, 120, 220, 300, 360])
def test_a_disk_that_is_full_while_very_many_are_put_into_the_index_keeps_nothing_of_them(desk: Desk, monkeypatch: pytest.MonkeyPatch, pages: int,
                                                                                                   caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(search, "TOGETHER", 200)
    add_member(desk, first_name="Ada", last_name="Byron")
    people = [{"standing": "member", "first_name": "Max", "last_name": f"Name{number}"} for number in range(2_000)]

    def limited(to: int) -> None:
        with desk.checking() as connection:
            there = connection.exec_driver_sql("PRAGMA page_count").scalar() or 0
            connection.exec_driver_sql(f"PRAGMA max_page_count = {there + to}")

    limited(pages)
    with pytest.raises(StoreProblem) as caught, desk.writing("import", queue="load") as writing:
        writing.add_many("person", people)
    assert caught.value.code == "disk_full" and "disk_full" in caplog.text
    caplog.clear()
    assert len(member_ids(desk)) == 1
    limited(100_000)
    with desk.writing("import", queue="load") as writing:
        writing.add_many("person", people)
    assert len(member_ids(desk)) == 2_001 and best(desk, "name1999") == ["Max Name1999"] and best(desk, "ada") == ["Ada Byron"]
    with desk.checking() as connection:
        assert differences(connection) == 0 and is_whole(connection)


def test_a_sign_alone_finds_the_names_that_hold_it(desk: Desk) -> None:
    add_member(desk, first_name="Ana 🎓", last_name="Lima")
    add_member(desk, first_name="Zoë", last_name="Ray", former_names="Star ★, Moon")
    add_member(desk, first_name="Bo", last_name="Hart-Lee", preferred_name="Bo ★ 🎓")
    gone = add_member(desk, first_name="Gone 🎓").id
    remove_members(desk, [gone])
    for query, wanted in (("🎓", ["Bo ★ 🎓", "Ana 🎓 Lima"]), (" ★ ", ["Bo ★ 🎓", "Zoë Ray"]), ("🎓 ★", ["Bo ★ 🎓"]),
                          ("-", ["Bo ★ 🎓"]), ("🎉", []), ('"', []), ("[", []), ("%", []), ("ana 🎓", ["Ana 🎓 Lima"]), ("ana 🎉", ["Ana 🎓 Lima"])):
        assert best(desk, query) == wanted, query
        assert [row.name for row in member_rows(desk, query)] == wanted and count_members(desk, query) == len(wanted), query
        assert [one for portion in all_members(desk, question_of(query)) for one in portion][:len(wanted)] == list(best_members(desk, query, 9).ids), query
    assert best(desk, "🎓", 1) == ["Bo ★ 🎓"] and question_of("  ") is None
