"""What a field is called in the middle of a sentence: "Put back the time of the answer of Ana", where a form says "Answered"."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

from alumni_desk.words import _


def in_sentence(table: str, name: str) -> str:
    """A field as a noun that "the" can stand before."""
    return _nouns(table).get(name) or _nouns("").get(name) or _small(table, name)


def nouns_of(fields: Collection[tuple[str, str]]) -> list[str]:
    """What these fields (table, name) are called, each once; when an answer was given is a part of the answer."""
    return list(dict.fromkeys(in_sentence(table, name) for table, name in fields if name != "answered_at" or (table, "status") not in fields))


def _small(table: str, name: str) -> str:
    from alumni_desk.segments.activity import field_word

    word = field_word(table, name)
    return word.lower() if word.isascii() else word


@lru_cache(maxsize=16)
def _nouns(table: str) -> dict[str, str]:
    """Those that a form calls by what would be no noun, or by one that says too little beside somebody's name; of any table under the empty name."""
    if table == "person":
        return {"email_status": _("note that the e-mail fails"), "deceased": _("note of the death"), "deceased_date": _("day of the death"),
                "solicit_codes": _("wishes about contact"), "external_ids": _("office ID"), "network_person_id": _("number in the network"),
                "merged_into": _("merge"), "standing": _("standing in the chapter")}
    if table == "gathering":
        return {"mode": _("way of meeting (in person or online)"), "capacity": _("number of places"), "cancelled_reason": _("reason of the cancellation")}
    if table == "registration":
        return {"answered_at": _("time of the answer"), "walk_in": _("note of a walk-in"), "code": _("code of the badge"), "table_name": _("table")}
    if table == "chapter":
        return {"sample": _("note that it is a sample")}
    return {"gone": _("listing")} if not table else {}
