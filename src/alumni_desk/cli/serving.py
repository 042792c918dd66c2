"""Serving without a window: serve; and what every command of the server shares: its database and the words for moments."""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alumni_desk.cli.arguments import an_address, whole_number
from alumni_desk.cli.output import add_json, drop_output, profile_of, show
from alumni_desk.words import _

if TYPE_CHECKING:
    from alumni_desk.server.database import Database
    from alumni_desk.server.serving import Listening
    from alumni_desk.server.state import Server

DEFAULT_PORT = 8413
DATABASE = "ALUMNI_DESK_DATABASE"


def add_commands(commands: Any) -> None:
    """Declare ``serve``."""
    serve = commands.add_parser(
        "serve", help=_("serve a chapter to its laptops"),
        description=_("Serve until stopped. Says where it listens (JSON: url, fingerprint, laptops: the address that invitations say, or null). /healthz "
                      "answers while it lives, /readyz when its database does, /metrics has figures for Prometheus. Beyond this computer it is "
                      "encrypted: by its own certificate, by --tls-cert and --tls-key, or by a proxy in front of it. On PostgreSQL several may serve "
                      "one database. SIGTERM finishes what is under way."))
    serve.add_argument("--host", type=an_address, default="127.0.0.1", help=_("address to listen on; default this computer alone"))
    serve.add_argument("--port", type=whole_number(0, 65_535), default=DEFAULT_PORT, help=_("port to listen on; 0 takes a free one"))
    serve.add_argument("--share-port", action="store_true", help=_("let several serve processes listen on one port (PostgreSQL; not on Windows)"))
    serve.add_argument("--tls-cert", type=Path, metavar="FILE", help=_("certificate, PEM"))
    serve.add_argument("--tls-key", type=Path, metavar="FILE", help=_("its key, PEM"))
    serve.add_argument("--behind-proxy", action="store_true", help=_("a proxy on this computer does the encryption and says whom it speaks for"))
    serve.add_argument("--proxy-from", metavar="ADDRESS", action="append", default=[], help=_(
        "the same for a proxy that is not on this computer, as in another container: its address, or its private network such as 10.89.0.0/24; whoever else "
        "connects is cut. May be given again"))
    serve.add_argument("--public-url", metavar="URL", help=_(
        "the address by which laptops reach the server, where it is another than it listens on, as in a container; kept for the invitations "
        "to come, '' forgets it"))
    serve.add_argument("--rate", type=float, default=100.0, metavar="N", help=_("calls a second that one laptop may make of this process; default 100"))
    serve.add_argument("--open-metrics", action="store_true", help=_("/metrics for everybody who can reach the server, not for this computer alone"))
    serve.add_argument("--log", action="store_true", help=_("a line of JSON on standard error for each request; warnings stand there in any case"))
    add_database(serve)
    add_json(serve)
    serve.set_defaults(run=run_serve)


def add_database(parser: argparse.ArgumentParser) -> None:
    """Give a command its ``--database`` and ``--journal``."""
    # From the environment too: what stands on a command line, a password with it, can be read by everybody on the computer.
    parser.add_argument("--database", metavar="URL", default=os.environ.get(DATABASE) or None, help=_(
        "postgresql+psycopg://…; default what ALUMNI_DESK_DATABASE says, else an encrypted file in the profile’s folder"))
    parser.add_argument("--journal", type=Path, metavar="FILE", help=_(
        "where removals, moves and used invitations are written beside the database, so that no restore undoes them; default in the profile’s folder"))
    # For a desk that keeps its chapter: the key of the file's database comes on the first line of standard input, and serving ends with that.
    parser.add_argument("--key-stdin", action="store_true", help=argparse.SUPPRESS)


def folder_of(args: argparse.Namespace) -> Path:
    """The profile's folder, made if it is not there."""
    profile = profile_of(args)
    profile.create()
    return profile.path


def journal_of(args: argparse.Namespace) -> Path:
    """Where the journal is."""
    from alumni_desk.server.journal import FILE

    return Path(args.journal) if args.journal else folder_of(args) / FILE


@contextlib.contextmanager
def the_database(args: argparse.Namespace, *, upgrade: bool = False) -> Iterator[Database]:
    """The server's database, open."""
    from alumni_desk.server.opening import open_in_profile
    from alumni_desk.store.troubles import translated

    key = bytes.fromhex(sys.stdin.readline().strip()) if args.key_stdin else None
    folder = folder_of(args)
    url = None if args.key_stdin else args.database  # a chapter that a laptop keeps stays on it, whichever server its environment names
    with translated(folder) if url is None else contextlib.nullcontext():
        database = open_in_profile(folder, url, upgrade=upgrade, key=key)
        try:
            yield database
        finally:
            database.close()


