"""Lists become members and guests: counted, matched, idempotent, cancelled without a trace."""

from __future__ import annotations

import csv
import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alumni_desk.badges.rosters import write_roster
from alumni_desk.badges.sheets import Heading
from alumni_desk.checkin.actions import undo_check_in, walk_in
from alumni_desk.errors import BadInput, NotFound, Refused
from alumni_desk.exchange import reading
from alumni_desk.exchange.exporting import export_ndjson, members_csv
from alumni_desk.exchange.guests import import_guests, try_guests
from alumni_desk.exchange.importing import Cancelled, ImportResult, dry_run, examine, people, questions, run_import
from alumni_desk.gatherings.actions import add_guests, cancel_gathering, new_gathering, remove_guests
from alumni_desk.gatherings.kinds import ANSWERS
from alumni_desk.gatherings.lists import guest_rows
from alumni_desk.gatherings.records import registration_id
from alumni_desk.members.actions import add_member, remove_members
from alumni_desk.members.lists import member_rows
from alumni_desk.members.merging import merge_people
from alumni_desk.schema import open_desk
from alumni_desk.segments.activity import deeds
from alumni_desk.store import exports
from alumni_desk.store.desk import Desk
from alumni_desk.store.profile import Profile

FILES = Path(__file__).parent / "files"
LISTS = sorted(FILES.glob("*.csv"))


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setenv("ALUMNI_DESK_PASSPHRASE", "made up for the test")
    with open_desk(Profile(tmp_path / "profile")) as desk:
        yield desk


def rows(desk: Desk, table: str) -> list[dict]:
    with desk.reading() as connection:
        found = desk.tables[table]
        return [dict(row) for row in connection.execute(
            sa.select(found).where(found.c.gone.is_(False)).order_by(found.c.id)).mappings()]


def person(desk: Desk, first_name: str) -> dict:
    (found,) = [row for row in rows(desk, "person") if row["first_name"] == first_name]
    return found


def counts(result: ImportResult) -> tuple[int, int, int, int]:
    assert result.added + result.updated + result.unchanged + result.rejected == result.rows
    return result.added, result.updated, result.unchanged, result.rejected


def listed(folder: Path, text: str, name: str = "list.csv") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize("file", LISTS, ids=lambda file: file.stem)
def test_a_second_import_changes_nothing(desk: Desk, file: Path) -> None:
    first = run_import(desk, file)
    assert counts(first)[0] == first.rows > 0
    people_before, schools_before = rows(desk, "person"), rows(desk, "education")
    second = run_import(desk, file)
    assert counts(second) == (0, 0, first.rows, 0)
    assert rows(desk, "person") == people_before and rows(desk, "education") == schools_before
    assert second.changed is None
    with desk.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM action").scalar() == 2, "the chapter and the first import alone"


def test_what_is_kept_of_people_degrees_and_the_run(desk: Desk) -> None:
    run_import(desk, FILES / "raisers-edge.csv")
    aoife = person(desk, "Aoife")
    assert aoife["standing"] == "member" and aoife["class_year"] == 1998
    assert json.loads(aoife["external_ids"]) == ["raisers-edge:00018842", "raisers-edge-import:00001-518-0000018842"]
    degrees = {(row["degree"], row["class_year"], row["is_primary"]) for row in rows(desk, "education")
               if row["person"] == aoife["id"]}
    assert degrees == {("BA", 1998, True), ("JD", 2002, False)}
    (run,) = rows(desk, "import_run")
    assert (run["file_name"], run["recognised"], run["rows"], run["added"], run["complete"]) == (
        "raisers-edge.csv", "raisers-edge", 2, 2, True)
    assert len(run["file_hash"]) == 64 and json.loads(run["mapping"])["ConsID"] == "external_id"
    assert "123-45-6789" not in json.dumps(rows(desk, "person")) + json.dumps(rows(desk, "import_run"))


def test_dry_run_tells_the_same_and_changes_nothing(desk: Desk, tmp_path: Path) -> None:
    file = listed(tmp_path, "First Name,Last Name,Email\nAnn,Lee,ann@example.org\n,,\n"
                  "-,,none\nAnn,Lee,ann@example.org\n")
    tried = dry_run(desk, file)
    assert all(rows(desk, table) == [] for table in ("person", "education", "import_run"))
    assert counts(tried) == counts(run_import(desk, file)) == (1, 0, 1, 1)


