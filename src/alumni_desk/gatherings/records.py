"""Tables of gatherings and registrations."""

from __future__ import annotations

import uuid

import sqlalchemy as sa

from alumni_desk.gatherings.kinds import ANSWERS
from alumni_desk.protocol import forms
from alumni_desk.protocol.ids import uuid5
from alumni_desk.protocol.values import is_id
from alumni_desk.store.listed import each
from alumni_desk.store.synced import field, named_by, synced

gathering = synced(
    "gathering",
    field("name", door=True),
    field("kind", door=True),  # reception, dinner, talk, … see gatherings.kinds
    field("mode", door=True),  # in_person | online | hybrid
    field("place", door=True),
    field("address", door=True),
    field("city", door=True),
    field("online_link"),
    field("starts", door=True, form=forms.wall_time),  # local wall time, YYYY-MM-DDTHH:MM
    field("ends", door=True, form=forms.wall_time),
    field("time_zone", door=True),  # IANA name
    field("capacity", sa.BigInteger, door=True),
    field("status", door=True, form=forms.one_of("planned", "cancelled")),
    field("cancelled_reason", door=True),
    field("description"),
    stays=lambda connection, ids, leaving: named_by(connection, ids, leaving, "SELECT gathering FROM registration WHERE NOT gone"),
)

registration = synced(
    "registration",
    field("gathering", door=True, form=is_id),
    field("person", door=True, form=is_id),
    field("host", door=True, form=is_id),  # the registration whose guest this is
    field("status", door=True, form=forms.one_of(*ANSWERS)),
    field("answered_at", door=True, form=forms.moment),
    field("badge_name", door=True, about=True, form=forms.line),
    field("badge_tail", door=True, about=True, form=forms.short),
    field("table_name", door=True, form=forms.short),
    field("meal", door=True, about=True, form=forms.short),
    field("code", door=True, form=forms.badge),  # what the QR on badge and ticket carries, see protocol.codes
    field("door_note", door=True, about=True, form=forms.short),
    field("walk_in", sa.Boolean, door=True),
    audience="row",
    stays=lambda connection, ids, leaving: named_by(
        connection, ids, leaving, "SELECT r.id FROM registration AS r CROSS JOIN fact AS f ON f.gathering = r.gathering AND f.registration = r.id"
        f" WHERE f.kind = 'in' AND NOT EXISTS (SELECT 1 FROM fact AS c, {each('c.closes')} AS j WHERE c.gathering = f.gathering"
        " AND c.registration = f.registration AND c.kind = 'void' AND j.value = f.id)", by="f.id"),
)

_REGISTRATION = uuid.UUID("6f1c6c1e-6f0a-5d0e-9d6b-0a1f3a9b7c55").bytes


def registration_id(gathering_id: str, person_id: str) -> str:
    """The one id a person's registration for a gathering can have, on every laptop: UUIDv5(gathering, person)."""
    return uuid5(_REGISTRATION, f"{gathering_id}/{person_id}")


TABLES = (gathering, registration)
