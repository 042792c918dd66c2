"""Of very many conflicts a reply tells the newest, and never half of what was changed at once."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from alumni_desk.protocol.messages import ConflictsReply, ScopeRequest
from alumni_desk.server import conflicts

FIELDS = ("street", "city", "region", "postal_code", "country")


@pytest.mark.parametrize(("most", "told"), [(9, 5), (10, 10), (11, 10), (14, 10), (15, 15), (500, 15)])
def test_an_address_is_told_whole_or_not_yet(office: Any, monkeypatch: pytest.MonkeyPatch, most: int, told: int) -> None:
    laptop = office.laptop()
    rows = [{"scope": laptop.scope, "operation": f"operation {number}", "field": name, "table_name": "person", "row_id": f"person {number}",
             "winner_clock": f"2-{number}-a", "loser_clock": f"1-{number}-b", "loser_value": '"there"', "device": laptop.device,
             "made_at": office.time() - number} for number in range(3) for name in FIELDS]
    with office.server.database.writing() as connection:
        connection.execute(sa.insert(office.server.tables.tables["conflict"]), rows)
    monkeypatch.setattr(conflicts, "LISTED", most)
    reply = office.call("conflicts", ScopeRequest(laptop.scope), ConflictsReply, laptop.token)
    assert [(one.operation, one.field) for one in reply.conflicts] == sorted((row["operation"], row["field"]) for row in rows[:told])