def test_updates_fill_and_change_and_never_take_back(desk: Desk, tmp_path: Path) -> None:
    run_import(desk, listed(tmp_path, "First Name,Last Name,Class,Email,City,Deceased,Do Not Contact,Mobile\n"
                            "Ann,Lee,1998,ann@example.org,Boston,Yes,Yes,0170\n"))
    result = run_import(desk, listed(tmp_path, "First Name,Last Name,Class,Email,City,Deceased,Do Not Contact,Mobile\n"
                                     "ANN,Lee,'98,ann@new.example,Rome,No,No,\n"))
    assert counts(result) == (0, 1, 0, 0)
    (ann,) = rows(desk, "person")
    assert (ann["email"], ann["city"], ann["mobile"]) == ("ann@new.example", "Rome", "0170")
    assert json.loads(ann["other_emails"]) == ["ann@example.org"]
    assert ann["deceased"] is True and json.loads(ann["solicit_codes"]) == ["do_not_contact"]


def test_a_new_street_replaces_the_whole_address(desk: Desk, tmp_path: Path) -> None:
    run_import(desk, listed(tmp_path, "Name,Email,Street,City,Zip\nAnn Lee,ann@example.org,1 Elm St,Boston,02134\n"))
    run_import(desk, listed(tmp_path, "Name,Email,Street,City,Zip\nAnn Lee,ann@example.org,2 Via Roma,Rome,\n"))
    (ann,) = rows(desk, "person")
    assert (ann["street"], ann["city"], ann["postal_code"]) == ("2 Via Roma", "Rome", None)


def test_who_is_the_same_and_who_is_not(desk: Desk, tmp_path: Path) -> None:
    run_import(desk, listed(tmp_path, "First Name,Last Name,Class,Email,ConsID\nLi,Chen,1998,li@example.org,001\n"
                            "Sam,Fox,1972,fox@example.org,\nZoë,Müller,2001,,\n"))
    result = run_import(desk, listed(tmp_path, "First Name,Last Name,Class,Email,ConsID\n"
                                     "Li,Chen,1998,li@example.org,002\n"   # another office ID: another person
                                     "Joan,Fox,1974,fox@example.org,\n"    # shares the address: a couple
                                     "Sam,Fox-Day,,FOX@example.org,\n"     # the same address and first name: married
                                     "ZOE,MULLER,'01,,\n"                  # accents and case do not tell apart
                                     "Zoë,Müller,2002,,\n"))               # another class
    assert counts(result) == (3, 1, 1, 0)
    assert person(desk, "Sam")["last_name"] == "Fox-Day"
    assert len(rows(desk, "person")) == 6


def test_namesakes_in_one_file_stay_two_people(desk: Desk, tmp_path: Path) -> None:
    file = listed(tmp_path, "First Name,Last Name,Class,Email\nLi,Chen,1998,a@example.org\nLi,Chen,1998,b@example.org\n"
                  "Li,Chen,1998,\n")  # says nothing that is not known of both
    assert counts(run_import(desk, file)) == (2, 0, 1, 0)
    assert counts(run_import(desk, file)) == (0, 0, 3, 0)


def test_two_people_of_one_first_name_at_one_address_stay_two(desk: Desk, tmp_path: Path) -> None:
    file = listed(tmp_path, "First Name,Last Name,Email\nJohn,Smith,firm@example.org\nJohn,Miller,firm@example.org\n")
    assert counts(run_import(desk, file)) == (2, 0, 0, 0)
    assert sorted(row["last_name"] for row in rows(desk, "person")) == ["Miller", "Smith"]
    assert counts(run_import(desk, file)) == (0, 0, 2, 0)
    married = listed(tmp_path, "First Name,Last Name,Email\nAnn,Lee,ann@example.org\n", "first.csv")
    run_import(desk, married)
    assert counts(run_import(desk, listed(tmp_path, "First Name,Last Name,Email\nAnn,Lee-Roe,ann@example.org\n"))) == (0, 1, 0, 0)


