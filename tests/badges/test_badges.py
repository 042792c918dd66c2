"""Badges lie on their labels, say the right name, carry a code that reads; printed ones are remembered."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from alumni_desk.badges.actions import note_printed
from alumni_desk.badges.lists import heading_of
from alumni_desk.badges.people import badge_people
from alumni_desk.badges.rosters import roster_csv, roster_pdf, write_roster
from alumni_desk.badges.sheets import print_badges
from alumni_desk.badges.stocks import MM, stock, stocks
from alumni_desk.errors import BadInput
from alumni_desk.gatherings.lists import guest_rows
from alumni_desk.paper.preview import page_count, page_picture
from alumni_desk.store.desk import Desk


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
            read |= {code.text for code in zxingcpp.read_barcodes(image.convert("L"))}
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
    assert roster_pdf(guest_rows(desk, gathering), out, heading_of(desk, gathering)) == 1
    document = pypdfium2.PdfDocument(out.getvalue())
    page = document[0]
    words = page.get_textpage().get_text_bounded()
    document.close()
    assert "Zihan An" in words and "Name to come" in words and "Beth de la Cruz" in words and "Autumn Reception" in words
    with pytest.raises(BadInput):
        write_roster([], tmp_path / "roster.doc", heading_of(desk, gathering))
    assert not list(tmp_path.glob("*roster*"))
