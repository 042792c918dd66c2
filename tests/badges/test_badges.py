"""Badges lie on their labels, say the right name, carry a code that reads; printed ones are remembered."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest

from alumni_desk.badges.actions import note_printed, use_badge_name
from alumni_desk.badges.lists import heading_of
from alumni_desk.badges.people import BadgePerson, badge_people
from alumni_desk.badges.rosters import roster_csv, roster_pdf, write_roster
from alumni_desk.badges.sheets import Heading, print_badges
from alumni_desk.badges.stocks import MM, stock, stocks
from alumni_desk.errors import BadInput, Refused
from alumni_desk.gatherings.actions import add_guest_of, add_guests
from alumni_desk.gatherings.lists import guest_rows
from alumni_desk.members.actions import add_member
from alumni_desk.paper.preview import page_count, page_picture
from alumni_desk.store.desk import Desk
from alumni_desk.store.erasing import erase


def _pdf(desk: Desk, gathering: str, name: str = "avery-5392", **options: object) -> tuple[bytes, object]:
    out = io.BytesIO()
    report = print_badges(badge_people(desk, gathering), stock(name), out, heading=heading_of(desk, gathering), **options)  # type: ignore[arg-type]
    return out.getvalue(), report


@pytest.mark.parametrize("one", stocks(), ids=lambda one: one.name)
def test_labels_lie_on_the_paper_and_not_on_each_other(one) -> None:
    places = [one.place(number) for number in range(one.per_sheet)]
    for place in places:
        assert place.x >= -0.01 and place.y >= -0.01
        assert place.x + place.width <= one.page[0] + 0.01 and place.y + place.height <= one.page[1] + 0.01
    for n, a in enumerate(places):
        for b in places[n + 1:]:
            assert a.x + a.width <= b.x + 0.01 or b.x + b.width <= a.x + 0.01 or a.y >= b.y + b.height - 0.01 or b.y >= a.y + a.height - 0.01


def test_the_three_stocks_are_the_right_size() -> None:
    assert [(one.name, one.per_sheet, [round(side / MM, 1) for side in one.label]) for one in stocks()] == [
        ("avery-5392", 6, [101.6, 76.2]), ("avery-l4785", 10, [80.0, 50.0]), ("roll-62x100", 1, [100.0, 62.0])]


def test_who_gets_a_badge_and_what_it_calls_them(desk: Desk, gathering: str) -> None:
    assert {(one.big, one.name, one.class_tail, one.host_name) for one in badge_people(desk, gathering)} >= {
        ("Zihan", "Zihan An", "’19", ""), ("Bo", "Bo Chen", "", "Zihan An"), ("Suharto", "", "", ""), ("Beth", "Beth de la Cruz", "’98", ""),
        ("Venkatanarasimhan", "Venkatanarasimhan Bandaru-Krishnamurthy", "’96 P’28 GP’52", "")}
    assert len(badge_people(desk, gathering)) == 7  # not the guest without a name


@pytest.mark.parametrize(("name", "pages"), [("avery-5392", 2), ("avery-l4785", 1), ("roll-62x100", 7)])
def test_every_code_reads_off_the_page(desk: Desk, gathering: str, name: str, pages: int) -> None:
    import zxingcpp
    from PIL import Image

    pdf, _report = _pdf(desk, gathering, name)
    assert page_count(pdf) == pages
    read = set()
    for number in range(pages):
        with Image.open(io.BytesIO(page_picture(pdf, number, 1600))) as image:
            # As the program reads them: of all kinds together a word may pass for a bar code of five digits.
            read |= {code.text for code in zxingcpp.read_barcodes(image.convert("L"), formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode))}
    assert read == {one.code for one in badge_people(desk, gathering)}


def test_the_first_labels_may_be_used_and_one_damaged(desk: Desk, gathering: str) -> None:
    pdf, report = _pdf(desk, gathering, start_at=6)
    assert report.pages == 2 and page_count(pdf) == 2
    assert _pdf(desk, gathering, start_at=5, skip=[6])[1].pages == 2
    with pytest.raises(BadInput):
        _pdf(desk, gathering, start_at=7)


def test_the_same_people_give_the_same_bytes(desk: Desk, gathering: str) -> None:
    assert _pdf(desk, gathering)[0] == _pdf(desk, gathering)[0]


def test_only_those_not_yet_printed(desk: Desk, gathering: str) -> None:
    people = badge_people(desk, gathering)
    note_printed(desk, gathering, people[:3])
    assert [one.registration for one in badge_people(desk, gathering, only_new=True)] == [one.registration for one in people[3:]]


def test_a_formula_in_a_name_stays_text(desk: Desk, gathering: str, tmp_path: Path) -> None:
    import openpyxl

    rows, heading = guest_rows(desk, gathering), heading_of(desk, gathering)
    line = next(line for line in roster_csv(rows).splitlines() if "HYPERLINK" in line)
    assert line.startswith("\"'=HYPERLINK")
    write_roster(rows, tmp_path / "roster.xlsx", heading)
    sheet = openpyxl.load_workbook(tmp_path / "roster.xlsx").active
    cells = [cell for row in sheet.iter_rows() for cell in row if cell.value]
    assert any(str(cell.value).startswith("=HYPERLINK") for cell in cells) and all(cell.data_type == "s" for cell in cells)


def test_the_roster_has_everybody_and_refuses_other_endings(desk: Desk, gathering: str, tmp_path: Path) -> None:
    import pypdfium2

    out = io.BytesIO()
    assert roster_pdf(guest_rows(desk, gathering), out, heading_of(desk, gathering)).pages == 1
    document = pypdfium2.PdfDocument(out.getvalue())
    page = document[0]
    words = page.get_textpage().get_text_bounded()
    document.close()
    assert "Zihan An" in words and "Name to come" in words and "Beth de la Cruz" in words and "Autumn Reception" in words
    with pytest.raises(BadInput):
        write_roster([], tmp_path / "roster.doc", heading_of(desk, gathering))
    assert not list(tmp_path.glob("*roster*"))


@pytest.mark.parametrize(("fields", "big", "name"), [
    ({"first_name": "Zoë", "preferred_name": "Zoë Ann", "last_name": "Lindqvist"}, "Zoë Ann", "Zoë Ann Lindqvist"),
    ({"first_name": "Mai", "preferred_name": "Nguyễn Thị", "last_name": "Trần"}, "Nguyễn Thị", "Nguyễn Thị Trần"),
    ({"first_name": "Chen", "preferred_name": "Li Chen", "last_name": "Chen"}, "Li", "Li Chen"),
    ({"first_name": "Zihan", "preferred_name": "An Zihan", "last_name": "An"}, "An Zihan", ""),
])  # fmt: skip
def test_the_whole_name_is_on_every_badge(desk: Desk, gathering: str, fields: dict[str, str], big: str, name: str) -> None:
    """A preferred name of several words must not swallow the last name."""
    person = add_member(desk, **fields).id
    add_guests(desk, gathering, [person])
    badge = next(one for one in badge_people(desk, gathering) if one.person == person)
    assert (badge.big, badge.name) == (big, name)


@pytest.mark.parametrize(("typed", "big", "name"), [
    ("Ana Keller", "Ana Keller", ""),
    ("Ana  Keller-Ruiz", "Ana Keller-Ruiz", ""),
    ("Anita Ruiz", "Anita", "Anita Ruiz"),
    ("Anita", "Anita", ""),
])  # fmt: skip
def test_a_name_that_was_typed_for_the_badge_stands_on_it_as_typed(desk: Desk, gathering: str, typed: str, big: str, name: str) -> None:
    """The member's own last name is not printed below another one, in the PDF and in the preview, which is the same PDF."""
    import pypdfium2

    person = add_member(desk, first_name="Ana", last_name="Ruiz").id
    add_guests(desk, gathering, [person])
    badge = next(one for one in badge_people(desk, gathering) if one.person == person)
    assert (badge.big, badge.name) == ("Ana", "Ana Ruiz")
    use_badge_name(desk, badge.registration, typed)
    [badge] = [one for one in badge_people(desk, gathering) if one.person == person]
    assert (badge.big, badge.name) == (big, name)
    out = io.BytesIO()
    print_badges([badge], stock("avery-5392"), out, heading=Heading("Chapter", "", "Gathering", "Day"))
    document = pypdfium2.PdfDocument(out.getvalue())
    said = document[0].get_textpage().get_text_bounded()
    document.close()
    assert ("Ruiz" in said) == ("Ruiz" in typed)