def test_numbers_of_rows_are_not_the_ids_of_an_office(desk: Desk, tmp_path: Path) -> None:
    run_import(desk, listed(tmp_path, "ID,First Name,Last Name,Class\n1,Ann,Lee,1998\n2,Bo,Day,1999\n"))
    result = run_import(desk, listed(tmp_path, "ID,First Name,Last Name,Class\n1,Bo,Day,1999\n2,Cy,Fox,2000\n"))
    assert counts(result) == (1, 1, 0, 0)
    assert sorted(row["first_name"] for row in rows(desk, "person")) == ["Ann", "Bo", "Cy"]


def test_several_rows_with_a_degree_each(desk: Desk, tmp_path: Path) -> None:
    file = listed(tmp_path, "ConsID,FirstName,LastName,ESRSchoolName,ESRDegree,ESRClassOf\n"
                  "007,Ann,Lee,Arts,BA,1998\n007,Ann,Lee,Law,JD,2002\n")
    assert counts(run_import(desk, file)) == (1, 1, 0, 0)
    assert counts(run_import(desk, file)) == (0, 0, 2, 0)
    assert person(desk, "Ann")["class_year"] == 1998
    assert sorted(row["degree"] for row in rows(desk, "education")) == ["BA", "JD"]


def test_rejects_file_is_safe_complete_and_without_secrets(desk: Desk, tmp_path: Path) -> None:
    out = tmp_path / "rejects.csv"
    file = listed(tmp_path, "First Name,Notes,SSN\nAnn,fine,123-45-6789\n,=cmd|' /C calc'!A0,123-45-6789\n"
                  f"Bo,{'x' * 70_000},\nCy,ok,,extra\n")
    result = run_import(desk, file, rejects=out)
    assert counts(result) == (1, 0, 0, 3)
    assert out.read_bytes().startswith(b"\xef\xbb\xbf")
    with out.open(encoding="utf-8-sig", newline="") as stream:
        written = list(csv.reader(stream))
    assert written[0] == ["First Name", "Notes", "SSN", "reason"]
    assert written[1] == ["", "'=cmd|' /C calc'!A0", "", "neither a name nor an e-mail address"]
    assert [line[0] for line in written[2:]] == ["Bo", "Cy"] and "123-45-6789" not in out.read_text("utf-8-sig")
    assert [reject.row for reject in result.rejects] == [2, 3, 4]


