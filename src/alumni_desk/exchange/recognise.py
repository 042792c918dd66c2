"""Recognises which system a table comes from and what each of its columns means here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from types import MappingProxyType

from alumni_desk.exchange import cleaning
from alumni_desk.exchange.cleaning import DateOrder
from alumni_desk.exchange.headings import IDS, PLAIN, REFUSED, SYSTEMS, group_of, key_of
from alumni_desk.words import _

_DATES = ("birth_date", "deceased_date")
KINDS = ("raisers-edge", "salesforce", "google-contacts", "eventbrite", "plain")


class Sure(Enum):
    """How sure a column's meaning is; ``UNMAPPED`` columns are named in the result and not read."""

    SURE = "sure"
    GUESS = "guess"
    REFUSED = "refused"
    UNMAPPED = "unmapped"


@dataclass(frozen=True, slots=True)
class DateQuestion:
    """Which number of a date like 03/04/1976 comes first; ``likelier`` by the column's other dates, None when even."""

    example: str  # a value that reads both ways
    month_first: str  # the example as YYYY-MM-DD, read either way
    day_first: str
    likelier: DateOrder | None


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the file: its heading, samples (none when refused), target here, and how sure that is."""

    index: int
    heading: str
    samples: tuple[str, ...]
    target: str | None
    group: int
    sure: Sure
    reason: str | None = None
    question: DateQuestion | None = None
    order: DateOrder | None = None  # of its dates, decided or preselected
    system: str | None = None  # for external_id: whose id it is


@dataclass(frozen=True)
class Recognised:
    """``kind``: one of KINDS; ``label`` says it to people; ``columns`` in the file's order."""

    kind: str
    label: str
    columns: tuple[Column, ...]

    def in_order_of_doubt(self) -> tuple[Column, ...]:
        """The columns as the page shows them: unsure first, then refused, then sure, then not read."""
        ranks = {Sure.GUESS: 0, Sure.REFUSED: 1, Sure.SURE: 2, Sure.UNMAPPED: 3}
        return tuple(sorted(self.columns, key=lambda c: (0 if asks(c) else ranks[c.sure], c.index)))

    def with_target(self, index: int, target: str | None) -> Recognised:
        """The same with one column given another meaning (None: not read); a refused column stays refused."""
        def changed(column: Column) -> Column:
            if column.index != index or column.sure is Sure.REFUSED:
                return column
            system = (column.system or "id") if target == "external_id" else None
            return replace(column, target=target, reason=None, system=system,
                           sure=Sure.SURE if target else Sure.UNMAPPED)
        return replace(self, columns=tuple(changed(column) for column in self.columns))

    def with_order(self, order: DateOrder, index: int | None = None) -> Recognised:
        """The same with the date order answered, for one column or for all that ask."""
        return replace(self, columns=tuple(
            replace(c, order=order) if c.question and index in (None, c.index) else c for c in self.columns))

    @property
    def unmapped(self) -> tuple[str, ...]:
        """Headings of columns that are not read, refused ones among them."""
        return tuple(c.heading for c in self.columns if c.target is None)


def asks(column: Column) -> bool:
    """Whether a column still waits for an answer about its dates."""
    return column.question is not None and column.target in _DATES