@pytest.mark.parametrize("big", ["Nguyễn Thị Ngọc Quỳnh Hương", "Maria Gjergj-Gjergji Þórgunnur", "प्रतिभा कुमुद चतुर्वेदी", "မြန်မာ", "အောင်ကြည် မြန်မာကြည် အောင်ကြည်",
                                 "يحيى"])
def test_nothing_touches_the_big_name(big: str) -> None:
    """Between the ink of the big name and the ink of the line below it there is air."""
    from PIL import Image

    person = BadgePerson("r", "p", big, "H" * 8, "", "", None, "", "", "")
    out = io.BytesIO()
    one = stock("avery-5392")
    print_badges([person], one, out, heading=Heading("Chapter", "", "Gathering", "Day"))
    scale = 4
    with Image.open(io.BytesIO(page_picture(out.getvalue(), 0, round(one.page[0] * scale)))) as image:
        place = one.place(0)
        left, top = place.x * scale, (one.page[1] - place.y - place.height + 50) * scale
        label = image.convert("L").crop((round(left) + 4, round(top), round(left + place.width * scale) - 4, round(top + (place.height - 54) * scale)))
        rows = [label.crop((0, y, label.width, y + 1)).getextrema()[0] < 140 for y in range(label.height)]
    last = max(y for y, ink in enumerate(rows) if ink)
    while rows[last]:
        last -= 1  # up to the top of the line below
    assert max(y for y, ink in enumerate(rows) if ink) - last < 11 * scale  # which stands alone
    air = 0
    while not rows[last - air]:
        air += 1
    assert air >= 5 * scale  # a mark on a capital is 4 pt high