def test_cancelling_leaves_nothing(desk: Desk, tmp_path: Path) -> None:
    lines = "\n".join(f"First{number},Last,{1950 + number % 70}" for number in range(2_000))
    file = listed(tmp_path, f"First Name,Last Name,Class\n{lines}\n")
    seen: list[tuple[int, int]] = []
    with pytest.raises(Cancelled):
        run_import(desk, file, rejects=tmp_path / "out.csv", progress=lambda done, of: seen.append((done, of)),
                   cancelled=lambda: len(seen) >= 3)
    assert seen == [(400, 2000), (800, 2000), (1200, 2000)]
    assert rows(desk, "person") == [] and rows(desk, "import_run") == [] and not (tmp_path / "out.csv").exists()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_nobody_in_the_file(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no column with names or e-mail addresses"):
        run_import(desk, listed(tmp_path, "Colour,Size\nred,4\n"))
    with pytest.raises(BadInput, match="no kind of file"):
        run_import(desk, FILES / "plain.csv", "papyrus")


def test_preview_and_confirmed_columns(desk: Desk, tmp_path: Path) -> None:
    file = listed(tmp_path, "Name,Hobby,Birthday\nAnn Lee,Chess,3/4/1976\n")
    table, found = examine(file)
    assert people(table, found)[0].fields == {"first_name": "Ann", "last_name": "Lee"}
    confirmed = found.with_target(1, "notes").with_order("dmy")
    run_import(desk, file, recognised=confirmed)
    ann = person(desk, "Ann")
    assert (ann["notes"], ann["birth_date"]) == ("Chess", "1976-04-03")


def test_a_late_row_tells_the_order_of_all_dates(desk: Desk, tmp_path: Path) -> None:
    early = "".join(f"First{number},Last,{number % 12 + 1}/4/1976\n" for number in range(600))
    run_import(desk, listed(tmp_path, f"First Name,Last Name,Birthday\n{early}Ann,Lee,28/11/1988\n"))
    assert person(desk, "First0")["birth_date"] == "1976-04-01"
    assert person(desk, "First6")["birth_date"] == "1976-04-07"


def gathering(desk: Desk) -> str:
    with desk.writing("gathering_added") as writing:
        return writing.add("gathering", name="Reunion", status="planned", starts="2026-11-12T18:30", time_zone="UTC")


@pytest.mark.parametrize(("more", "born"), [("", "1976-03-04"), ("Bo,28/11/1988\n", "1976-04-03")])
def test_dates_that_begin_late_in_a_file_are_asked_about_as_well(desk: Desk, tmp_path: Path, more: str, born: str) -> None:
    nobody = "".join(f"Ann{n},\n" for n in range(600))
    file = listed(tmp_path, f"First Name,Date of Birth\n{nobody}Cy,03/04/1976\n{more}")
    _table, found = examine(file)
    assert found.columns[1].samples and bool(questions(found)) is not bool(more)
    assert run_import(desk, file, order=None if more else "mdy").left_out == {}
    assert person(desk, "Cy")["birth_date"] == born


def test_guest_list(desk: Desk, tmp_path: Path) -> None:
    run_import(desk, listed(tmp_path, "First Name,Last Name,Class,Email\nAnn,Lee,1998,ann@example.org\n"))
    reunion = gathering(desk)
    result = import_guests(desk, reunion, FILES / "eventbrite-classic.csv")
    assert counts(result) == (3, 0, 0, 0) and result.guests == 2
    assert person(desk, "Ann")["standing"] == "member" and person(desk, "Bo")["standing"] == "guest"
    assert person(desk, "Ann")["street"] is None  # a guest list does not change members
    status = {row["person"]: row["status"] for row in rows(desk, "registration")}
    assert [status[person(desk, name)["id"]] for name in ("Ann", "Bo", "Cy")] == ["yes", "no", "cancelled"]
    (ann,) = [row for row in rows(desk, "registration") if row["person"] == person(desk, "Ann")["id"]]
    assert ann["id"] == registration_id(reunion, ann["person"]) and len(ann["code"]) == 16
    assert counts(import_guests(desk, reunion, FILES / "eventbrite-classic.csv")) == (0, 0, 3, 0)
    later = listed(tmp_path, "Email,First Name,RSVP\nbo@example.org,Bo,Attending\n")
    assert counts(import_guests(desk, reunion, later)) == (0, 1, 0, 0)
    assert len(rows(desk, "person")) == 3
    with pytest.raises(NotFound):
        import_guests(desk, "00000000-0000-0000-0000-000000000000", later)


def test_export_is_sorted_stable_and_without_clocks(desk: Desk, tmp_path: Path) -> None:
    run_import(desk, FILES / "raisers-edge.csv")
    first, second = tmp_path / "a.ndjson", tmp_path / "b.ndjson"
    report = export_ndjson(desk, first)
    export_ndjson(desk, second)
    assert first.read_bytes() == second.read_bytes() and first.read_bytes().endswith(b"}\n")
    lines = [json.loads(line) for line in first.read_text("utf-8").split("\n")[:-1]]
    assert report.rows == len(lines)
    assert [(line["table"], line["id"]) for line in lines] == sorted((line["table"], line["id"]) for line in lines)
    assert {"person", "education", "import_run"} <= {line["table"] for line in lines}
    assert not {"clock", "clocks", "gone"} & {key for line in lines for key in line}
    with pytest.raises(BadInput, match="could not be written"):
        export_ndjson(desk, tmp_path / "absent" / "out.ndjson")


def test_an_exported_file_in_a_folder_that_is_closed_by_now_is_not_there(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, away = (members_csv(desk, tmp_path / name).path for name in ("here.csv", "away.csv"))
    assert not exports.note(desk, here) and not exports.note(desk, away)
    real = os.stat

    def closed(path: object, *rest: object, **more: object) -> os.stat_result:
        if str(path) == str(away):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(path, *rest, **more)

    monkeypatch.setattr(os, "stat", closed)
    assert [one.file for one in exports.exports(desk)] == [here]


def test_members_list_is_safe_and_comes_back_unchanged(desk: Desk, tmp_path: Path) -> None:
    run_import(desk, FILES / "google-contacts.csv")
    run_import(desk, FILES / "plain.csv")
    run_import(desk, listed(tmp_path, "First Name,Last Name,Email,Notes\n=HYPERLINK(1),Fox,fox@example.org,+1 guest\n"))
    out = tmp_path / "members.csv"
    assert members_csv(desk, out).rows == 5
    assert "'=HYPERLINK(1)" in out.read_text("utf-8-sig")
    assert counts(run_import(desk, out)) == (0, 0, 5, 0)


name = st.sampled_from(["Ann", "Zoë", "王", "O'Brien", "de la Cruz", "=Bo", "Łukasz", "", " ", "Mr.", "n/a"])
cell = st.sampled_from(["", "1998", "'98", "ann@example.org", "zoe@example.org", "nonsense", "x" * 66_000, "3/4/1976"])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(name, name, cell, cell), max_size=8))
def test_counts_always_sum_up_and_the_trial_agrees(desk: Desk, tmp_path: Path, lines) -> None:
    file = tmp_path / "any.csv"
    with file.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows([("First Name", "Last Name", "Class", "E-mail"), *lines])
    tried = dry_run(desk, file)
    result = run_import(desk, file)
    assert counts(tried) == counts(result)
    assert result.rows == sum(1 for line in lines if any(part.strip() for part in line))


