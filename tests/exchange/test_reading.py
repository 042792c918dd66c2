"""Tables are read as a stream from whatever encoding, delimiter and layout they come in."""

from __future__ import annotations

import csv
import io
import struct
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alumni_desk.errors import BadInput
from alumni_desk.exchange.reading import read_table

PEOPLE = "First Name;Last Name;E-mail;City\nZoë;Müller;zoe@example.org;Köln\nJosé;Núñez;jose@example.org;Málaga\n"


def read(folder: Path, content: bytes | str, name: str = "list.csv", encoding: str = "utf-8"):
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return read_table(file)


def cells(table) -> list[list[str]]:
    return [row.cells for row in table.rows()]


@pytest.mark.parametrize(("codec", "mark", "name"), [
    ("utf-8", b"", "UTF-8"), ("utf-8", b"\xef\xbb\xbf", "UTF-8"), ("utf-16-le", b"\xff\xfe", "UTF-16"),
    ("utf-16-be", b"\xfe\xff", "UTF-16"), ("utf-16-le", b"", "UTF-16"), ("utf-16-be", b"", "UTF-16"),
    ("cp1252", b"", "Windows-1252"), ("utf-16", b"", "UTF-16"),
])
def test_encodings(tmp_path: Path, codec: str, mark: bytes, name: str) -> None:
    table = read(tmp_path, mark + PEOPLE.encode(codec))
    assert table.encoding == name
    assert table.headers == ("First Name", "Last Name", "E-mail", "City")
    assert cells(table) == [["Zoë", "Müller", "zoe@example.org", "Köln"],
                            ["José", "Núñez", "jose@example.org", "Málaga"]]


@pytest.mark.parametrize(("codec", "names"), [
    ("cp1251", ["Анна;Каренина", "Фёдор;Достоевский", "Мария;Шарапова", "Владимир;Вернадский"]),
    ("cp932", ["花子;山田", "太郎;鈴木", "さくら;高橋", "健一;田中"]),
    ("cp1253", ["Ελένη;Παπαδοπούλου", "Γιώργος;Αντωνίου", "Κατερίνα;Δημητρίου"]),
])
def test_other_alphabets(tmp_path: Path, codec: str, names: list[str]) -> None:
    text = "First Name;Last Name\n" + "\n".join(names * 5) + "\n"
    assert cells(read(tmp_path, text, encoding=codec))[: len(names)] == [name.split(";") for name in names]