def labels() -> MappingProxyType[str, str]:
    """What a column can become, target to words, in the order of the page's choice."""
    return MappingProxyType({
        "full_name": _("Full name"), "title": _("Title"), "first_name": _("First name"),
        "middle_name": _("Middle name"), "last_name": _("Last name"), "suffix": _("Suffix"),
        "preferred_name": _("Preferred name"), "other_script_name": _("Name in another script"),
        "former_names": _("Former names"), "pronunciation": _("Pronunciation"), "pronouns": _("Pronouns"),
        "class_year": _("Class year"), "badge_tail": _("Family ties on the badge"), "email": _("E-mail"),
        "other_emails": _("Another e-mail"), "mobile": _("Mobile"), "phone": _("Phone"),
        "phone_typed": _("Phone, by its type"), "phone_type": _("Type of phone"), "street": _("Street"),
        "city": _("City"), "region": _("State or region"), "postal_code": _("Postal code"), "country": _("Country"),
        "employer": _("Employer"), "organisation": _("Employer"), "organisation_is_employer": _("Is the employer"),
        "account": _("Employer"), "job_title": _("Job title"), "birth_date": _("Date of birth"),
        "deceased": _("Deceased"), "deceased_date": _("Died on"), "do_not_contact": _("Do not contact"),
        "do_not_email": _("Do not e-mail"), "do_not_call": _("Do not call"), "do_not_mail": _("Do not mail"),
        "do_not_solicit": _("Do not ask for money"), "solicit_codes": _("Contact rules"),
        "constituent_codes": _("Constituent codes"), "school": _("School"), "degree": _("Degree"),
        "major": _("Major"), "education_year": _("Year of the degree"), "education_primary": _("Main degree"),
        "name_at_graduation": _("Name at graduation"), "external_id": _("Office ID"), "notes": _("Notes"),
        "door_note": _("Note for the door"),
        "phonetic_first": _("Pronunciation, first name"), "phonetic_last": _("Pronunciation, last name"),
        "answer": _("Answer to the invitation"),
    })


def kind_label(kind: str) -> str:
    """The name of a kind as people know it."""
    return {"raisers-edge": _("Raiser’s Edge export"), "salesforce": _("Salesforce export"),
            "google-contacts": _("Google Contacts"), "eventbrite": _("Eventbrite attendees"),
            "outlook": _("Outlook contacts")}.get(kind, _("List with plain headings"))


_SIGNS = {
    "raisers-edge": frozenset("keyind consid importid conscode titl midname suff primsaltext primsaledit primaddid "
                              "addrlines addrcity addrzip addrcountry phonenum phonetype cattrcat cattrdesc esrimpid "
                              "esrschoolname esrdegree esrclassof esrprimalum orfullname orisemp".split()),
    "salesforce": frozenset("mailingstreet mailingcity mailingstateprovince mailingzippostalcode mailingcountry "
                            "accountname accountowner contactid contactrecordtype contactfirstname contactlastname "
                            "contactpersonalemail contactpreferredemail donationdonor donationamount".split()),
    "google-contacts": frozenset("emailvalue emaillabel emailtype phonevalue phonelabel groupmembership fileas "
                                 "phoneticfirstname yominame yomigivenname organizationtitle addressformatted "
                                 "addresslabel labels customfieldlabel".split()),
    "eventbrite": frozenset("orderid orderdate attendeestatus tickettype ticketquantity ticketprice totalpaid feespaid "
                            "eventbritefees buyername buyeremail buyerfirstname attendeefirstname attendeeemail "
                            "eventname eventid barcode barcodenumber pricetier ordertype".split()),
    "outlook": frozenset("businessstreet businesscity businesspostalcode homestreet homepostalcode otherstreet "
                         "businessphone webpage homecountryregion assistantsname emaildisplayname".split()),
}

_SSN = re.compile(r"^\d{3}-\d{2}-\d{4}$")
_NINE = re.compile(r"^\d{3}-?\d{2}-?\d{4}$")


def recognise(headings: Sequence[str], sample: Sequence[Sequence[str]], as_: str | None = None) -> Recognised:
    """What the table is and what its columns mean, from the headings and some rows; ``as_`` overrides the kind."""
    keys = [key_of(heading) for heading in headings]
    system = as_ or _kind(keys)
    words = SYSTEMS.get(system, MappingProxyType({}))
    columns = []
    for index, (heading, key) in enumerate(zip(headings, keys, strict=True)):
        values = [row[index].strip() for row in sample if index < len(row) and row[index].strip()]
        columns.append(_column(index, heading, key, values, words, keys, system))
    kind = system if system in KINDS else "plain"
    return Recognised(kind, kind_label(system), tuple(_settled(columns, keys)))


def _kind(keys: Sequence[str]) -> str:
    found = {system: len(signs & set(keys)) for system, signs in _SIGNS.items()}
    system = max(found, key=lambda name: found[name])
    return system if found[system] >= 2 else "plain"


