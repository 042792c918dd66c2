"""The fields of a member as people type them: which there are, and how a typed text becomes a value."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any, NamedTuple

from alumni_desk.errors import BadInput, about
from alumni_desk.store.listed import texts
from alumni_desk.words import _

SOLICIT_CODES = ("do_not_contact", "do_not_email", "do_not_call", "do_not_mail", "do_not_solicit")
CONSTITUENT_CODES = ("alumnus", "parent", "friend", "student", "faculty", "trustee")
MANY = ("constituent_codes", "former_names", "other_emails", "solicit_codes", "external_ids")
ADDRESS = ("street", "city", "region", "postal_code", "country")
LINE = 300
"""The longest text of one line that a person's field may hold, in characters."""

_EMAIL = re.compile(r"[^@\s,;<>()\"]+@[^@\s,;<>()\"]+\.[^@\s.,;<>()\"]{2,}")


class Kind(NamedTuple):
    """What may be typed into a field: how it is read, and whether it may hold several lines."""

    read: Callable[[str, str], Any]
    lines: bool = False


def _line(name: str, text: str) -> str | None:
    cleaned = " ".join(text.split())
    if len(cleaned) > LINE:
        raise BadInput("too_long", _("“{field}” holds {limit} letters at most; this has {length}."), field=label(name), limit=LINE, length=len(cleaned))
    return cleaned or None


def _lines(name: str, text: str) -> str | None:
    return text.strip() or None


def _year(name: str, text: str) -> int | None:
    typed = text.strip().lstrip("'’")
    if not typed:
        return None
    if not typed.isascii() or not typed.isdigit() or len(typed) not in (2, 4):
        raise BadInput("class_year", _("“{value}” is not a class year. Type four digits, such as 1998."), value=text.strip())
    year = int(typed)
    this = date.today().year
    if len(typed) == 2:
        year += 2000 if 2000 + year <= this + 8 else 1900
    if not 1850 <= year <= this + 10:
        raise BadInput("class_year", _("The class year {value} cannot be. Type one between 1850 and {last}."), value=year, last=this + 10)
    return year


def _email(name: str, text: str) -> str | None:
    typed = text.strip()
    if typed and (not _EMAIL.fullmatch(typed) or len(typed) > 254):
        raise BadInput("email", _("“{value}” is not an e-mail address. It needs a name, an @ and a domain, such as ana@example.org."), value=typed)
    return typed or None


def _date(name: str, text: str) -> str | None:
    typed = text.strip()
    if not typed:
        return None
    try:
        return date.fromisoformat(typed).isoformat()
    except ValueError:
        raise BadInput("date", _("“{value}” is not a date. Type year, month and day, such as 1976-04-23."), value=typed) from None


def _flag(name: str, text: str) -> bool | None:
    typed = text.strip().lower()
    if typed in ("", "no", "n", "false", "0"):
        return None if not typed else False
    if typed in ("yes", "y", "true", "1"):
        return True
    raise BadInput("yes_or_no", _("“{field}” is yes or no, not “{value}”."), field=label(name), value=text.strip())


def _several(name: str, text: str) -> str | None:
    return many(part.strip() for part in re.split(r"[;\n]" if name == "former_names" else r"[;,\n]", text))


def _codes(allowed: tuple[str, ...]) -> Callable[[str, str], str | None]:
    def read(name: str, text: str) -> str | None:
        typed = [part.strip().lower().replace(" ", "_").replace("-", "_") for part in re.split(r"[;,\n]", text) if part.strip()]
        for one in typed:
            if one not in allowed:
                raise BadInput("unknown_code", _("“{value}” is not one of {allowed}."), value=one, allowed=", ".join(allowed))
        return many(one for one in allowed if one in typed)

    return read


def _emails(name: str, text: str) -> str | None:
    return many(_email(name, part) or "" for part in re.split(r"[;,\s]+", text))


FIELDS: Mapping[str, Kind] = {
    **dict.fromkeys(("title", "first_name", "middle_name", "last_name", "suffix", "preferred_name", "other_script_name", "pronunciation", "pronouns",
                     "badge_tail", "mobile", "phone", "city", "region", "postal_code", "country", "employer", "job_title"), Kind(_line)),
    **dict.fromkeys(("street", "notes", "door_note"), Kind(_lines, lines=True)),
    "class_year": Kind(_year),
    "email": Kind(_email),
    "other_emails": Kind(_emails),
    "former_names": Kind(_several),
    "birth_date": Kind(_date),
    "deceased": Kind(_flag),
    "deceased_date": Kind(_date),
    "solicit_codes": Kind(_codes(SOLICIT_CODES)),
    "constituent_codes": Kind(_codes(CONSTITUENT_CODES)),
    "external_ids": Kind(_several),
}
"""Every field of a member that people type, and how it is read."""


def many(wanted: Iterable[str]) -> str | None:
    """A list of texts as a many-valued field holds it; None if it is empty."""
    found = list(dict.fromkeys(text for text in wanted if text))
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")) if found else None


def listed(value: str | None) -> list[str]:
    """The texts of a many-valued field."""
    return texts(value)


def read_fields(typed: Mapping[str, Any]) -> dict[str, Any]:
    """Typed texts as values; empty text becomes None, values that are none (numbers, lists, booleans) are taken as they are.

    Raises BadInput with one sentence for the first field that cannot be used.
    """
    values: dict[str, Any] = {}
    for name, value in typed.items():
        kind = FIELDS.get(name)
        if kind is None:
            raise BadInput("unknown_field", _("There is no field “{field}”. There are: {fields}."), field=name, fields=", ".join(FIELDS))
        if isinstance(value, (list, tuple)):
            value = ";".join(str(one) for one in value)
        if name == "class_year" and value is not None:
            value = str(value)
        with about(name):
            values[name] = kind.read(name, value) if isinstance(value, str) else value
    return values


def label(name: str) -> str:
    """A field's name as people say it."""
    return {
        "title": _("Title"), "first_name": _("First name"), "middle_name": _("Middle name"), "last_name": _("Last name"), "suffix": _("Suffix"),
        "preferred_name": _("Preferred name"), "other_script_name": _("Name in another script"), "former_names": _("Former names"),
        "pronunciation": _("Pronunciation"), "pronouns": _("Pronouns"), "class_year": _("Class year"), "badge_tail": _("Family ties on the badge"),
        "email": _("E-mail"), "other_emails": _("Other e-mails"), "mobile": _("Mobile"), "phone": _("Phone"), "street": _("Street"), "city": _("City"),
        "region": _("State or region"), "postal_code": _("Postal code"), "country": _("Country"), "employer": _("Employer"), "job_title": _("Job title"),
        "birth_date": _("Date of birth"), "deceased": _("Deceased"), "deceased_date": _("Died on"), "solicit_codes": _("Asked us"),
        "constituent_codes": _("Ties to the school"), "external_ids": _("Office ID"), "notes": _("Notes"), "door_note": _("Note for the door"),
    }.get(name, name)
