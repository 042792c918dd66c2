"""What a server says while its database is taken from it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import sqlalchemy as sa
from tests.sync.test_sync_processes import Laptop

from alumni_desk.protocol.messages import HelloReply, HelloRequest, pack


def test_connections_that_are_cut_are_told_in_json_alone(make_server: Any, migrated_url: str, tmp_path: Path) -> None:
    server = make_server(migrated_url)
    server.stop()
    errors = tmp_path / "log"
    away = sa.make_url(migrated_url)
    admin = sa.create_engine(away.set(database="postgres"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with errors.open("w") as stream:
        server.process = subprocess.Popen(server.command("serve", "--port", "0", "--json", "--log"), stdout=subprocess.PIPE, stderr=stream, text=True)
        url = json.loads(server.process.stdout.readline())["url"]
        laptop = Laptop(url, server.invite("Boston"))
        with laptop.http as http, admin.connect() as connection:
            laptop.call("hello", HelloRequest(who="Zoë", same=b"-"), HelloReply)
            connection.exec_driver_sql(f"ALTER DATABASE {away.database} ALLOW_CONNECTIONS false")
            connection.exec_driver_sql(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{away.database}'")
            asked = {"data": pack(HelloRequest(who="Zoë", same=b"-")), "headers": {"authorization": f"Bearer {laptop.token}"}}
            assert http.post(f"{url}/sync/v1/hello", timeout=30, **asked).status_code == 503
            assert http.get(f"{url}/readyz", timeout=30).status_code == 503
            connection.exec_driver_sql(f"ALTER DATABASE {away.database} ALLOW_CONNECTIONS true")
            assert http.get(f"{url}/readyz", timeout=30).status_code == 200
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(30) == 0
    said = errors.read_text("utf-8")
    lines = [json.loads(line) for line in said.splitlines()]
    assert [line for line in lines if "QueuePool" in line["event"] and "fault" in line]
    quoted = ("Traceback", "Zoë", "due to administrator", away.database or "", unquote(str(away.query.get("host", ""))))
    assert not [word for word in quoted if word and word in said]


QUOTING = """
import logging, threading, warnings
from alumni_desk.server.reporting import log_to
log_to(requests=False)
logging.getLogger("asyncio").error("Task exception was never retrieved\\nfuture: <Task exception=ValueError('Zoë')>")
logging.getLogger("sqlalchemy.pool.impl.QueuePool").error("non-checked-in connection <psycopg.Connection (host=Zoë)>, which will be dropped")
logging.getLogger("somebody.else").warning("no route to Zoë")
warnings.warn("Zoë has no address", RuntimeWarning)
thread = threading.Thread(target=lambda: int("Zoë"))
thread.start()
thread.join()
"""


def test_whatever_speaks_says_a_line_of_json_without_what_it_quotes() -> None:
    said = subprocess.run([sys.executable, "-c", QUOTING], stderr=subprocess.PIPE, encoding="utf-8", check=False).stderr
    assert "Zo" not in said
    lines = [json.loads(line) for line in said.splitlines()]
    assert [line["event"] for line in lines] == [
        "asyncio", "sqlalchemy.pool.impl.QueuePool: non-checked-in connection", "somebody.else",
        "RuntimeWarning at <string>:8", "a fault while running a thread"]