def _column(index: int, heading: str, key: str, values: list[str], words: MappingProxyType[str, str],
            keys: Sequence[str], system: str) -> Column:
    group = group_of(heading)
    refused = REFUSED.get(key) or ("ssn" if values and key in IDS and _mostly(_NINE, values) and key == "idnumber"
                                   else None) or ("ssn" if _mostly(_SSN, values) else None)
    if refused:
        return Column(index, heading, (), None, group, Sure.REFUSED, _refusal(refused))
    column = Column(index, heading, _samples(values), None, group, Sure.UNMAPPED)
    if system == "salesforce" and group > 1 and heading.lower().startswith(("contact2", "account2")):
        return replace(column, reason=_("A second person in the same row is not read"))
    if group > 1 and key in ("addressstreet", "addresscity", "addressregion", "addresspostalcode", "addresscountry"):
        return replace(column, reason=_("Only the first address is read"))
    target = words.get(key)
    if target == "ignored":
        return column
    if target is None and key in IDS:
        return replace(column, target="external_id", sure=Sure.SURE, group=1, system=IDS[key])
    target = target or PLAIN.get(key)
    if target is None and key == "title":
        is_title = bool(values) and sum(v.lower().rstrip(".") in cleaning.TITLES for v in values) * 2 > len(values)
        target = "title" if is_title else "job_title"
        return replace(column, target=target, sure=Sure.GUESS,
                       reason=_("“Title” can be Dr. or a job; the values look like the first") if is_title
                       else _("“Title” can be Dr. or a job; the values look like the second"))
    if target is None:
        return _by_values(column, values)
    if target == "organisation" and "orisemp" not in keys:
        return replace(column, target="employer", sure=Sure.GUESS,
                       reason=_("The file does not say if they work there"))
    if target == "account":
        return replace(column, target="account", sure=Sure.GUESS, reason=_("An account can be a household"))
    if target == "region" and key in ("county", "addrcounty"):
        return replace(column, target=None if {"addrstate", "state", "region"} & set(keys) else "region",
                       sure=Sure.UNMAPPED if {"addrstate", "state", "region"} & set(keys) else Sure.GUESS,
                       reason=_("A county may not be the state"))
    if key in ("year", "class", "batch", "course", "status", "answer", "department", "relationship", "position"):
        return _doubtful(column, target, key, values)
    if target in _DATES:
        return _dated(column, target, values)
    return replace(column, target=target, sure=Sure.SURE)


def _doubtful(column: Column, target: str, key: str, values: list[str]) -> Column:
    from datetime import date

    if target == "class_year":
        fitting = sum(bool(cleaning.FAMILY.search(value)) or cleaning.class_year(value, date.today()) is not None for value in values)
        if values and fitting * 10 >= len(values) * 9:
            return replace(column, target=target, sure=Sure.SURE if key == "class" else Sure.GUESS,
                           reason=None if key == "class" else _("The values are years"))
        return column
    if target == "answer":
        fitting = sum(cleaning.answer(value) is not None for value in values)
        return replace(column, target=target, sure=Sure.GUESS, reason=_("The values are answers")) \
            if values and fitting * 2 > len(values) else column
    if target == "constituent_codes":
        fitting = sum(bool(cleaning.constituent_codes(value)) for value in values)
        return replace(column, target=target, sure=Sure.GUESS, reason=_("The values are kinds of constituents")) \
            if values and fitting * 2 > len(values) else column
    return replace(column, target=target, sure=Sure.GUESS, reason=_("The heading can mean other things too"))


def _by_values(column: Column, values: list[str]) -> Column:
    """A column whose heading says nothing: an e-mail address can still be told from its values."""
    if values and sum(cleaning.email(value) is not None for value in values) * 10 >= len(values) * 9:
        return replace(column, target="email", sure=Sure.GUESS, reason=_("The values are e-mail addresses"))
    dated = _dated(column, "birth_date", values)  # somebody may say that it is one
    return replace(column, question=dated.question, order=dated.order)