def test_the_roster_has_column_heads_and_nothing_too_small_to_read(desk: Desk, gathering: str) -> None:
    import pypdfium2

    host = next(one for one in guest_rows(desk, gathering) if one.name.startswith("Venkat"))
    add_guest_of(desk, gathering, host.registration, "Ana María de los Ángeles Fernández-Villaverde")
    out = io.BytesIO()
    roster_pdf(guest_rows(desk, gathering) * 8, out, heading_of(desk, gathering))
    document = pypdfium2.PdfDocument(out.getvalue())
    assert len(document) > 1
    for number in range(len(document)):
        page = document[number]
        text = page.get_textpage()
        words = text.get_text_bounded()
        assert all(title in words for title in ("Name", "Class", "City", "notes"))
        for n in range(text.count_chars()):
            _left, low, right, high = text.get_charbox(n)
            assert low > 20 and right < 612 - 40  # inside the page's margins
            if text.get_text_range(n, 1) in "gy":
                assert high - low > 5.5  # descending letters of 8 pt
        text.close()
        page.close()
    document.close()


@pytest.mark.parametrize(("first", "last", "left"), [
    ("ᏣᎳᎩ", "ᎠᏂ", "______ _____"), ("བསྟན་འཛིན", "Dorje", "____________ Dorje"), ("ނާޝިދު", "Ali", "_________ Ali"), ("ߞߊ߲ߘߍ", "Keita", "________ Keita"),
    ("ܐܒܪܗܡ", "Malke", "________ Malke")])  # fmt: skip
def test_a_name_that_no_font_has_is_told_and_leaves_a_line_to_write_on(desk: Desk, gathering: str, first: str, last: str, left: str) -> None:
    """The roster had a row without a name, and said nothing."""
    import pypdfium2

    add_guests(desk, gathering, [add_member(desk, first_name=first, last_name=last).id])
    out = io.BytesIO()
    [look] = roster_pdf(guest_rows(desk, gathering), out, heading_of(desk, gathering)).looks
    assert look.name == f"{first} {last}" and look.reason.endswith("cannot be printed") and first[0] in look.reason
    badges, report = _pdf(desk, gathering)
    [badge] = [one for one in report.looks if "cannot" in one.reason]  # type: ignore[attr-defined]
    assert badge.name == look.name and badge.instead == ""  # without its letters it would be another name
    for pdf in (out.getvalue(), badges):
        document = pypdfium2.PdfDocument(pdf)
        words = " ".join(page.get_textpage().get_text_bounded() for page in document)
        document.close()
        assert left.split()[0] in words and left.split()[1] in words


