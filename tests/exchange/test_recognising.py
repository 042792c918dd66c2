"""Each system's export is recognised, each column gets its meaning, each value its clean form."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from alumni_desk.exchange import cleaning
from alumni_desk.exchange.mapping import Entry, entry_maker
from alumni_desk.exchange.reading import read_table
from alumni_desk.exchange.recognise import Recognised, Sure, asks, recognise

FILES = Path(__file__).parent / "files"
TODAY = date(2026, 11, 24)


def opened(name: str, order=None) -> tuple[Recognised, list[Entry]]:
    table = read_table(FILES / name)
    found = recognise(table.headers, table.sample())
    if order:
        found = found.with_order(order)
    make = entry_maker(found, TODAY)
    return found, [make(row.cells) for row in table.rows()]


@pytest.mark.parametrize(("name", "kind"), [
    ("raisers-edge.csv", "raisers-edge"), ("salesforce.csv", "salesforce"), ("npsp.csv", "salesforce"),
    ("google-contacts.csv", "google-contacts"), ("google-contacts-old.csv", "google-contacts"),
    ("eventbrite-classic.csv", "eventbrite"), ("eventbrite-2023.csv", "eventbrite"),
    ("eventbrite-2025.csv", "eventbrite"), ("outlook.csv", "plain"), ("german.csv", "plain"), ("plain.csv", "plain"),
])
def test_systems(name: str, kind: str) -> None:
    found, entries = opened(name)
    assert found.kind == kind
    assert entries and all(entry.problem is None for entry in entries)


def by_heading(found: Recognised):
    return {column.heading: column for column in found.columns}


def test_raisers_edge() -> None:
    found, (aoife, francois) = opened("raisers-edge.csv")
    columns = by_heading(found)
    assert columns["SSN"].sure is Sure.REFUSED and columns["SSN"].samples == ()
    assert columns["ConsID"].target == "external_id" and columns["ConsID"].sure is Sure.SURE
    assert columns["BDay"].question is None and columns["BDay"].order == "mdy"  # 11/28 settles the column
    assert aoife.fields == {
        "external_ids": ["raisers-edge:00018842", "raisers-edge-import:00001-518-0000018842"],
        "constituent_codes": ["alumnus"], "title": "Ms.", "first_name": "Aoife", "last_name": "Ní Bhriain",
        "preferred_name": "Effie", "birth_date": "1976-03-04", "street": "12 Strand Court", "city": "Evanston",
        "region": "IL", "postal_code": "60202", "country": "United States", "mobile": "+1 847 555 0136",
        "email": "aoife@example.org", "class_year": 1998, "employer": "Northlake Clinic"}
    assert aoife.educations == [
        {"school": "Arts", "degree": "BA", "class_year": 1998, "is_primary": True},
        {"school": "Law", "degree": "JD", "class_year": 2002, "is_primary": False}]
    assert francois.fields["street"] == "4 Rue Basse\nApt 2"
    assert francois.fields["constituent_codes"] == ["alumnus", "parent"]
    assert "employer" not in francois.fields and francois.fields["phone"] == "04 72 00 00 00"


def test_salesforce() -> None:
    _found, (ngozi, sam) = opened("salesforce.csv")
    assert ngozi.fields["job_title"] == "Chief Engineer" and ngozi.fields["title"] == "Dr."
    assert ngozi.fields["solicit_codes"] == ["do_not_call"] and "employer" not in ngozi.fields
    assert sam.fields["solicit_codes"] == ["do_not_email"] and sam.fields["employer"] == "Lakeside School"
    assert sam.fields["postal_code"] == "02134" and sam.fields["external_ids"] == ["salesforce:0035g00000AbCdF"]


def test_npsp_template() -> None:
    found, (ruth,) = opened("npsp.csv")
    assert ruth.fields == {"title": "Mrs.", "first_name": "Ruth", "last_name": "Cohen", "email": "ruth@example.org",
                           "city": "Haifa"}
    assert by_heading(found)["Contact2 First Name"].reason
    assert set(found.unmapped) == {"Contact2 First Name", "Donation Amount"}


def test_google_contacts() -> None:
    _found, (wang,) = opened("google-contacts.csv")
    assert wang.fields["email"] == "ming@example.org"
    assert wang.fields["other_emails"] == ["ming.w@example.org", "ming@tea.example"]
    assert (wang.fields["mobile"], wang.fields["phone"]) == ("+86 10 5550 0100", "+86 10 5550 0199")
    assert wang.left_out == ["Phone 1 - Value"]  # a second mobile, with the home phone in the other place
    assert wang.fields["city"] == "Hangzhou" and wang.fields["birth_date"] == "1980-05-09"
    _found, (ada,) = opened("google-contacts-old.csv")
    assert ada.fields == {"first_name": "Ada", "last_name": "de la Cruz", "former_names": ["Reyes"],
                          "email": "ada@example.org", "mobile": "0170 5550100"}


def test_eventbrite() -> None:
    _found, (ann, bo, cy) = opened("eventbrite-classic.csv")
    assert [entry.answer for entry in (ann, bo, cy)] == ["yes", "no", "cancelled"]
    assert ann.fields["street"] == "1 Elm St\nFlat 2" and ann.fields["employer"] == "City Hospital"
    _found, (ann, bo) = opened("eventbrite-2023.csv")
    assert (bo.fields["first_name"], bo.fields["last_name"], bo.fields["email"]) == ("Bo", "Day", "bo@example.org")
    _found, (ann,) = opened("eventbrite-2025.csv")
    assert (ann.fields["last_name"], ann.fields["city"]) == ("Lee", "Boston")


def test_other_languages_and_date_question() -> None:
    found, (joerg,) = opened("german.csv")
    assert joerg.fields["last_name"] == "Weiß" and joerg.fields["postal_code"] == "01067"
    assert joerg.fields["birth_date"] == "1976-04-03" and joerg.fields["former_names"] == ["Groß"]
    assert joerg.educations == [{"major": "Physik", "class_year": 1998}]
    found, (eva,) = opened("outlook.csv")
    question = by_heading(found)["Birthday"].question
    assert question and (question.month_first, question.day_first) == ("1980-09-05", "1980-05-09")
    assert question.likelier is None and "birth_date" not in eva.fields and eva.left_out == ["Birthday"]
    assert opened("outlook.csv", "dmy")[1][0].fields["birth_date"] == "1980-05-09"
    assert eva.fields["city"] == "Warszawa" and eva.fields["other_emails"] == ["eva@work.example"]


def test_plain_list() -> None:
    found, (ann, sam, cher) = opened("plain.csv")
    assert by_heading(found)["Password"].sure is Sure.REFUSED
    assert ann.fields == {"title": "Dr.", "first_name": "Ann", "last_name": "Lee", "class_year": 1998,
                          "email": "ann@example.org", "city": "Boston"}
    assert sam.fields["deceased"] is True and sam.fields["last_name"] == "O'Brien"
    assert sam.fields["solicit_codes"] == ["do_not_call", "do_not_solicit"]
    assert cher.fields["first_name"] == "Cher" and "email" not in cher.fields
    assert cher.left_out == ["Email"]
    assert cher.fields["solicit_codes"] == ["do_not_contact"]


def test_a_wish_is_kept_or_named() -> None:
    headings = ["First Name", "Unsubscribed", "Do Not Call", "Contact Preferences", "Deceased"]
    make = entry_maker(recognise(headings, []), TODAY)
    dated = make(["Ana", "2023-04-01 10:00:00", "No", "", ""])
    assert dated.fields["solicit_codes"] == ["do_not_email"] and dated.left_out == []
    worded = make(["Bo", "asked in May", "only at weekends", "Please leave alone", "so they say"])
    assert "solicit_codes" not in worded.fields and "deceased" not in worded.fields and worded.left_out == headings[1:]


@pytest.mark.parametrize(("text", "codes"), [
    ("Do not call or email", {"do_not_call", "do_not_email"}), ("No mail/phone", {"do_not_mail", "do_not_call"}), ("No e-mail", {"do_not_email"}),
    ("No more mailings", {"do_not_mail"}), ("Do not send me mail", {"do_not_mail"}),
    ("Do not call, email or mail", {"do_not_call", "do_not_email", "do_not_mail"}), ("No phone; Email", {"do_not_call"}),
    ("No phone, email is fine", {"do_not_call"}), ("No phone solicitation", {"do_not_call"}), ("Do not contact", {"do_not_contact"}), ("Call", set()),
])
def test_all_that_somebody_does_not_want_is_kept(text: str, codes: set[str]) -> None:
    assert set(cleaning.solicit_codes(text)) == codes


def test_a_suffix_without_a_name_is_nobody() -> None:
    assert cleaning.split_name(", Jr.") == {"suffix": "Jr."}
    assert entry_maker(recognise(["Full Name"], []), TODAY)([", MD"]).problem


def test_secret_numbers_are_refused_by_their_values() -> None:
    for heading, value in (("ID_NUMBER", "123456789"), ("Number", "123-45-6789"), ("Passwort", "x")):
        column = recognise(["First Name", heading], [["Ann", value]] * 5).columns[1]
        assert column.sure is Sure.REFUSED and column.target is None and column.samples == ()


def test_choice_of_a_column_can_be_changed() -> None:
    found = recognise(["First Name", "Hobby"], [["Ann", "Chess"]])
    assert found.unmapped == ("Hobby",)
    assert found.with_target(1, "notes").columns[1].target == "notes"
    assert found.with_target(0, None).unmapped == ("First Name", "Hobby")


def test_a_column_that_somebody_calls_a_date_asks_and_one_that_they_call_something_else_does_not() -> None:
    found = recognise(["First Name", "Came on"], [["Ann", "03/04/1976"]])
    assert found.unmapped == ("Came on",) and not asks(found.columns[1])
    born = found.with_target(1, "birth_date")
    assert asks(born.columns[1]) and entry_maker(born.with_order("dmy"), TODAY)(["Ann", "03/04/1976"]).fields["birth_date"] == "1976-04-03"
    assert not asks(born.with_target(1, "notes").columns[1])


@pytest.mark.parametrize(("text", "year"), [
    ("1998", 1998), ("'98", 1998), ("’98", 1998), ("98", 1998), ("Class of 98", 1998), ("Class of 1998", 1998),
    ("BA 1998", 1998), ("05", 2005), ("2031", 2031), ("1998-06-01", 1998), ("unknown", None),
    ("2099", None), ("", None), ("MBA'05", 2005), ("'98 P'28", 1998), ("P’28 ’98", 1998), ("P'28", None), ("GP’52", None), ("P2028", None), ("P '28", None),
    ("Parent ’28", None), ("Parent of 2028", None), ("MP'98", 1998),
])
def test_class_years(text: str, year: int | None) -> None:
    assert cleaning.class_year(text, TODAY) == year


def test_a_column_of_classes_with_many_parents_is_read() -> None:
    assert recognise(["Name", "Class"], [["Ana Lima", "1998"], ["Bo Li", "P'28"]] * 5).columns[1].target == "class_year"


@pytest.mark.parametrize(("text", "order", "day"), [
    ("1976-04-03", None, "1976-04-03"), ("19760403", None, "1976-04-03"), ("3.4.1976", "mdy", "1976-04-03"),
    ("03/04/1976", "mdy", "1976-03-04"), ("03/04/1976", "dmy", "1976-04-03"), ("03/04/1976", None, None),
    ("04/04/1976", None, "1976-04-04"), ("28/11/1988", None, "1988-11-28"), ("11/28/88", None, "1988-11-28"),
    ("3 April 1976", None, "1976-04-03"), ("April 3, 1976", None, "1976-04-03"), ("03-Apr-76", None, "1976-04-03"),
    ("3 de abril de 1976", None, "1976-04-03"), ("31/02/1976", None, None), ("--04-03", None, None),
    ("soon", None, None),
    ("1976-04-03 00:00:00", None, "1976-04-03"),
])
def test_dates(text: str, order, day: str | None) -> None:
    assert cleaning.iso_date(text, order, TODAY) == day


@pytest.mark.parametrize(("text", "parts"), [
    ("Ann Lee", ("Ann", None, "Lee")), ("María de la Cruz", ("María", None, "de la Cruz")),
    ("Lee, Ann Marie", ("Ann", "Marie", "Lee")), ("Cher", ("Cher", None, None)),
    ("Imam Santoso", ("Imam", None, "Santoso")), ("Hon Wai Chan", ("Hon", "Wai", "Chan")), ("Dame Diouf", ("Dame", None, "Diouf")),
    ("Dr Ann Lee", ("Ann", None, "Lee")),
    ("Hon. Ann Lee", ("Ann", None, "Lee")), ("John Q. Public Jr.", ("John", "Q.", "Public")), ("Ludwig van Beethoven", ("Ludwig", None, "van Beethoven")),
])
def test_full_names(text: str, parts: tuple[str | None, ...]) -> None:
    found = cleaning.split_name(text)
    assert tuple(found.get(name) for name in ("first_name", "middle_name", "last_name")) == parts


@pytest.mark.parametrize(("text", "kept"), [
    ("علی\u200cرضا", "علی\u200cرضا"), ("ශ්\u200dරී", "ශ්\u200dරී"), ("\U0002ebf1", "\U0002ebf1"), ("\ue000文", "\ue000文"),
    ("Schmidt\u00adbauer", "Schmidtbauer"), ("\u202aAna\u202c \u200bLima", "Ana Lima"), ("山田\u3000太郎", "山田 太郎"), ("Ana\x07 \u00a0Lima", "Ana Lima"),
])
def test_signs_that_join_letters_and_letters_newer_than_the_program_stay_in_a_name(text: str, kept: str) -> None:
    make = entry_maker(recognise(["First Name", "Notes", "Email"], []), TODAY)
    entry = make([text, f"{text}\r\n{text}", "ana@example.org"])
    assert entry.fields["first_name"] == kept
    assert " ".join(entry.fields["notes"].split()) == f"{kept} {kept}"


@pytest.mark.parametrize(("text", "said"), [
    ("Can’t Go", "no"), ("can't attend", "no"), ("Regrets", "no"), ("Not coming", "no"), ("No, sorry!", "no"), ("Coming", "yes"), ("Yes, I'll be there", "yes"),
    ("pending_approval", "invited"), ("No Reply", "invited"), ("No response yet", None), ("Ask me in May", None), ("Peut-être", "maybe"),
])
def test_answers(text: str, said: str | None) -> None:
    assert cleaning.answer(text) == said


@pytest.mark.parametrize(("text", "first", "last", "suffix"), [
    ("Ann Lee, PhD, MBA", "Ann", "Lee", "PhD, MBA"), ("John Smith, Jr., M.D.", "John", "Smith", "Jr., M.D."), ("King, Martin, Jr.", "Martin", "King", "Jr."),
    ("Ann Lee, MSc", "Ann", "Lee", "MSc"), ("Ma, Yo-Yo", "Yo-Yo", "Ma", None), ("Lee, Ma", "Ma", "Lee", None), ("Lee, Ann,", "Ann", "Lee", None),
    ("Ann Lee, MD", "Ann", "Lee", "MD"), ("NGUYEN, BA", "BA", "NGUYEN", None),
])
def test_what_follows_a_name_is_no_name(text: str, first: str, last: str, suffix: str | None) -> None:
    found = cleaning.split_name(text)
    assert (found.get("first_name"), found.get("last_name"), found.get("suffix"), found.get("middle_name")) == (first, last, suffix, None)


def test_emails() -> None:
    assert cleaning.email(" Ann <ann@example.org> ") == "ann@example.org"
    assert cleaning.email("mailto:ann@example.org") == "ann@example.org"
    assert [cleaning.email(bad) for bad in ("ann@", "a b@example.org", "none", "a@b", "@x.org")] == [None] * 5


def test_the_programs_own_word_for_an_id_is_read() -> None:
    assert recognise(["Name", "Office ID"], [["Ana Lima", "00042"]]).columns[1].target == "external_id"