def test_a_list_that_was_saved_anew_since_it_was_chosen_is_chosen_again(desk: Desk, tmp_path: Path) -> None:
    file = listed(tmp_path, "First Name,Last Name,E-mail\nAna,Silva,ana@example.org\n")
    found = examine(file)[1]
    for text in ("First Name,Last Name\nAna,Silva\n", "Last Name,First Name,E-mail\nSilva,Ana,ana@example.org\n"):
        listed(tmp_path, text)
        with pytest.raises(BadInput, match="has changed since it was chosen"):
            run_import(desk, file, recognised=found)
        with pytest.raises(BadInput, match="has changed since it was chosen"):
            import_guests(desk, gathering(desk), file, recognised=found)
    assert rows(desk, "person") == []


def test_a_stick_that_is_pulled_out_halfway_leaves_nothing(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = "".join(f"First{number},Last,{1950 + number % 70}\n" for number in range(2_000))
    file = listed(tmp_path, f"First Name,Last Name,Class\n{lines}")
    readline = reading._Lines.__next__

    def pulled_out(self: reading._Lines) -> str:
        line = readline(self)
        if line.startswith("First1500"):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return line

    found = examine(file)[1]
    monkeypatch.setattr(reading._Lines, "__next__", pulled_out)
    with pytest.raises(BadInput, match="Copy it to this computer"):
        run_import(desk, file, recognised=found)
    assert rows(desk, "person") == rows(desk, "import_run") == []


def test_a_folder_for_the_rejects_is_refused_before_anything_is_imported(desk: Desk, tmp_path: Path) -> None:
    file = listed(tmp_path, "First Name,Last Name\nAna,Silva\n,\n")
    with pytest.raises(BadInput, match="could not be written"):
        run_import(desk, file, rejects=tmp_path)
    assert rows(desk, "person") == []


def test_texts_of_two_columns_that_are_too_long_together_reject_their_row_alone(desk: Desk, tmp_path: Path) -> None:
    long = "史" * 15_000
    result = run_import(desk, listed(tmp_path, f"First Name,Last Name,Notes,Comments\nAna,Silva,{long},{long}\nBo,Li,short,{long}\n"))
    assert counts(result) == (1, 0, 0, 1) and result.rejects[0].row == 1 and "longer than" in result.rejects[0].reason


def test_the_list_of_members_reads_back_as_it_was(desk: Desk, tmp_path: Path) -> None:
    add_member(desk, title="Prof. Dr.", first_name="Ana", last_name="Silva", job_title="Dean", email="+ana@example.org", mobile="+1 555 123 4567")
    add_member(desk, first_name="Yu-ri", last_name="Na")
    members_csv(desk, tmp_path / "members.csv")
    assert counts(run_import(desk, tmp_path / "members.csv")) == (0, 0, 2, 0)


def test_the_list_of_members_brings_everything_to_another_desk(desk: Desk, tmp_path: Path) -> None:
    ana = add_member(desk, first_name="Ana", last_name="Silva", badge_tail="P'28 GP'52", deceased="yes", deceased_date="2020-03-04", notes="likes\ntea",
                     door_note="side door,\nby the ramp").id
    members_csv(desk, tmp_path / "members.csv")
    with open_desk(Profile(tmp_path / "other")) as other:
        run_import(other, tmp_path / "members.csv")
        [there], [here] = rows(other, "person"), [row for row in rows(desk, "person") if row["id"] == ana]
    own = {"id", "scope", "clock", "clocks", "constituent_codes"}
    assert {name: value for name, value in there.items() if name not in own} == {name: value for name, value in here.items() if name not in own}


def test_a_row_about_an_entry_that_was_merged_goes_to_the_one_on_the_list(desk: Desk, tmp_path: Path) -> None:
    first, second, third = (add_member(desk, first_name="Ann", last_name="Lee", email=f"{name}@example.org").id for name in "abc")
    merge_people(desk, first, second)
    merge_people(desk, second, third)
    result = run_import(desk, listed(tmp_path, "First Name,Last Name,E-mail,Employer\nAnn,Lee,a@example.org,Harbor\n"))
    assert counts(result) == (0, 1, 0, 0)
    assert [one.id for one in member_rows(desk)] == [third] and [row["id"] for row in rows(desk, "person") if row["employer"] == "Harbor"] == [third]


def test_a_list_that_made_two_entries_of_one_person_makes_no_second_one_again(desk: Desk, tmp_path: Path) -> None:
    head = "First Name,Last Name,Class,E-mail,City\n"
    bill, ana = "Bill,Miller,1998,bm@example.org,{}\n", "Ana,Silva,2001,,{}\n"
    married = "William,Miller,1998,wm@example.org,Rome\nAna,Costa,2001,,\n"
    file = listed(tmp_path, head + bill.format("Bonn") + ana.format("") + married)
    run_import(desk, file)
    by_name = {(row["first_name"], row["last_name"]): row["id"] for row in rows(desk, "person")}
    merge_people(desk, by_name["Bill", "Miller"], by_name["William", "Miller"])
    merge_people(desk, by_name["Ana", "Silva"], by_name["Ana", "Costa"])
    names = [one.name for one in member_rows(desk)]
    assert len(names) == 2 and counts(run_import(desk, file)) == (0, 0, 4, 0) and [one.name for one in member_rows(desk)] == names
    moved = listed(tmp_path, head + bill.format("Lima") + ana.format("Porto"))
    assert counts(run_import(desk, moved)) == (0, 2, 0, 0)
    william, costa = (next(row for row in rows(desk, "person") if row["id"] == by_name[name]) for name in (("William", "Miller"), ("Ana", "Costa")))
    assert (william["first_name"], william["email"], william["city"]) == ("William", "wm@example.org", "Lima")
    assert (costa["last_name"], costa["city"]) == ("Costa", "Porto")


def test_a_new_street_of_whoever_was_merged_leaves_their_city_there(desk: Desk, tmp_path: Path) -> None:
    ana = add_member(desk, first_name="Ana", last_name="Silva", class_year="2001", street="Rua A 1", city="Porto", postal_code="4000").id
    costa = add_member(desk, first_name="Ana", last_name="Costa", class_year="2001").id
    merge_people(desk, ana, costa)
    moved = listed(tmp_path, "First Name,Last Name,Class,Address,City,Zip\nAna,Silva,2001,Rua B 2,Porto,4000\n")
    assert counts(run_import(desk, moved)) == (0, 1, 0, 0)
    row = next(row for row in rows(desk, "person") if row["id"] == costa)
    assert (row["street"], row["city"], row["postal_code"], row["last_name"]) == ("Rua B 2", "Porto", "4000", "Costa")


def test_a_row_about_somebody_whose_merged_entry_was_removed_makes_a_new_member(desk: Desk, tmp_path: Path) -> None:
    first, second = (add_member(desk, first_name="Ann", last_name="Lee", email=f"{name}@example.org").id for name in "ab")
    merge_people(desk, first, second)
    remove_members(desk, [second])
    assert member_rows(desk) == []
    result = run_import(desk, listed(tmp_path, "First Name,Last Name,E-mail,Employer\nAnn,Lee,a@example.org,Harbor\n"))
    assert counts(result) == (1, 0, 0, 0) and [one.name for one in member_rows(desk)] == ["Ann Lee"]


def test_two_entries_that_were_merged_are_one_member_whom_a_guest_may_be(desk: Desk, tmp_path: Path) -> None:
    first, second = (add_member(desk, first_name="Ann", last_name="Lee", class_year="1998", email=f"{name}@example.org").id for name in "ab")
    dinner = new_gathering(desk, name="Dinner", start="2030-01-01 18:00").id
    guests = listed(tmp_path, "First Name,Last Name\nAnn,Lee\n")
    assert try_guests(desk, dinner, guests).likely == ()  # nobody knows which of the two
    merge_people(desk, first, second)
    assert [one.member for one in try_guests(desk, dinner, guests).likely] == [second]


def test_whoever_is_on_the_list_by_an_entry_that_was_merged_is_on_it(desk: Desk, tmp_path: Path) -> None:
    ann, other = (add_member(desk, first_name=name, last_name="Lee", email=f"{name}@example.org").id for name in ("Ann", "Anna"))
    dinner = new_gathering(desk, name="Dinner", start="2030-01-01 18:00").id
    head, line = "First Name,Last Name,E-mail,RSVP\n", "Anna,Lee,anna@example.org,{}\n"
    assert counts(import_guests(desk, dinner, listed(tmp_path, head + "Ann,Lee,ann@example.org,yes\n"))) == (1, 0, 0, 0)
    merge_people(desk, ann, other)
    assert counts(import_guests(desk, dinner, listed(tmp_path, head + line.format("yes")))) == (0, 0, 1, 0)
    assert counts(import_guests(desk, dinner, listed(tmp_path, head + line.format("no")))) == (0, 1, 0, 0)
    assert [(row["person"], row["status"]) for row in rows(desk, "registration")] == [(ann, "no")]


def test_a_gathering_that_was_cancelled_takes_no_guests_from_a_file(desk: Desk, tmp_path: Path) -> None:
    dinner = new_gathering(desk, name="Dinner", start="2030-01-01 18:00").id
    cancel_gathering(desk, dinner)
    with pytest.raises(Refused, match="was cancelled"):
        import_guests(desk, dinner, listed(tmp_path, "First Name,Last Name\nAnn,Lee\n"))
    assert rows(desk, "person") == rows(desk, "registration") == []


def test_whoever_has_died_is_put_on_no_list_by_a_file(desk: Desk, tmp_path: Path) -> None:
    add_member(desk, first_name="Ann", last_name="Lee", email="ann@example.org", deceased=True)
    dinner = new_gathering(desk, name="Dinner", start="2030-01-01 18:00").id
    file, out = listed(tmp_path, "First Name,Last Name,E-mail\nAnn,Lee,ann@example.org\nBo,Day,bo@example.org\n"), tmp_path / "rejects.csv"
    result = import_guests(desk, dinner, file, rejects=out)
    assert counts(result) == (1, 0, 0, 1) and [(one.row, one.reason) for one in result.rejects] == [(1, "has died, says the member list")]
    assert len(rows(desk, "registration")) == 1 and "ann@example.org" in out.read_text("utf-8-sig")


def test_who_was_said_to_be_a_member_and_was_merged_or_removed_since(desk: Desk, tmp_path: Path) -> None:
    ann, other = (add_member(desk, first_name=name, last_name="Lee", class_year="1998").id for name in ("Ann", "Anna"))
    guests = listed(tmp_path, "First Name,Last Name\nAnn,Lee\n")
    dinner, dance = (new_gathering(desk, name=name, start="2030-01-01 18:00").id for name in ("Dinner", "Dance"))
    [said] = try_guests(desk, dinner, guests).likely
    merge_people(desk, ann, other)
    assert import_guests(desk, dinner, guests, same={said.key: said.member}).guests == 0
    assert [row["person"] for row in rows(desk, "registration")] == [other]
    remove_members(desk, [other])
    assert import_guests(desk, dance, guests, same={said.key: said.member}).guests == 1


def test_an_answer_that_nobody_understands_makes_nobody_coming_and_is_told(desk: Desk, tmp_path: Path) -> None:
    file = listed(tmp_path, "First Name,Last Name,RSVP,Response\nAnn,Lee,In May,\nBo,Lima,Can’t Go,\nCy,Roe,Declined,so sorry\nDi,Poe,Going,\nEd,Foe,,\n")
    reunion = gathering(desk)
    result = import_guests(desk, reunion, file)
    assert counts(result) == (5, 0, 0, 0) and result.left_out == {"RSVP": 1, "Response": 1}
    status = {row["person"]: row["status"] for row in rows(desk, "registration")}
    assert [status[person(desk, name)["id"]] for name in ("Ann", "Bo", "Cy", "Di", "Ed")] == ["invited", "no", "no", "yes", "yes"]
    assert counts(import_guests(desk, reunion, file)) == (0, 0, 5, 0)


def test_a_list_that_only_brings_answers_is_not_said_to_have_added_guests(desk: Desk, tmp_path: Path) -> None:
    reunion = gathering(desk)
    first = "First Name,Last Name,RSVP\nBo,Lima,yes\nCy,Roe,yes\n"
    import_guests(desk, reunion, listed(tmp_path, first))
    assert deeds(desk)[0].what == "Added 2 guests to Reunion"
    import_guests(desk, reunion, listed(tmp_path, first.replace("yes", "no")))
    assert deeds(desk)[0].what == "Noted 2 answers for Reunion"


def test_a_roster_reads_back_with_its_answers(desk: Desk, tmp_path: Path) -> None:
    people = [add_member(desk, first_name=name, last_name="Lima", other_script_name="安", class_year="1998").id
              for name in ("Ann", "Bo", "Cy", "Di", "Ed", "Fay")]
    first, second = gathering(desk), new_gathering(desk, name="Picnic", start="2027-06-12 12:00").id
    for person_id, status in zip(people, ANSWERS, strict=True):
        add_guests(desk, first, [person_id], status=status)
    file = tmp_path / "roster.csv"
    write_roster(guest_rows(desk, first), file, Heading("", "", "", ""))
    assert counts(import_guests(desk, second, file)) == (6, 0, 0, 0)
    answers = [{row["person"]: row["status"] for row in rows(desk, "registration") if row["gathering"] == one} for one in (first, second)]
    assert answers[0] == answers[1]
    assert [column.target for column in examine(file)[1].columns[:3]] == ["full_name", "other_script_name", "class_year"]


def test_who_is_only_invited_has_not_answered(desk: Desk, tmp_path: Path) -> None:
    path, reunion = tmp_path / "guests.csv", gathering(desk)
    for answers in ("yes", "invited"), ("invited", "yes"):
        for said in (answers[:1], answers[1:], answers):  # one after the other, and both in one file
            path.write_text("First Name,Last Name,Email,RSVP\n" + "".join(f"Ana,Lima,ana@example.org,{one}\n" for one in said), encoding="utf-8")
            import_guests(desk, reunion, path)
            [row] = rows(desk, "registration")
            assert (row["status"], row["answered_at"] is None) == (said[-1], said[-1] == "invited")


def test_whoever_has_died_says_the_file_leaves_no_entry_behind(desk: Desk, tmp_path: Path) -> None:
    dinner = new_gathering(desk, name="Dinner", start="2030-01-01 18:00").id
    file = listed(tmp_path, "First Name,Last Name,E-mail,Deceased\nAnn,Lee,ann@example.org,yes\nBo,Day,bo@example.org,no\n")
    result = import_guests(desk, dinner, file)
    assert counts(result) == (1, 0, 0, 1) and result.guests == 1 and [row["first_name"] for row in rows(desk, "person")] == ["Bo"]
    assert [(one.row, one.reason) for one in result.rejects] == [(1, "has died, says the file")]
    add_member(desk, first_name="Ann", last_name="Lee")
    assert try_guests(desk, dinner, file).likely == (), "nobody is asked whether that is she"


def test_who_once_walked_in_and_is_put_on_the_list_again_by_a_file_is_expected(desk: Desk, tmp_path: Path) -> None:
    dinner = new_gathering(desk, name="Dinner", start="2030-01-01 18:00").id
    came = walk_in(desk, dinner, "Ann Lee", email="ann@example.org").registration
    assert came is not None
    undo_check_in(desk, dinner, came)
    remove_guests(desk, dinner, [came])
    assert counts(import_guests(desk, dinner, listed(tmp_path, "First Name,Last Name,E-mail\nAnn,Lee,ann@example.org\n"))) == (0, 1, 0, 0)
    assert [(row["gone"], row["walk_in"], row["status"]) for row in rows(desk, "registration")] == [(False, False, "yes")]
