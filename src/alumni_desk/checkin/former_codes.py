"""Codes that a guest's badge carries and the list does not any more: two laptops gave one guest a code each, and badges were printed before they heard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alumni_desk.store import driver

if TYPE_CHECKING:
    import sqlalchemy as sa

# CROSS: from the gathering's list, else SQLite goes through all that was ever written here.
_FORMERLY = (
    "SELECT id FROM (SELECT r.id FROM registration AS r CROSS JOIN operation AS o INDEXED BY operation_row ON o.table_name = 'registration'"
    " AND o.row_id = r.id WHERE r.gathering = ?1 AND NOT r.gone AND +o.rowid NOT IN (SELECT operation FROM refused) AND o.fields ->> '$.code' = ?2"
    " UNION SELECT r.id FROM registration AS r CROSS JOIN past AS p INDEXED BY past_row ON p.table_name = 'registration' AND p.row_id = r.id"
    " WHERE r.gathering = ?1 AND NOT r.gone AND p.field = 'code' AND p.value ->> '$' = ?2)"
    " WHERE NOT EXISTS (SELECT 1 FROM registration WHERE code = ?2) ORDER BY id")


def formerly(connection: sa.Connection, gathering: str, code: str) -> list[str]:
    """The registrations at a gathering that were once given this code, as far as is known here; none where somebody has it now, on a list or off it."""
    return [row[0] for row in driver.rows(connection, _FORMERLY, (gathering, code))]