def test_foreign_byte_in_utf8_is_mended(tmp_path: Path) -> None:
    good = "First Name,City\n" + "Zoë,Köln\n" * 20
    table = read(tmp_path, good.encode() + "José,Málaga\n".encode("cp1252"))
    assert cells(table)[-1] == ["José", "Málaga"]
    assert cells(table)[0] == ["Zoë", "Köln"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters(tmp_path: Path, delimiter: str) -> None:
    rows = [["First Name", "Last Name", "E-mail"], ["Ann", "O'Brien", "ann@example.org"], ["Bo", "de la Cruz", ""]]
    table = read(tmp_path, "\n".join(delimiter.join(row) for row in rows))
    assert table.delimiter == delimiter
    assert [list(table.headers), *cells(table)] == rows


def test_sep_line_and_commas_inside(tmp_path: Path) -> None:
    table = read(tmp_path, "sep=;\r\nName;Address\r\nAnn Lee;1, Elm Street, Flat 2\r\n")
    assert table.headers == ("Name", "Address")
    assert cells(table) == [["Ann Lee", "1, Elm Street, Flat 2"]]


@pytest.mark.parametrize("said", ["", '"'])
def test_a_sep_line_that_names_nothing_is_passed_over(tmp_path: Path, said: str) -> None:
    table = read(tmp_path, f"sep={said}\r\nFirst Name;Last Name;E-mail\r\nAnn;Lee;ann@example.org\r\n")
    assert table.headers == ("First Name", "Last Name", "E-mail") and cells(table) == [["Ann", "Lee", "ann@example.org"]]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_and_quoted_line_breaks(tmp_path: Path, end: str) -> None:
    table = read(tmp_path, f'Name,Address{end}"Lee, Ann","1 Elm St{end}Flat ""B"""{end}{end}Bo,2 Oak Ave{end}')
    assert cells(table) == [["Lee, Ann", f'1 Elm St{end}Flat "B"'], ["Bo", "2 Oak Ave"]]
    assert [row.number for row in table.rows()] == [1, 2]


def test_duplicate_and_missing_headings(tmp_path: Path) -> None:
    table = read(tmp_path, "Name,E-mail,E-mail,,E-mail\nAnn,a@example.org,b@example.org,x,c@example.org\n")
    assert table.headers == ("Name", "E-mail", "E-mail (2)", "Column 4", "E-mail (3)")


def test_ragged_rows(tmp_path: Path) -> None:
    table = read(tmp_path, "First Name,Last Name,City\nAnn\nBo,Lee,Rome,,\nCy,Day,Bonn,extra\n , ,\n")
    rows = list(table.rows())
    assert rows[0].cells == ["Ann", "", ""] and rows[0].problem is None
    assert rows[1].cells == ["Bo", "Lee", "Rome"] and rows[1].problem is None
    assert rows[2].problem == "4 cells, but the file has 3 columns"
    assert len(rows) == 3


def test_preambles(tmp_path: Path) -> None:
    linkedin = read(tmp_path, 'Notes:\n"When exporting your connection data, you may notice, that some miss."\n\n'
                    "First Name,Last Name,URL,Email Address,Company,Position,Connected On\n"
                    "Ann,Lee,,a@example.org,Acme,Boss,\n")
    assert linkedin.headers[0] == "First Name" and len(cells(linkedin)) == 1
    npsp = read(tmp_path, "NPSP Data Import\nOne row per gift\nDo not change headings\nDelete these lines\n"
                "Contact1 First Name,Contact1 Last Name,Home City\n"
                "NPSP__CONTACT1_FIRSTNAME__C,NPSP__CONTACT1_LASTNAME__C,NPSP__HOME_CITY__C\nAnn,Lee,Rome\n")
    assert npsp.headers == ("Contact1 First Name", "Contact1 Last Name", "Home City")
    assert cells(npsp) == [["Ann", "Lee", "Rome"]]
    zoom = read(tmp_path, "Attendee Report\nTopic,Webinar ID,Actual Start Time\nReunion,123 456,11/12/2026\n\n"
                "Host Details\n"
                "Attended,User Name (Original Name),First Name,Last Name,Email\nYes,Desk,The,Desk,desk@example.org\n"
                "Attendee Details\nAttended,User Name (Original Name),First Name,Last Name,Email\n"
                "Yes,Ann,Ann,Lee,ann@example.org\n")
    assert cells(zoom) == [["Yes", "Ann", "Ann", "Lee", "ann@example.org"]]


def test_no_headings_at_all(tmp_path: Path) -> None:
    table = read(tmp_path, "Ann,Lee,ann@example.org\nBo,Day,bo@example.org\n")
    assert table.headers == ("Column 1", "Column 2", "Column 3")
    assert len(cells(table)) == 2


def test_long_rows_are_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    lines = ["First Name,Notes", "Ann,short", "Bo," + "x" * 70_000, "Cy," + "y" * 1_000_000, "Di,short",
             "Ed," + "z" * 3_000_000, "Flo,short"]
    rows = list(read(tmp_path, "\n".join(lines) + "\n").rows())
    assert [row.number for row in rows if row.problem is None] == [1, 4, 6]
    assert rows[1].problem == "a cell is longer than 65,536 characters"
    assert rows[2].problem and rows[4].problem and rows[4].cells[0] == "Ed"
    assert rows[5].cells == ["Flo", "short"]


@pytest.mark.parametrize("after", [3, 5_000])
def test_a_quote_that_never_closes_costs_one_row(tmp_path: Path, after: int) -> None:
    more = "".join(f"Bo{number},Day,Rome\n" for number in range(after))
    rows = list(read(tmp_path, f'First Name,Last Name,City\nAnn,"Lee,Boston\n{more}').rows())
    assert rows[0].problem == "a quotation mark opens and never closes" and rows[0].cells[0] == "Ann"
    assert [row.problem for row in rows[1:]] == [None] * after
    assert rows[-1].cells == [f"Bo{after - 1}", "Day", "Rome"]


def test_wide_row_of_a_megabyte(tmp_path: Path) -> None:
    heads = ",".join(["Name", *(f"Q{i}" for i in range(39))])
    wide = ",".join(["Ann"] + ["x" * 30_000] * 39)
    rows = list(read(tmp_path, f"{heads}\n{wide}\nBo{',' * 39}\n").rows())
    assert rows[0].problem == "the row is longer than 1 MB"
    assert rows[1].problem is None


def test_too_many_columns(tmp_path: Path) -> None:
    head = ",".join(["First Name", *(f"Column {i}" for i in range(299))])
    with pytest.raises(BadInput) as caught:
        read(tmp_path, head + "\nAnn" + "," * 299 + "\n", name="wide.csv")
    assert str(caught.value) == ("wide.csv has 300 columns, and Alumni Desk reads up to 256. "
                                 "Remove columns that you do not need and save it again.")


def packed(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return out.getvalue()


@pytest.mark.parametrize(("content", "code", "says"), [
    (b"", "import_empty", "is empty"),
    (b"\xef\xbb\xbf \r\n\r\n", "import_empty", "is empty"),
    (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", "import_pdf", "is a PDF, not a table"),
    (packed("[Content_Types].xml", "xl/workbook.xml"), "import_excel", "is an Excel workbook"),
    (packed("mimetype", "content.xml"), "import_spreadsheet", "spreadsheet document"),
    (packed("word/document.xml"), "import_document", "text document"),
    (packed("members.csv"), "import_archive", "packed file"),
    (b"\x1f\x8b\x08\0\0\0", "import_archive", "packed file"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), "import_old_excel", "old Excel"),
    (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "import_picture", "is a picture"),
    (b"\xff\xd8\xff\xe0\0\x10JFIF", "import_picture", "is a picture"),
    (b"<!DOCTYPE html><table><tr><td>Name", "import_web_page", "web page"),
    (b"BEGIN:VCARD\nFN:Ann", "import_vcard", "contact cards"),
    (b'[{"name": "Ann"}]', "import_json", "JSON"),
    (b"SQLite format 3\0rest", "import_database", "database"),
    (struct.pack("<200I", *range(1, 80_000_000, 400_001)), "import_not_text", "not a text file"),
])
def test_what_is_no_table_is_said_in_one_sentence(tmp_path: Path, content: bytes, code: str, says: str) -> None:
    with pytest.raises(BadInput) as caught:
        read(tmp_path, content, name="odd.csv")
    assert caught.value.code == code
    assert says in str(caught.value) and str(caught.value).startswith("odd.csv ") and "{" not in str(caught.value)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="There is no file"):
        read_table(tmp_path / "absent.csv")
    with pytest.raises(BadInput, match="is a folder"):
        read_table(tmp_path)


word = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=12) | st.sampled_from(
    ['say "hi"', "a,b;c\td|e", "two\nlines", "Zoë", "王小明", "=1+1", "' leading"])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(word, min_size=3, max_size=3), max_size=8), st.sampled_from(",;\t|"),
       st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]), st.sampled_from(["\r\n", "\n"]))