def test_a_name_that_is_shortened_is_told_and_none_is_unreadable(desk: Desk, gathering: str) -> None:
    """The roster and the line below the big name had set it at 2 points."""
    import pypdfium2

    for first, last in (("W" * 40, "M" * 30), ("Q" * 300, "R" * 150)):
        add_guests(desk, gathering, [add_member(desk, first_name=first, last_name=last, city="Z" * 90).id])
    out = io.BytesIO()
    looks = roster_pdf(guest_rows(desk, gathering), out, heading_of(desk, gathering)).looks
    assert {look.name[0]: look.reason for look in looks} == {"Q": "Long: does not fit, ends in “…”"}
    badges, report = _pdf(desk, gathering, "avery-l4785")
    assert next(look.reason for look in report.looks if look.name[0] == "Q") == "Long: does not fit, ends in “…”"  # type: ignore[attr-defined]
    for pdf in (out.getvalue(), badges):
        document = pypdfium2.PdfDocument(pdf)
        for page in document:
            text = page.get_textpage()
            for n in range(text.count_chars()):
                _left, low, _right, high = text.get_charbox(n)
                assert text.get_text_range(n, 1) not in ("W", "M", "Q", "R") or high - low > 3.9  # a capital of under 6 pt
            text.close()
        document.close()


def test_a_host_whose_name_cannot_be_printed_is_told_at_the_guest(desk: Desk, gathering: str) -> None:
    add_guests(desk, gathering, [add_member(desk, first_name="ᏣᎳᎩ", last_name="Smith").id])
    host = next(one for one in guest_rows(desk, gathering) if one.last_name == "Smith")
    add_guest_of(desk, gathering, host.registration, "Zoë Smith")
    badge = next(one for one in _pdf(desk, gathering)[1].looks if one.name == "Zoë Smith")  # type: ignore[attr-defined]
    assert badge.reason == "Ꮳ Ꮃ Ꭹ cannot be printed" and badge.elsewhere
    looks = roster_pdf(guest_rows(desk, gathering), io.BytesIO(), heading_of(desk, gathering)).looks
    assert [look.name for look in looks] == ["ᏣᎳᎩ Smith", "Zoë Smith"]


@pytest.mark.parametrize("more", [{"city": "Llanfairpwllgwyngyll " * 8}, {"host_name": "Maximiliane von und zu " * 8}, {"class_tail": "’96 P’28 GP’52 " * 12}])
def test_what_is_shortened_below_the_name_of_a_badge_is_told(more: dict[str, str]) -> None:
    said = {"city": "Boston", "host_name": "", "class_tail": "’96", **more}
    person = BadgePerson("r", "p", "Ana", "Ana Lima", "", said["class_tail"], None, said["city"], "", said["host_name"])
    [look] = print_badges([person], stock("avery-5392"), io.BytesIO(), heading=Heading("Chapter", "", "Dinner", "Day")).looks
    assert look.elsewhere and look.reason == "Long: does not fit, ends in “…”"


def test_a_note_for_the_door_that_the_roster_shortens_is_told(desk: Desk, gathering: str) -> None:
    row = replace(guest_rows(desk, gathering)[0], door_note="Ask-" + "x" * 2_000)
    looks = roster_pdf([row], io.BytesIO(), heading_of(desk, gathering)).looks
    assert [(look.registration, look.reason) for look in looks] == [(row.registration, "Long: does not fit, ends in “…”")]


def test_whoever_was_erased_gets_no_name_on_a_badge_again(desk: Desk, gathering: str) -> None:
    person = add_member(desk, first_name="Ana", last_name="Ruiz").id
    [registration] = add_guests(desk, gathering, [person]).registrations
    erase(desk, [person], remake_backups=False)
    with pytest.raises(Refused, match="no name is kept"):
        use_badge_name(desk, registration, "Ana Ruiz")
    with desk.reading() as connection:
        assert connection.exec_driver_sql("SELECT badge_name FROM registration WHERE id = ?", (registration,)).scalar() is None
