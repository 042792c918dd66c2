"""Cleans single values of a file: years, dates, e-mail addresses, flags, codes. Pure; None means nothing usable."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from typing import Literal

from alumni_desk.members import naming

DateOrder = Literal["dmy", "mdy"]

_YEAR = re.compile(r"(?<!\d)(1[89]\d\d|20\d\d)(?!\d)")
_SHORT_YEAR = re.compile(r"^(?:class\s+of\s+)?['’‘`´]?\s*(\d\d)$", re.IGNORECASE)
FAMILY = re.compile(r"(?<![^\W_])(?:G*P|(?:grand)?parent)(?:\s+of)?\s*['’‘`´]?\s*(?:\d{4}|\d\d)(?!\d)", re.IGNORECASE)
_EMAIL = re.compile(r"^[^@\s,;<>()\"]+@[^@\s,;<>()\"]+\.[^@\s.,;<>()\"]{2,}$")
_IN_ANGLES = re.compile(r"<([^<>]+)>")
_PARTS = re.compile(r"^(\d{1,4})\s*([/.\-])\s*(\d{1,2})\s*\2\s*(\d{1,4})(?:[T ].*)?$")
_COMPACT = re.compile(r"^(1[89]\d\d|20\d\d)(0[1-9]|1[0-2])([0-3]\d)$")
_WORDED = re.compile(r"^(?:(\d{1,2})(?:st|nd|rd|th|\.)?[\s\-/]+(?:de\s+)?([^\W\d_]+)\.?,?[\s\-/]+(?:de\s+)?(\d{2,4})"
                     r"|([^\W\d_]+)\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4}))$", re.UNICODE)
_MONTHS = ("jan ene janv januar january enero janvier", "feb fev fevr februar february febrero fevrier",
           "mar mrz marz march marzo mars maerz", "apr abr avr april abril avril", "may mai mayo",
           "jun juin june juni junio", "jul juil july juli julio juillet", "aug ago aou aout august agosto",
           "sep sept september septiembre septembre", "oct okt october oktober octubre octobre",
           "nov november noviembre novembre", "dec dez dic december dezember diciembre decembre")
_MONTH_OF = {word: number for number, words in enumerate(_MONTHS, 1) for word in words.split()}
_YES = frozenset("yes y true t 1 x on ja j wahr si s oui o vrai verdadero checked deceased expired -1".split())
_NO = frozenset("no n false f 0 nein falsch non faux falso unchecked living alive opt-in opted-in subscribed".split())
_ACCENTS = str.maketrans("áàâäéèêëíìîïóòôöúùûü", "aaaaeeeeiiiioooouuuu")
_EMPTY = frozenset(("", "n/a", "na", "null", "none", "-", "--", "#n/a", "(empty)", "nil"))
_SURNAMES = frozenset(("Na", "Nil", "Null"))  # written so they are somebody's: databases write NA and null
_UNSEEN = frozenset("\u00ad\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff")  # of no word; not those that join letters


def plain(value: str) -> str | None:
    """A value as text: outer space and control characters gone, a spreadsheet's guarding apostrophe too."""
    text = value.strip()
    if not text:
        return None
    if not text.isprintable():
        text = "".join(map(_seen, text.replace("\r\n", "\n").replace("\0", ""))).strip()
    if text[:1] == "'" and len(text) > 1 and text[1] in "=+-@\t":
        text = text[1:].strip()
    return text or None


def _seen(char: str) -> str:
    """A sign as it is kept. Python calls unprintable, too, what joins and parts letters, and letters that are newer than it."""
    if char.isprintable() or char in "\n\t":
        return char
    if char in _UNSEEN:
        return ""
    return "\n" if char == "\r" else " " if unicodedata.category(char) in ("Cc", "Cs", "Zs", "Zl", "Zp") else char


def one_line(value: str) -> str | None:
    """A value as one line with single spaces; NULL-like words of databases count as empty."""
    text: str | None = value.strip()
    if not text:
        return None
    if not text.isprintable() or "  " in text or text[0] == "'":
        text = plain(value)
        if text is None:
            return None
        text = " ".join(text.split())
    if len(text) < 8 and text.lower() in _EMPTY and text not in _SURNAMES:
        return None
    return text or None


def class_year(value: str, today: date) -> int | None:
    """A four-digit year from "1998", "'98", "98", "Class of 1998" or a date, up to ten years ahead; a child's class ("P'28") is not theirs."""
    text = FAMILY.sub("", value).strip()
    short = _SHORT_YEAR.match(text)
    if short:
        year = 2000 + int(short.group(1))
        return year if year <= today.year + 8 else year - 100
    found = _YEAR.search(text)
    if not found:
        found_short = re.search(r"['’‘](\d\d)(?!\d)", text)
        return class_year(found_short.group(1), today) if found_short else None
    year = int(found.group(1))
    return year if year <= today.year + 10 else None