def test_every_written_table_reads_back_the_same(tmp_path_factory, rows, delimiter, encoding, end) -> None:
    file = tmp_path_factory.mktemp("back") / "list.csv"
    headings = ["First Name", "Last Name", "Notes"]
    with file.open("w", encoding=encoding, newline="") as out:
        csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL).writerows([headings, *rows])
    table = read_table(file)
    assert list(table.headers) == headings
    assert cells(table) == [row for row in rows if any(cell.strip() for cell in row)]


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400) | st.builds(
    lambda parts: b"".join(parts), st.lists(st.sampled_from(
        [b"First Name,E-mail\n", b'"', b",", b";", b"\r", b"\n", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"Ann", b"\xe9",
         b"\xc3\xa9", b"sep=;\n", b"=", b"\x80\x81", "王".encode(), "a;é\n".encode("utf-16")]), max_size=25)))
def test_any_bytes_are_a_table_or_one_sentence(tmp_path_factory, content: bytes) -> None:
    file = tmp_path_factory.mktemp("any") / "any.csv"
    file.write_bytes(content)
    try:
        table = read_table(file)
    except BadInput as refused:
        assert str(refused).startswith("any.csv ")
        return
    rows = list(table.rows())
    assert all(len(row.cells) >= len(table.headers) for row in rows)
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))
    "".join(cell for row in rows for cell in row.cells).encode()  # no half letters
