"""Turns a row of cells into what it says about one person, by the meaning of the columns."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from alumni_desk.exchange import cleaning
from alumni_desk.exchange.recognise import Recognised, Sure
from alumni_desk.words import _

MANY = ("constituent_codes", "former_names", "other_emails", "solicit_codes", "external_ids")
ADDRESS = ("street", "city", "region", "postal_code", "country")
_ONE_LINE = frozenset(("title", "first_name", "middle_name", "last_name", "suffix", "preferred_name",
                       "other_script_name", "pronunciation", "pronouns", "badge_tail", "city", "region",
                       "postal_code", "country", "employer", "job_title"))
_RULES = ("do_not_contact", "do_not_email", "do_not_call", "do_not_mail", "do_not_solicit")
_EDUCATION = {"school": "school", "degree": "degree", "major": "major", "education_year": "class_year",
              "education_primary": "is_primary", "name_at_graduation": "name_at_graduation"}
_JOINED = ("notes", "door_note", "street", "pronunciation")  # of several columns each
_WHO = ("first_name", "last_name", "email", "preferred_name", "other_script_name")
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_LONGEST_WHOLE = 200 * 1024  # bytes of a row: an operation holds 256 KB
_LONGEST_TEXT = 16_000  # characters: whatever the letters, a synced text stays within its limit of bytes


@dataclass(slots=True)
class Entry:
    """What a row says of a person: only filled fields; ``problem`` tells why the row cannot be used.

    ``fields`` holds texts, numbers and booleans by column of the person table, lists for the MANY.
    """

    fields: dict[str, Any]
    educations: list[dict[str, Any]] = field(default_factory=list)
    answer: str | None = None
    unclear: bool = False  # there is an answer, and nobody knows what it says
    left_out: list[str] = field(default_factory=list)  # headings of cells that had no usable value
    problem: str | None = None
    keys: list[int] = field(default_factory=list)  # for finding the person, see matching


def entry_maker(recognised: Recognised, today: date) -> Callable[[Sequence[str]], Entry]:
    """A function that makes an Entry of the cells of a row; the mapping is worked out once, not for each row."""
    columns = [c for c in recognised.columns if c.target is not None and c.sure is not Sure.REFUSED]
    one_line = [(c.index, c.target or "", c.heading) for c in columns if c.target in _ONE_LINE]
    steps = [(c.index, c.target or "", c.group, c.order, c.system, c.heading) for c in columns
             if c.target not in _ONE_LINE]
    years: dict[str, int | None] = {}
    clean = cleaning.one_line
    has_class_year = any(c.target == "class_year" for c in columns)

    def make(cells: Sequence[str]) -> Entry:
        values: dict[str, Any] = {}
        emails: list[str] = []
        schools: dict[int, dict[str, Any]] = {}
        typed: dict[int, list[tuple[str, str]]] = {}
        kinds: dict[int, str] = {}
        organisation: dict[int, str] = {}
        employs: dict[int, bool] = {}
        rules: list[str] = []
        phones: list[tuple[str, str, str]] = []
        entry = Entry(values)

        def keep(target: str, value: Any, heading: str) -> None:
            # The first column that says something counts; what a second one says otherwise is named, not lost in silence.
            if values.setdefault(target, value) != value:
                entry.left_out.append(heading)

        def said(text: str, heading: str) -> bool:
            # "Unsubscribed" or "Deceased" may hold the day. What is neither yes nor no is named: nobody's wish is lost in silence.
            yes = True if cleaning.iso_date(text, "mdy", today) else cleaning.flag(text)
            if yes is None:
                entry.left_out.append(heading)
            return bool(yes)

        for index, target, heading in one_line:
            cell = cells[index]
            if cell and (text := clean(cell)):
                keep(target, text, heading)
        for index, target, group, order, system, heading in steps:
            cell = cells[index]
            if not cell:
                continue
            if target in ("email", "other_emails"):
                for part in _several(cell, split_commas=True):
                    address = cleaning.email(part)
                    if address is None:
                        entry.left_out.append(heading)
                    elif not emails or address.lower() not in (known.lower() for known in emails):
                        emails.append(address)
                continue
            text = cleaning.plain(cell)
            if text is None or (len(text) < 5 and text.lower() in ("n/a", "null", "none", "-")):
                continue
            if target == "class_year":
                if text not in years:
                    if len(years) > 10_000:
                        years.clear()
                    years[text] = cleaning.class_year(text, today)
                if (year := years[text]) is None:
                    entry.left_out.append(heading)
                else:
                    keep("class_year", year, heading)
            elif target in ("mobile", "phone"):
                phones.extend((target, number, heading) for number in _several(text))
            elif target == "phone_typed":
                typed.setdefault(group, []).extend((number, heading) for number in _several(text))
            elif target == "phone_type":
                kinds[group] = text.lower()
            elif target == "street":
                line = "\n".join(part.strip() for part in text.splitlines() if part.strip())
                values["street"] = f"{values['street']}\n{line}" if "street" in values else line
            elif target in _EDUCATION:
                _set_education(schools.setdefault(group, {}), target, text, today)
            elif target in ("birth_date", "deceased_date"):
                day = cleaning.iso_date(text, order, today)
                if day:
                    keep(target, day, heading)
                    if target == "deceased_date":
                        values["deceased"] = True
                else:
                    entry.left_out.append(heading)
            elif target == "deceased":
                if said(text, heading):
                    values["deceased"] = True
            elif target in _RULES:
                if said(text, heading):
                    rules.append(target)
            elif target == "solicit_codes":
                rules.extend(wishes := cleaning.solicit_codes(text))
                if not wishes:
                    entry.left_out.append(heading)
            elif target == "constituent_codes":
                _extend(values, "constituent_codes", cleaning.constituent_codes(text))
            elif target == "former_names":
                _extend(values, "former_names", [name for part in _several(text) if (name := cleaning.one_line(part))])
            elif target == "external_id":
                _extend(values, "external_ids", [f"{system or 'id'}:{' '.join(text.split())}"])
            elif target == "full_name":
                for part, name in cleaning.split_name(text).items():
                    values.setdefault(part, name)
            elif target == "organisation":
                organisation[group] = " ".join(text.split())
            elif target == "organisation_is_employer":
                employs[group] = bool(cleaning.flag(text))
            elif target == "account":
                if not text.lower().endswith(("household", "family", "individual")):
                    keep("employer", " ".join(text.split()), heading)
            elif target in ("phonetic_first", "phonetic_last"):
                before = values.get("pronunciation")
                values["pronunciation"] = f"{before} {text}" if before else text
            elif target == "answer":
                answer = cleaning.answer(text)
                entry.unclear = entry.unclear or answer is None
                entry.answer = entry.answer or answer
                if answer is None or answer != entry.answer:
                    entry.left_out.append(heading)
            elif target in ("notes", "door_note"):
                values[target] = f"{values[target]}\n{text}" if target in values else text
        for group, numbers in typed.items():
            _typed_phones(phones, emails, numbers, kinds.get(group, ""))
        if phones:
            entry.left_out += _set_phones(values, phones)
        for group, name in organisation.items():
            if employs.get(group):
                values.setdefault("employer", name)
        if emails:
            values["email"] = emails[0]
            if len(emails) > 1:
                values["other_emails"] = emails[1:]
        if rules:
            values["solicit_codes"] = list(dict.fromkeys(rules))
        if schools:
            entry.educations = _educations(schools, values, has_class_year)
        if not any(name in values for name in _WHO):
            entry.problem = _("neither a name nor an e-mail address")
        elif max(map(len, cells)) > _LONGEST_TEXT or any(len(values.get(name, "")) > _LONGEST_TEXT for name in _JOINED):
            entry.problem = _("a text is longer than {most} characters").format(most=f"{_LONGEST_TEXT:,}")
        elif sum(map(len, cells)) > _LONGEST_WHOLE // 4 and sum(len(cell.encode("utf-8", "surrogatepass")) for cell in cells) > _LONGEST_WHOLE:
            entry.problem = _("its texts are longer than {most} KB together").format(most=_LONGEST_WHOLE // 1024)
        return entry

    return make


def _several(text: str, split_commas: bool = False) -> list[str]:
    if ":::" in text:
        return [part.strip() for part in text.split(":::") if part.strip()]
    if split_commas and text.count("@") > 1:
        return [part.strip() for part in text.replace(";", ",").replace("\n", ",").split(",") if part.strip()]
    return [text]


def _set_phones(values: dict[str, Any], phones: list[tuple[str, str, str]]) -> list[str]:
    """Gives each number its place, then a second of a kind the place that is left. Gives the headings of those for which there is none."""
    second = []
    for target, text, heading in phones:
        number = " ".join(text.split())
        if values.setdefault(target, number) != number:
            second.append(("phone" if target == "mobile" else "mobile", number, heading))
    lost = []
    for place, number, heading in second:
        if number not in (values.get("mobile"), values.get("phone")) and values.setdefault(place, number) != number:
            lost.append(heading)
    return lost


def _typed_phones(phones: list[tuple[str, str, str]], emails: list[str], numbers: list[tuple[str, str]], kind: str) -> None:
    for number, heading in numbers:
        address = cleaning.email(number) if "@" in number else None
        if address:
            if address.lower() not in (known.lower() for known in emails):
                emails.append(address)
        elif "fax" in kind or "web" in kind or "mail" in kind:
            continue
        else:
            phones.append(("mobile" if any(word in kind for word in ("mobil", "cell", "handy")) else "phone", number, heading))


def _set_education(school: dict[str, Any], target: str, text: str, today: date) -> None:
    name = _EDUCATION[target]
    if name == "class_year":
        if year := cleaning.class_year(text, today):
            school.setdefault(name, year)
    elif name == "is_primary":
        school[name] = bool(cleaning.flag(text))
    else:
        school.setdefault(name, " ".join(text.split()))


def _educations(schools: dict[int, dict[str, Any]], values: dict[str, Any],
                has_class_year: bool) -> list[dict[str, Any]]:
    """The degrees of a row; the main one gives the person's class year, or takes it where it has none of its own."""
    found = [school for _group, school in sorted(schools.items())
             if school.keys() & {"school", "degree", "major", "class_year"}]
    if not found:
        return []
    main = next((school for school in found if school.get("is_primary")), found[0])
    if "class_year" not in values and not has_class_year and "class_year" in main:
        values["class_year"] = main["class_year"]
    elif len(found) == 1 and "class_year" in values:
        main.setdefault("class_year", values["class_year"])
    return found


def _extend(values: dict[str, Any], name: str, more: list[str]) -> None:
    if more:
        values[name] = list(dict.fromkeys([*values.get(name, []), *more]))


def as_json(items: list[str]) -> str:
    """The one written form of a many-valued field."""
    return _encode(items)
