"""Tables of people. A *person* is a constituent: a member of the chapter, or somebody's guest."""

from __future__ import annotations

import sqlalchemy as sa

from alumni_desk.protocol import forms
from alumni_desk.protocol.values import is_id
from alumni_desk.store.synced import field, named_by, synced

chapter = synced(
    "chapter",  # its id is the scope
    field("name", door=True),
    field("university", door=True),
    field("time_zone"),
    field("sample", sa.Boolean),
)

person = synced(
    "person",
    field("standing", door=True, form=forms.one_of("member", "guest", "moved")),
    field("constituent_codes", door=True, many=True, form=forms.texts),  # alumnus | parent | friend | student | faculty | trustee
    field("title", door=True, about=True),
    field("first_name", door=True, about=True),
    field("middle_name", door=True, about=True),
    field("last_name", door=True, about=True),
    field("suffix", door=True, about=True),
    field("preferred_name", door=True, about=True),  # what the badge says; empty means first and last name
    field("other_script_name", door=True, about=True),
    field("former_names", door=True, about=True, many=True, form=forms.texts),
    field("pronunciation", door=True, about=True),
    field("pronouns", door=True, about=True),
    field("class_year", sa.BigInteger, door=True, about=True, form=forms.year),  # preferred class year, four digits
    field("badge_tail", door=True, about=True),  # family ties after the class year: P'28 GP'52
    field("email", about=True, caseless=True),
    field("email_status", about=True),  # empty | bounced
    field("other_emails", about=True, many=True, form=forms.texts, caseless=True),
    field("mobile", about=True),
    field("phone", about=True),
    field("street", group="address", about=True),
    field("city", door=True, group="address", about=True),
    field("region", group="address", about=True),
    field("postal_code", group="address", about=True),
    field("country", group="address", about=True),
    field("employer", about=True),
    field("job_title", about=True),
    field("birth_date", about=True),  # YYYY-MM-DD
    field("deceased", sa.Boolean, about=True),
    field("deceased_date", about=True),
    field("solicit_codes", about=True, many=True, form=forms.texts),  # do_not_contact | do_not_email | do_not_call | do_not_mail | do_not_solicit
    field("consent", about=True, form=forms.one_of("contact", "gathering_only")),  # contact | gathering_only: what a walk-in agreed to
    field("notes", about=True),
    field("door_note", door=True, about=True),
    field("household", about=True),
    field("external_ids", about=True, many=True, form=forms.texts),  # "raisers-edge:00123", ids are text
    field("network_person_id"),
    field("merged_into", door=True, form=is_id),
    stays=lambda connection, ids, leaving: (
        named_by(connection, ids, leaving, "SELECT person FROM registration WHERE NOT gone AND person IS NOT NULL")
        | named_by(connection, ids, leaving, "SELECT merged_into FROM person WHERE NOT gone AND merged_into IS NOT NULL")),
)

education = synced(
    "education",
    field("person"),
    field("school", about=True),
    field("degree", about=True),
    field("major", about=True),
    field("class_year", sa.BigInteger, about=True),
    field("is_primary", sa.Boolean, about=True),
    field("name_at_graduation", about=True),
    part_of="person",
)

household = synced(
    "household",
    field("name", about=True),
    field("formal_greeting", about=True),
    field("informal_greeting", about=True),
)

TABLES = (chapter, person, education, household)
