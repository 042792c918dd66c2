"""Who serves holds a place in the database, so that nobody restores it meanwhile; after a restart of the database, too."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from alumni_desk.errors import Refused
from alumni_desk.server import opening
from alumni_desk.server.database import postgresql_database
from alumni_desk.server.opening import held

HOLDERS = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"


def test_a_database_that_restarts_is_not_restored_under_those_who_serve(postgres_url: str, make_server: Callable[..., Any]) -> None:
    server = make_server(postgres_url)
    database = postgresql_database(postgres_url)
    with database.engine.connect() as admin:
        [first] = admin.execute(sa.text(HOLDERS)).scalars().all()
        admin.execute(sa.text(f"SELECT pg_terminate_backend({first})"))
        admin.commit()
        until = time.monotonic() + 30
        while (again := [one for one in admin.execute(sa.text(HOLDERS)).scalars() if one != first]) == []:
            admin.commit()
            assert time.monotonic() < until, "the lock is not taken again"
            time.sleep(0.1)
    with pytest.raises(Refused), held(database, Path(), alone=True):
        pass
    # And where somebody was quicker, the process ends by itself.
    with database.engine.connect() as restoring, database.engine.connect() as admin:
        waiting = threading.Thread(target=lambda: restoring.execute(sa.text(f"SELECT pg_advisory_lock({opening._SERVING})")))
        waiting.start()
        while admin.execute(sa.text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")).scalar() == 0:
            admin.commit()
            time.sleep(0.05)
        admin.execute(sa.text(f"SELECT pg_terminate_backend({again[0]})"))
        admin.commit()
        waiting.join(30)
        assert server.process.wait(30) == 0
    database.close()
