"""The import and export commands as somebody types them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

FILES = Path(__file__).parent / "files"


def desk(folder: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs a command in a profile of its own."""
    environment = {**os.environ, "ALUMNI_DESK_PASSPHRASE": "made up for the test"}
    return subprocess.run([sys.executable, "-m", "alumni_desk", "--profile", str(folder / "profile"), *map(str, words)],
                          capture_output=True, text=True, encoding="utf-8", env=environment, timeout=120)


def test_import_and_export(tmp_path: Path) -> None:
    tried = desk(tmp_path, "import", FILES / "raisers-edge.csv", "--dry-run", "--json")
    wanted = {"recognised": "raisers-edge", "rows": 2, "added": 2, "updated": 0, "unchanged": 0, "rejected": 0}
    assert (tried.returncode, tried.stderr) == (0, "")
    assert json.loads(tried.stdout) == wanted
    assert json.loads(desk(tmp_path, "import", FILES / "raisers-edge.csv", "--json").stdout) == wanted
    again = desk(tmp_path, "import", FILES / "raisers-edge.csv")
    assert "2 rows: 0 added, 0 updated, 2 unchanged, 0 rejected" in again.stdout
    assert "SSN" in again.stdout  # named as not read
    out = tmp_path / "all.ndjson"
    report = json.loads(desk(tmp_path, "export", "-o", out, "--json").stdout)
    assert report["rows"] == len(out.read_text("utf-8").splitlines())


def test_headings_that_are_there_twice(tmp_path: Path) -> None:
    twice = tmp_path / "twice.csv"
    twice.write_text("First Name,Last Name,Email,Email,Phone,Phone,City,City\n"
                     "Ana,Bo,ana@example.org,bo@example.org,617 1,617 2,Boston,Salem\nCy,Di,,,,617 3,,Lynn\n", "utf-8")
    said = desk(tmp_path, "import", twice)
    assert said.returncode == 0 and "1 value in “City (2)” could not be used and was left out." in said.stdout
    ana = json.loads(desk(tmp_path, "member", "show", "ana", "--json").stdout)["fields"]
    assert (ana["email"], ana["other_emails"], ana["phone"], ana["mobile"], ana["city"]) == ("ana@example.org", ["bo@example.org"], "617 1", "617 2", "Boston")
    cy = json.loads(desk(tmp_path, "member", "show", "cy", "--json").stdout)["fields"]
    assert (cy["phone"], cy["mobile"], cy["city"]) == ("617 3", None, "Lynn")
    thrice = tmp_path / "thrice.csv"
    thrice.write_text("First Name,Last Name,Phone,Phone,Mobile\nEd,Fo,617 1,617 2,617 3\n", "utf-8")
    assert "1 value in “Phone (2)” could not be used" in desk(tmp_path, "import", thrice).stdout
    ed = json.loads(desk(tmp_path, "member", "show", "ed", "--json").stdout)["fields"]
    assert (ed["phone"], ed["mobile"]) == ("617 1", "617 3")


def test_a_list_without_headings(tmp_path: Path) -> None:
    desk(tmp_path, "gathering", "new", "Dinner", "--start", "2030-01-02T18:30", "--end", "2030-01-02T20:30")
    bare = tmp_path / "bare.csv"
    for text in ("Ana,Bo,ana@example.org\n", "Ana,Bo,1998\nCy,Di,2001\n", "Ana,Bo,ana@example.org\nCity,Li,li@example.org\nCollege,Ng,\n"):
        bare.write_text(text, "utf-8")
        for words in (["import", bare], ["import", bare, "--dry-run"], ["guests", "next", "--import", bare]):
            refused = desk(tmp_path, *words, "--json")
            assert refused.returncode == 1 and "first line" in refused.stderr and "for example First Name" in refused.stderr, (text, refused)
    assert json.loads(desk(tmp_path, "members", "--json").stdout) == json.loads(desk(tmp_path, "guests", "next", "--json").stdout) == []