def _dated(column: Column, target: str, values: list[str]) -> Column:
    """A date column; when 03/04/1976 occurs and the other dates do not settle it, it asks."""
    first_big, second_big, example = 0, 0, None
    for value in values:
        day, month = _tells(value)
        first_big += day
        second_big += month
        if example is None and not (day or month) and _reads_two_ways(value):
            example = value
    likelier = _likelier(first_big, second_big)
    column = replace(column, target=target, sure=Sure.SURE, order=likelier)
    if example is None or (likelier and not (first_big and second_big)):
        return column  # nothing ambiguous, or the column's other dates say it plainly
    from datetime import date

    today = date.today()
    question = DateQuestion(example, cleaning.iso_date(example, "mdy", today) or example,
                            cleaning.iso_date(example, "dmy", today) or example, likelier)
    return replace(column, sure=Sure.GUESS, question=question,
                   reason=_("Dates like {example} can be read two ways").format(example=example))


def _tells(value: str) -> tuple[bool, bool]:
    """Whether a date shows by a number above 12 that the day comes first, or the month."""
    parts = cleaning.ambiguous_parts(value)
    return (parts[0] > 12, parts[1] > 12 >= parts[0]) if parts else (False, False)


def _reads_two_ways(value: str) -> bool:
    parts = cleaning.ambiguous_parts(value)
    return parts is not None and parts[0] <= 12 and parts[1] <= 12 and parts[0] != parts[1]


def _likelier(day_first: int, month_first: int) -> DateOrder | None:
    return "dmy" if day_first > month_first else "mdy" if month_first > day_first else None


def settle_dates(recognised: Recognised, rows: Iterable[Sequence[str]]) -> Recognised:
    """Answers date questions from all rows of the file where its first rows could not, and asks about columns whose dates begin further down."""
    late: dict[int, list[str]] = {column.index: [] for column in recognised.columns if column.target in _DATES and not column.samples}
    asking = {column.index: [0, 0] for column in recognised.columns if column.index in late or (asks(column) and column.order is None)}
    if not asking:
        return recognised
    for cells in rows:
        for index, found in asking.items():
            if cells[index]:
                if index in late and len(late[index]) < 500 and (value := cells[index].strip()):
                    late[index].append(value)
                day, month = _tells(cells[index])
                found[0] += day
                found[1] += month
    columns = []
    for column in recognised.columns:
        found = asking.get(column.index, [0, 0])
        if values := late.get(column.index):
            column = _dated(replace(column, samples=_samples(values)), column.target or "", values)
        order = _likelier(found[0], found[1])
        if order and column.question and not (found[0] and found[1]):  # the other dates say it plainly
            column = replace(column, sure=Sure.SURE, reason=None, question=None, order=order)
        elif order and column.question:
            column = replace(column, order=order, question=replace(column.question, likelier=order))
        columns.append(column)
    return replace(recognised, columns=tuple(columns))


def _settled(columns: list[Column], keys: Sequence[str]) -> list[Column]:
    """Meanings that depend on the other columns: a "Name" beside a first name is the last name, and the like."""
    targets = {column.target for column in columns}
    own_job = any(column.target == "job_title" and key != "title" for column, key in zip(columns, keys, strict=True))
    settled = []
    for column, key in zip(columns, keys, strict=True):
        if key in ("name", "nom") and "first_name" in targets and "last_name" not in targets:
            column = replace(column, target="last_name", sure=Sure.SURE, reason=None)
        elif key == "title" and own_job and column.sure is Sure.GUESS and column.target == "job_title":
            column = replace(column, target="title", reason=_("“Title” can be Dr. or a job; the job has its own column"))
        elif key == "nom" and column.target is None:
            column = replace(column, target="full_name" if "first_name" not in targets else None, sure=Sure.SURE)
        elif key in ("nombre", "nombres") and "last_name" not in targets:
            column = replace(column, target="full_name", sure=Sure.SURE)
        settled.append(column)
    return settled


def _mostly(pattern: re.Pattern[str], values: list[str]) -> bool:
    return bool(values) and sum(bool(pattern.match(value)) for value in values) * 10 >= len(values) * 8


def _samples(values: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(" ".join(value.split())[:80] for value in values[:20]))[:2]


def _refusal(what: str) -> str:
    return {"ssn": _("We do not store social security or identity numbers"),
            "password": _("We do not store passwords")}.get(what, _("We do not store card or account numbers"))
