"""Writes what a desk holds: every shared row for machines, the members' list for people."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from alumni_desk.exchange.matching import listed
from alumni_desk.exchange.rejects import safe, written_whole
from alumni_desk.members.lists import further_emails
from alumni_desk.store import at_door
from alumni_desk.store.desk import Desk

_CLOCKS = ("clock", "clocks", "gone")
_MEMBER_COLUMNS = {
    "title": "Title", "first_name": "First Name", "middle_name": "Middle Name", "last_name": "Last Name",
    "suffix": "Suffix", "preferred_name": "Preferred Name", "other_script_name": "Native Name",
    "former_names": "Former Name", "class_year": "Class Year", "email": "E-mail", "other_emails": "Other E-mail",
    "mobile": "Mobile", "phone": "Phone", "street": "Street", "city": "City", "region": "State",
    "postal_code": "Postal Code", "country": "Country", "employer": "Employer", "job_title": "Job Title",
    "birth_date": "Birth Date", "deceased": "Deceased", "solicit_codes": "Solicit Codes",
    "constituent_codes": "Constituent Codes", "pronouns": "Pronouns", "pronunciation": "Pronunciation",
    "notes": "Notes", "badge_tail": "Family Ties", "deceased_date": "Date of Death", "door_note": "Note for the Door",
}
_RULES = {"do_not_contact": "Do not contact", "do_not_email": "Do not email", "do_not_call": "Do not call",
          "do_not_mail": "Do not mail", "do_not_solicit": "Do not solicit"}


@dataclass(frozen=True)
class ExportReport:
    """How many rows were written, and where."""

    rows: int
    path: Path


def export_ndjson(desk: Desk, out: Path | str) -> ExportReport:
    """Every shared row that is not gone, one JSON object a line, sorted by table and id; no clocks, no empty fields.

    The same rows give the same bytes on every laptop. At a door what was typed there for the chapter alone is left out: a walk-in's e-mail, and of the
    phone all but its end. The file appears only when it is complete. Raises BadInput.
    """
    out = Path(out)
    count = 0
    with written_whole(out, "utf-8") as stream, desk.reading() as connection:
        tables = [table for table in desk.tables.values() if table.info.get("synced")]
        for table in sorted(tables, key=lambda table: table.name):
            columns = [column for column in table.columns if column.name not in _CLOCKS]
            many = {column.name for column in columns if column.info.get("many")}
            hidden = at_door.unseen(connection, table)
            query = sa.select(*columns).where(table.c.gone.is_(False)).order_by(table.c.id)
            for row in connection.execute(query.execution_options(yield_per=1000)).mappings():
                stream.write(_line(table.name, at_door.without(hidden, dict(row)), many))
                count += 1
    return ExportReport(count, out)


def _line(table: str, row: Mapping[str, Any], many: set[str]) -> str:
    values = {name: listed(value) if name in many else value for name, value in row.items() if value is not None}
    values["table"] = table
    return json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n"


def members_csv(desk: Desk, out: Path | str) -> ExportReport:
    """The members as a CSV file for spreadsheets, by name; no cell becomes a formula. Reads back by import."""
    out = Path(out)
    count = 0
    with written_whole(out, "utf-8-sig") as stream, desk.reading() as connection:
        writer = csv.writer(stream, lineterminator="\r\n")
        writer.writerow(_MEMBER_COLUMNS.values())
        person = desk.tables["person"]
        hidden = at_door.unseen(connection, person)
        query = (sa.select(*[person.c[name] for name in _MEMBER_COLUMNS])
                 .where(person.c.standing == "member", person.c.gone.is_(False), person.c.merged_into.is_(None))
                 .order_by(person.c.last_name, person.c.first_name, person.c.id))
        for row in connection.execute(query.execution_options(yield_per=1000)).mappings():
            shown = at_door.without(hidden, dict(row))
            if shown.get("other_emails"):
                shown["other_emails"] = further_emails(shown.get("email"), listed(shown["other_emails"]))
            writer.writerow([safe(_cell(name, value)) for name, value in shown.items()])
            count += 1
    return ExportReport(count, out)


def _cell(name: str, value: Any) -> str:
    if value is None or value is False:
        return ""
    if value is True:
        return "Yes"
    if name == "solicit_codes":
        return "; ".join(_RULES.get(code, code) for code in listed(value))
    if name == "other_emails":
        return ", ".join(value)
    if name in ("former_names", "constituent_codes"):
        return " ::: ".join(listed(value))
    return str(value)