def test_the_rejects_never_take_the_place_of_the_list(tmp_path: Path) -> None:
    desk(tmp_path, "gathering", "new", "Dinner", "--start", "2030-01-02T18:30", "--end", "2030-01-02T20:30")
    people = tmp_path / "people.csv"
    people.write_text("First Name,Last Name,Email,Notes\nAna,Bo,not an address,\n,,,nobody\n", "utf-8")
    before = people.read_bytes()
    link, hard = tmp_path / "link.csv", tmp_path / "hard.csv"
    link.symlink_to(people)
    hard.hardlink_to(people)
    for out in (people, link, hard, tmp_path / "." / "people.csv"):
        for words in (["import", people], ["guests", "next", "--import", people]):
            refused = desk(tmp_path, *words, "--rejects", out, "--json")
            assert refused.returncode == 1 and "people.csv, the list itself" in refused.stderr, refused
    assert people.read_bytes() == before and link.is_symlink()
    assert json.loads(desk(tmp_path, "members", "--json").stdout) == []
    out = tmp_path / "rejects.csv"
    taken = desk(tmp_path, "guests", "next", "--import", people, "--rejects", out)
    assert taken.returncode == 0 and "1 value in “Email” could not be used and was left out." in taken.stdout
    assert "1 was new here and became a guest." in taken.stdout and "Row 2: neither a name" in taken.stdout and "rejected rows are in" in taken.stdout
    assert "nobody" in out.read_text("utf-8-sig")


def test_a_file_that_is_no_list_takes_no_backups_place(tmp_path: Path) -> None:
    desk(tmp_path, "gathering", "new", "Dinner", "--start", "2030-01-02T18:30", "--end", "2030-01-02T20:30")
    assert desk(tmp_path, "import", FILES / "plain.csv").returncode == 0
    for words in (["import", tmp_path / "mistyped.csv"], ["guests", "next", "--import", tmp_path / "mistyped.csv"]):
        assert "There is no file" in desk(tmp_path, *words).stderr
    assert json.loads(desk(tmp_path, "backups", "--json").stdout) == []


def test_what_the_world_says_no_to(tmp_path: Path) -> None:
    pdf = tmp_path / "members.csv"
    pdf.write_bytes(b"%PDF-1.7\n1 0 obj")
    refused = desk(tmp_path, "import", pdf, "--json")
    assert refused.returncode == 1 and refused.stdout == ""
    assert refused.stderr.strip().endswith(
        "members.csv is a PDF, not a table. Save the list as CSV and import that.")
    assert len(refused.stderr.strip().splitlines()) == 1
    assert desk(tmp_path, "import").returncode == 2
    assert desk(tmp_path, "import", pdf, "--as", "papyrus").returncode == 2


def test_a_place_where_no_file_can_be_is_said(tmp_path: Path) -> None:
    people = tmp_path / "people.csv"
    people.write_text("First Name,Last Name\nAna,Lima\n,\n", "utf-8")
    desk(tmp_path, "gathering", "new", "Dinner", "--start", "2030-01-02T18:30", "--end", "2030-01-02T20:30")
    desk(tmp_path, "guests", "next", "--import", people)
    pipe, long = tmp_path / "pipe.pdf", "x" * 300
    os.mkfifo(pipe)
    for words in (["import", people, "--rejects", people / "no.csv"], ["import", people, "--rejects", tmp_path / long], ["export", "-o", tmp_path / long],
                  ["roster", "next", "-o", people / "no.pdf"], ["roster", "next", "-o", tmp_path / f"{long}.pdf"], ["badges", "next", "-o", "."],
                  ["badges", "next", "-o", people / "no.pdf"], ["roster", "next", "-o", pipe], ["export", "-o", pipe]):
        refused = desk(tmp_path, *words)
        assert refused.returncode == 1 and "Choose another" in refused.stderr, (words, refused)
    assert pipe.is_fifo()
    refused = desk(tmp_path, "backup", tmp_path / f"{long}.alumnibackup")
    assert refused.returncode == 1 and "inside the program" not in refused.stderr, refused