def email(value: str) -> str | None:
    """An e-mail address as written, out of "Name <a@b.c>" or "mailto:" where needed; None when it is not one."""
    text = plain(value) or ""
    if "<" in text and (found := _IN_ANGLES.search(text)):
        text = found.group(1).strip()
    if text[:7].lower() == "mailto:":
        text = text[7:]
    return text if _EMAIL.match(text) and len(text) <= 254 else None


def flag(value: str) -> bool | None:
    """Yes or no of a flag column; None when it is empty or says neither."""
    text = value.strip().lower().translate(_ACCENTS)
    return True if text in _YES else False if text in _NO else None


def ambiguous_parts(value: str) -> tuple[int, int] | None:
    """The first two numbers of a date like 03/04/1976 or 3-4-76 whose order the file must tell; None for others."""
    found = _PARTS.match(value.strip())
    if not found or found.group(2) == "." or len(found.group(1)) > 2:
        return None
    return int(found.group(1)), int(found.group(3))


def iso_date(value: str, order: DateOrder | None, today: date) -> str | None:
    """A date as YYYY-MM-DD; ``order`` decides 03/04/1976, without it such a value gives None unless only one fits."""
    text = value.strip()
    compact = _COMPACT.match(text)
    if compact:
        return _date(int(compact.group(1)), int(compact.group(2)), int(compact.group(3)))
    found = _PARTS.match(text)
    if found:
        first, second, third = int(found.group(1)), int(found.group(3)), int(found.group(4))
        if len(found.group(1)) == 4:
            return _date(first, second, third)
        if len(found.group(1)) > 2:
            return None
        year = _full_year(third, len(found.group(4)), today)
        if found.group(2) == "." or first > 12:
            return _date(year, second, first)
        if second > 12:
            return _date(year, first, second)
        if order is None and first != second:
            return None
        return _date(year, first, second) if order == "mdy" else _date(year, second, first)
    worded = _WORDED.match(text)
    if worded:
        day, month, year_text = ((worded.group(1), worded.group(2), worded.group(3)) if worded.group(1)
                                 else (worded.group(5), worded.group(4), worded.group(6)))
        number = _MONTH_OF.get(month.lower().translate(_ACCENTS))
        if number:
            return _date(_full_year(int(year_text), len(year_text), today), number, int(day))
    return None


def _full_year(year: int, digits: int, today: date) -> int:
    if digits > 2:
        return year
    return 1900 + year if 2000 + year > today.year else 2000 + year


def _date(year: int, month: int, day: int) -> str | None:
    try:
        return date(year, month, day).isoformat() if year >= 1800 else None
    except ValueError:
        return None


_NOT = frozenset("no not dont never opt opted don".split())
_WAYS = {"do_not_email": frozenset("email emails".split()), "do_not_call": frozenset("call calls phone telephone phoning calling".split()),
         "do_not_mail": frozenset("mail mailing mailings post letters".split())}
_SOLICIT = frozenset("solicit solicitation solicitations ask asks appeal appeals".split())
_GOES_ON = frozenset("or and nor".split()).union(*_WAYS.values())  # in "do not call, email or mail" what stands behind the comma


def solicit_codes(value: str) -> list[str]:
    """Contact rules out of a text like "No Phone; Do not solicit"; texts that name none give nothing."""
    found: list[str] = []
    for part in re.split(r"[;|\n]|:::", value):
        unwanted = False
        for piece in part.split(","):
            text = re.sub(r"\be mail", "email", re.sub(r"[\W_]+", " ", piece.lower()).strip())
            words = set(text.split())
            unwanted = text in ("dnc", "dns") or bool(_NOT & words) or (unwanted and words <= _GOES_ON)
            if unwanted:
                found += _unwanted(text, words)
    return list(dict.fromkeys(found))


def _unwanted(text: str, words: set[str]) -> list[str]:
    if text == "dnc" or "contact" in words:
        return ["do_not_contact"]
    ways = [code for code, named in _WAYS.items() if named & words]
    return ways or (["do_not_solicit"] if text == "dns" or _SOLICIT & words else [])


_CONSTITUENTS = {"alum": "alumnus", "grad": "alumnus", "paren": "parent", "frien": "friend", "stude": "student",
                 "facul": "faculty", "staff": "faculty", "profe": "faculty", "trust": "trustee", "board": "trustee"}


def constituent_codes(value: str) -> list[str]:
    """Our constituent codes out of words like "Alumni; Parent"."""
    found = []
    for part in re.split(r"[;,|/\n]|:::", value.lower()):
        text = part.strip().removeprefix("current ").removeprefix("former ")
        code = _CONSTITUENTS.get(text[:5]) or _CONSTITUENTS.get(text[:4])
        if code and code not in found:
            found.append(code)
    return found