@contextlib.contextmanager
def the_server(args: argparse.Namespace, *, make: bool = False) -> Iterator[Server]:
    """The server, open. Raises NotFound ``no_server`` where there is none, unless it may be made: a mistyped folder would look like a lost chapter."""
    from alumni_desk.server.state import open_server

    if not make:
        refuse_absent(args)
    with the_database(args) as database:
        yield open_server(database, journal_of(args))


def refuse_absent(args: argparse.Namespace) -> None:
    """Raise NotFound ``no_server`` where there is none."""
    from alumni_desk.errors import NotFound
    from alumni_desk.server.database import postgresql_revision
    from alumni_desk.server.opening import FILE

    if args.key_stdin:  # a desk that begins to keep its chapter
        return
    if args.database:
        if postgresql_revision(args.database) is None:
            raise NotFound("no_server", _("The database is empty: there is no server in it. Check its address, or begin with: server init."))
    elif not (profile_of(args).path / FILE).exists():
        raise NotFound("no_server", _("There is no server in {folder}. Name its folder with --profile or its database with --database, "
                                      "or begin with: server init."), folder=profile_of(args).path)


def moment(milliseconds: int | None) -> str | None:
    """A moment as JSON has it."""
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _public(text: str | None) -> str | None:
    """The address for laptops as it is kept. Raises BadInput, in words for whoever runs the server, for one that laptops would refuse."""
    from alumni_desk.errors import BadInput, KnownError
    from alumni_desk.sync.address import read_address

    if not text:
        return text
    try:
        address = read_address(text)
    except KnownError as problem:
        if problem.code == "sync_not_encrypted":
            raise BadInput("public_url", _("--public-url begins with http://, and laptops refuse an address that is not encrypted. Write {url} and see that "
                                           "it answers there: by a proxy in front of the server, or by --tls-cert and --tls-key."),
                           url="https://" + text.strip().partition("#")[0].partition("://")[2].rstrip("/")) from None
        if problem.code == "sync_fingerprint":
            raise BadInput("public_url", _("--public-url has something after # that is no fingerprint of a certificate. Write #sha256= and the 64 letters and "
                                           "figures that openssl x509 -in CERT -noout -fingerprint -sha256 prints, or leave it out where laptops know "
                                           "the certificate’s authority.")) from None
        raise BadInput("public_url", _("--public-url is no address that laptops can use. Write https://, the server’s name and the port if it is not 443, "
                                       "such as https://desk.university.example or https://desk.university.example:8413.")) from None
    return f"{address.url}#sha256={address.fingerprint}" if address.fingerprint else address.url


def run_serve(args: argparse.Namespace) -> int:
    """Serve until stopped."""
    from alumni_desk.errors import BadInput, Refused
    from alumni_desk.server.hosts import read_networks
    from alumni_desk.server.journal import refuse_unwritable
    from alumni_desk.server.opening import held
    from alumni_desk.server.reporting import log_to
    from alumni_desk.server.serving import Terms, certificate_for, end_with, serve

    if args.rate <= 0 or not math.isfinite(args.rate):
        raise BadInput("server_rate", _("--rate is a number of calls a second, above 0."))
    if args.share_port and not args.database:
        raise Refused("server_one_process", _("Only PostgreSQL takes several server processes. Leave --share-port away, or give a --database."))

    def ready(listening: Listening) -> None:
        words = [_("Serving at {url}. Ctrl+C ends it.").format(url=listening.url)]
        if listening.fingerprint:
            words.append(_("Its own certificate: sha256={fingerprint}").format(fingerprint=listening.fingerprint))
        if listening.laptops is None:
            words.append(_("Invitations say no address: give the one by which laptops reach this server with --public-url."))
        show(args, {"url": listening.url, "fingerprint": listening.fingerprint, "laptops": listening.laptops}, "\n".join(words))

    public = _public(args.public_url)
    folder = folder_of(args)
    refuse_unwritable(journal_of(args))
    proxies = read_networks(args.proxy_from)
    behind_proxy = args.behind_proxy or bool(proxies)
    certificate = certificate_for(args.host, folder, cert=args.tls_cert, key=args.tls_key, behind_proxy=behind_proxy, proxies=proxies)
    log_to(requests=args.log)
    terms = Terms(rate=args.rate, behind_proxy=behind_proxy, proxies=proxies, share_port=args.share_port, open_metrics=args.open_metrics,
                  public=public, here=args.key_stdin)
    with the_server(args, make=True) as server, held(server.database, folder, alone=False):
        def part() -> None:
            server.database.part()
            try:
                print("{}", flush=True)  # now its file can be deleted
            except OSError:  # whoever said so has ended meanwhile, and with it this
                drop_output()

        if args.key_stdin:
            end_with(sys.stdin, part)
        serve(server, host=args.host, port=args.port, certificate=certificate, terms=terms, ready=ready)
    return 0
