"""The server without a window: server init, server invite, server devices, serve."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alumni_desk.cli.arguments import whole_number
from alumni_desk.cli.output import add_json, show
from alumni_desk.words import _

if TYPE_CHECKING:
    from alumni_desk.server.serving import Listening
    from alumni_desk.server.state import Server

DEFAULT_PORT = 8413


def add_commands(commands: Any) -> None:
    """Declare the server's commands."""
    server = commands.add_parser("server", help=_("the chapter's server: set up, invite, look"))
    parts = server.add_subparsers(dest="server_command", metavar="COMMAND", required=True)

    init = parts.add_parser("init", help=_("make the server's database"), description=_("Make the server's database. JSON: server, database."))
    init.set_defaults(run=run_init)
    invite = parts.add_parser(
        "invite", help=_("an invitation for one laptop"),
        description=_("Make an invitation for one laptop, valid for seven days, once. Makes the chapter if there is none of that name. "
                      "JSON: code, expires, url, fingerprint."))
    invite.add_argument("--chapter", required=True, metavar="NAME", help=_("name or id of the chapter"))
    invite.add_argument("--role", required=True, choices=("admin", "leader"), help=_("what the laptop may do"))
    invite.set_defaults(run=run_invite)
    devices = parts.add_parser("devices", help=_("the laptops that joined"),
                               description=_("The laptops that joined. JSON: list of id, name, chapter, role, last_seen, revoked."))
    devices.set_defaults(run=run_devices)
    for part in (init, invite, devices):
        _add_database(part)
        add_json(part)

    serve = commands.add_parser(
        "serve", help=_("serve a chapter to its laptops"),
        description=_("Serve until stopped. Says where it listens (JSON: url, fingerprint) and answers /healthz when ready. Beyond this "
                      "computer it is encrypted: by its own certificate, by --tls-cert and --tls-key, or by a proxy in front of it."))
    serve.add_argument("--host", default="127.0.0.1", help=_("address to listen on; default this computer alone"))
    serve.add_argument("--port", type=whole_number(0, 65_535), default=DEFAULT_PORT, help=_("port to listen on; 0 takes a free one"))
    serve.add_argument("--tls-cert", type=Path, metavar="FILE", help=_("certificate, PEM"))
    serve.add_argument("--tls-key", type=Path, metavar="FILE", help=_("its key, PEM"))
    serve.add_argument("--behind-proxy", action="store_true", help=_("a proxy in front of it does the encryption"))
    _add_database(serve)
    add_json(serve)
    serve.set_defaults(run=run_serve)


def _add_database(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--database", metavar="URL", help=_("postgresql+psycopg://…; default an encrypted file in the profile's folder"))


def _folder(args: argparse.Namespace) -> Path:
    from alumni_desk.store.profile import Profile, default_profile

    profile = Profile(Path(args.profile)) if getattr(args, "profile", None) else default_profile()
    profile.create()
    return profile.path


@contextlib.contextmanager
def _server(args: argparse.Namespace) -> Iterator[Server]:
    from alumni_desk.server.opening import open_in_profile
    from alumni_desk.server.state import open_server

    database = open_in_profile(_folder(args), args.database)
    try:
        yield open_server(database)
    finally:
        database.close()


def _moment(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def run_init(args: argparse.Namespace) -> int:
    """Make the database."""
    with _server(args) as server:
        kind = "postgresql" if server.database.postgresql else "sqlcipher"
        show(args, {"server": server.id, "database": kind}, _("The server's database is ready."))
    return 0


def run_invite(args: argparse.Namespace) -> int:
    """Make an invitation."""
    from alumni_desk.server.invitations import invite
    from alumni_desk.server.state import now_ms, read_state

    with _server(args) as server:
        made = invite(server, chapter=args.chapter, role=args.role, now=now_ms())
        with server.database.reading() as connection:
            known = read_state(connection, server.tables)
    fingerprint = known.get("fingerprint") or None
    url = known.get("url")
    if url and fingerprint:
        url = f"{url}#sha256={fingerprint}"
    data = {"code": made.code, "expires": _moment(made.expires), "url": url, "fingerprint": fingerprint}
    human = _("Code: {code}\nValid until {expires}, once.").format(code=made.code, expires=data["expires"])
    show(args, data, human if url is None else _("{code}\nServer: {url}").format(code=human, url=url))
    return 0


def run_devices(args: argparse.Namespace) -> int:
    """List the laptops."""
    from alumni_desk.server.devices import device_rows

    with _server(args) as server:
        rows = device_rows(server)
    data = [{"id": row.id, "name": row.name, "chapter": row.chapter, "role": row.role, "last_seen": _moment(row.last_seen),
             "revoked": row.revoked} for row in rows]
    human = "\n".join(f"{row['name'] or row['id']} · {row['chapter']} · {row['role']} · {row['last_seen']}" for row in data)
    show(args, data, human or _("No laptop has joined yet."))
    return 0


def run_serve(args: argparse.Namespace) -> int:
    """Serve until stopped."""
    from alumni_desk.server.serving import certificate_for, serve

    def ready(listening: Listening) -> None:
        human = _("Serving at {url}. Ctrl+C ends it.").format(url=listening.url)
        if listening.fingerprint:
            human += "\n" + _("Its own certificate: sha256={fingerprint}").format(fingerprint=listening.fingerprint)
        show(args, {"url": listening.url, "fingerprint": listening.fingerprint}, human)

    certificate = certificate_for(args.host, _folder(args), cert=args.tls_cert, key=args.tls_key, behind_proxy=args.behind_proxy)
    with _server(args) as server:
        serve(server, host=args.host, port=args.port, certificate=certificate, behind_proxy=args.behind_proxy, ready=ready)
    return 0