_ANSWERS = {"attending": "yes", "checked in": "yes", "yes": "yes", "y": "yes", "going": "yes", "accepted": "yes",
            "approved": "yes", "confirmed": "yes", "registered": "yes", "ja": "yes", "si": "yes", "oui": "yes",
            "true": "yes", "1": "yes", "x": "yes", "not attending": "no", "no": "no", "n": "no", "declined": "no",
            "not going": "no", "nein": "no", "non": "no", "false": "no", "0": "no", "maybe": "maybe",
            "tentative": "maybe", "vielleicht": "maybe", "quiza": "maybe", "peut-etre": "maybe",
            "refunded": "cancelled", "cancelled": "cancelled",
            "canceled": "cancelled", "deleted": "cancelled", "transferred": "cancelled",
            "invited": "invited", "pending": "invited", "pending approval": "invited", "waitlisted": "waitlisted",
            "waitlist": "waitlisted", "waiting list": "waitlisted",
            **dict.fromkeys(("coming", "accept", "accepts", "will attend", "attended", "present", "complete", "completed", "paid", "zugesagt"), "yes"),
            **dict.fromkeys(("not coming", "can't go", "can't come", "can't attend", "cannot go", "cannot come", "cannot attend", "won't attend",
                             "will not attend", "decline", "declines", "regret", "regrets", "absent", "rejected", "abgesagt"), "no"),
            **dict.fromkeys(("not sure", "unsure", "undecided"), "maybe"),
            **dict.fromkeys(("no reply", "no response", "no answer", "not answered", "not replied", "not responded", "awaiting reply",
                             "awaiting response"), "invited")}
_FIRST_WORD = re.compile(r"\w+(?=\s*[,.;:!])")


def answer(value: str) -> str | None:
    """A registration's status out of an attendee status or an answer ("Yes, with pleasure"); None when the text says nothing we know."""
    text = " ".join(value.lower().translate(_ACCENTS).replace("’", "'").replace("_", " ").split())
    first = _FIRST_WORD.match(text)
    return _ANSWERS.get(text) or (_ANSWERS.get(first.group()) if first else None)


TITLES = naming.TITLES | frozenset("miss sir dame lord lady hon m fr captain capt col judge rabbi imam".split())
_NAMES_TOO = frozenset("hon imam dame judge col rabbi".split())  # given names as well: without a full stop they are somebody's
_SUFFIXES = frozenset("jr sr ii iii iv v phd md esq mba jd dds cpa".split())
_DEGREES = frozenset("ba bs bsc ma ms msc med mph mpa mfa llm llb edd dvm dmd dphil rn cfa pe obe".split())

def split_name(value: str) -> dict[str, str]:
    """The parts of a full name: title, first_name, middle_name, last_name, suffix; one word is a first name."""
    text = " ".join(value.split())
    parts: dict[str, str] = {}
    if "," in text:
        before, *after = (side.strip() for side in text.split(","))
        follows: list[str] = []
        while after and (not after[-1] or _follows(after[-1], text)):
            follows.insert(0, after.pop())
        if suffix := ", ".join(filter(None, follows)):
            parts["suffix"] = suffix
        given = " ".join(filter(None, after))
        if before and given:
            return {**parts, **split_given(given), "last_name": before}
        text = before or given
    words = text.split()
    if not words:
        return parts
    while len(words) > 1 and words[0].lower().rstrip(".") in TITLES and (
            words[0].endswith(".") or (len(words[0]) > 1 and words[0].lower() not in _NAMES_TOO)):
        parts["title"] = f"{parts['title']} {words[0]}" if "title" in parts else words[0]
        words.pop(0)
    if len(words) > 2 and words[-1].lower().replace(".", "") in _SUFFIXES and words[-1].lower() not in ("v", "i"):
        parts["suffix"] = words.pop()
    if len(words) == 1:
        return {**parts, "first_name": words[0]}
    at = naming.last_name_at(words)
    parts["first_name"] = words[0]
    if at > 1:
        parts["middle_name"] = " ".join(words[1:at])
    parts["last_name"] = " ".join(words[at:])
    return parts


def _follows(text: str, whole: str) -> bool:
    """Whether it stands behind a name: Jr., PhD, MSc. Ma may be a name, and so may MA where all is in capitals."""
    plain_text = text.lower().replace(".", "")
    return plain_text in _SUFFIXES or (plain_text in _DEGREES and not whole.isupper() and any(char.isupper() for char in text[1:]))


def split_given(value: str) -> dict[str, str]:
    """Given names before a comma-separated last name: the first word and the middle names."""
    words = value.split()
    return {"first_name": words[0], "middle_name": " ".join(words[1:])} if len(words) > 1 else {"first_name": value}
