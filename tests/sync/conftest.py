"""Real parts for the sync: PostgreSQL, a server process on a free port, and desks with profiles of their own."""

from __future__ import annotations

import json
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.sync.hosts import make_laptop, venue

from alumni_desk.schema import open_desk
from alumni_desk.server.database import postgresql_database
from alumni_desk.server.invitations import invite
from alumni_desk.server.state import now_ms, open_server
from alumni_desk.store.desk import Desk
from alumni_desk.store.profile import Profile

__all__ = ["make_laptop", "venue"]
"""Fixtures of another file."""


@dataclass
class RunningServer:
    """A server process with its profile; it can be killed and started again at the same port."""

    profile: Path
    database: str | None
    url: str = ""
    process: subprocess.Popen[str] | None = None
    port: int = 0
    extra: list[str] = field(default_factory=list)

    def command(self, *arguments: str) -> list[str]:
        """A command line of the program in this server's profile."""
        database = ["--database", self.database] if self.database else []
        return [sys.executable, "-m", "alumni_desk", "--profile", str(self.profile), *arguments, *database]

    def run(self, *arguments: str) -> Any:
        """Run a command and give its JSON."""
        done = subprocess.run(self.command(*arguments, "--json"), capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def start(self) -> RunningServer:
        """Start the process and wait until it is ready."""
        self.process = subprocess.Popen(self.command("serve", "--port", str(self.port), "--json", *self.extra), stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the server did not say where it listens"
        said = json.loads(line)
        self.url = said["url"] + (f"#sha256={said['fingerprint']}" if said["fingerprint"] else "")
        self.port = int(said["url"].rsplit(":", 1)[1])
        if not said["fingerprint"]:
            session = requests.Session()
            session.trust_env = False
            with session, session.get(f"{said['url']}/healthz", timeout=20) as answer:
                assert answer.status_code == 200
        return self

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(20)
            if self.process.stdout is not None:
                self.process.stdout.close()
            self.process = None

    def stop(self) -> int:
        """End it as a system does, and give its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        if self.process.stdout is not None:
            self.process.stdout.close()
        self.process = None
        return code

    def invite(self, chapter: str = "Boston", role: str = "leader", gathering: str | None = None) -> str:
        """A fresh invitation's code, made as the command makes it."""
        if self.database is None:
            of = ["--gathering", gathering] if gathering else []
            return str(self.run("server", "invite", "--chapter", chapter, "--role", role, *of)["code"])
        database = postgresql_database(self.database)
        try:
            return invite(open_server(database), chapter=chapter, role=role, gathering=gathering, now=now_ms()).code
        finally:
            database.close()


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[Callable[..., RunningServer]]:
    """Starts servers, and ends them after the test."""
    made: list[RunningServer] = []

    def make(database: str | None = None, extra: list[str] | None = None) -> RunningServer:
        server = RunningServer(tmp_path / f"server-{len(made)}", database, extra=extra or [])
        made.append(server)
        return server.start()

    yield make
    for server in made:
        server.kill()


@pytest.fixture(scope="session")
def lasting_server(new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server on PostgreSQL for the whole run; each test has a chapter of its own there."""
    server = RunningServer(tmp_path_factory.mktemp("lasting"), new_database()).start()
    yield server
    server.kill()


@dataclass(frozen=True)
class Office:
    """One chapter at a server."""

    server: RunningServer
    chapter: str

    @property
    def url(self) -> str:
        """Where to join."""
        return self.server.url

    def invite(self, role: str = "leader", gathering: str | None = None) -> str:
        """A fresh invitation into this chapter."""
        return self.server.invite(self.chapter, role, gathering)


@pytest.fixture
def office(lasting_server: RunningServer) -> Office:
    """A new chapter at the lasting server."""
    return Office(lasting_server, f"Chapter {secrets.token_hex(4)}")


@pytest.fixture
def make_certificate(tmp_path: Path) -> Callable[..., list[str]]:
    """Makes certificates for this computer; gives the options of ``serve`` for each."""

    def make(name: str, issuer: str = "127.0.0.1", days: tuple[int, int] = (-1, 1)) -> list[str]:
        secret, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
        subject, by = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in ("127.0.0.1", issuer))
        made = (x509.CertificateBuilder().subject_name(subject).issuer_name(by).public_key(secret.public_key())
                .serial_number(x509.random_serial_number()).not_valid_before(now + timedelta(days[0])).not_valid_after(now + timedelta(days[1]))
                .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False).sign(secret, hashes.SHA256()))
        certificate, key = tmp_path / f"{name}.crt", tmp_path / f"{name}.key"
        certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        key.write_bytes(secret.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        return ["--tls-cert", str(certificate), "--tls-key", str(key)]

    return make


@pytest.fixture
def make_desk(tmp_path: Path) -> Iterator[Callable[[str], Desk]]:
    """Opens desks by name; the same name is the same profile."""
    made: list[Desk] = []

    def make(name: str) -> Desk:
        desk = open_desk(Profile(tmp_path / f"desk-{name}"))
        made.append(desk)
        return desk

    yield make
    for desk in made:
        desk.close()
