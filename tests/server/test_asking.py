"""Questions in one go: whatever the texts are, the right rows, on both databases; and the driver's errors in SQLAlchemy's words."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from alumni_desk.server.asking import ask, find, in_one_go, rows_of, tell
from alumni_desk.server.database import Database
from alumni_desk.server.tables import all_tables

ODD = ["", " ", '"', '""', "\\", '\\"', '","', "{}", "{a}", "a,b", "NULL", "null", "'", "?", "%s", "%", "é", "𝔄", "a\nb", "[1]"]


def test_a_list_finds_each_of_its_texts_and_nothing_else(database: Database) -> None:
    with database.writing() as connection:
        with in_one_go(connection):
            for number, text in enumerate(ODD):
                tell(connection, "INSERT INTO erased (scope, table_name, row_id, erased_at) VALUES (?, 'person', ?, ?)", "s", text, number)
        with in_one_go(connection):
            asked = [find(connection, "row_id, erased_at", "erased", "row_id", part, scope="s", table_name="person")
                     for part in (ODD, [], *([one] for one in ODD), ODD[::2], ["elsewhere"])]
            found = [sorted(tuple(row) for row in answer()) for answer in asked]
    numbered = [(text, number) for number, text in enumerate(ODD)]
    assert found == [sorted(numbered), [], *([one] for one in numbered), sorted(numbered[::2]), []]


def test_a_question_that_is_kept_is_asked_with_other_values(database: Database) -> None:
    table = all_tables().tables["server_state"]
    kept = sa.select(table.c.key, table.c.value.label("from")).where(table.c.key == sa.bindparam("name"), table.c.value != "never")
    with database.writing() as connection:
        for name in ("one", "two"):
            tell(connection, "INSERT INTO server_state (key, value) VALUES (?, ?)", name, name.upper())
        assert [[tuple(row) for row in rows_of(connection, kept, name=name)] for name in ("one", "two", "three")] == [[("one", "ONE")], [("two", "TWO")], []]


def test_what_goes_wrong_is_said_as_ever(database: Database) -> None:
    with pytest.raises(sa.exc.DBAPIError), database.writing() as connection:
        ask(connection, "SELECT nothing FROM nowhere")
    with pytest.raises(sa.exc.DBAPIError), database.writing() as connection, in_one_go(connection):
        tell(connection, "INSERT INTO server_state (key, value) VALUES (?, 'x')", "kept")
        tell(connection, "INSERT INTO server_state (key, value) VALUES (?, 'y')", "kept")
    with database.reading() as connection:
        assert ask(connection, "SELECT key FROM server_state WHERE key = ?", "kept")() == [], "neither of them"
