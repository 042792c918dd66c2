"""Serving: where the server listens, under which certificate, until it is asked to stop."""

from __future__ import annotations

import _thread
import gc
import signal
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO

from alumni_desk.errors import Refused
from alumni_desk.server.certificates import own_certificate, pin
from alumni_desk.server.hosts import Network, is_known_to_others, is_loopback
from alumni_desk.server.limits import CALLS_A_SECOND
from alumni_desk.server.state import Server, address_for_laptops, keep_address, read_state
from alumni_desk.server.tidying import tidying
from alumni_desk.sync.kept import PARTED
from alumni_desk.words import _


@dataclass(frozen=True)
class Listening:
    """What ``serve`` tells the world: its address, the fingerprint that joins by a typed address want, and what invitations say (None: no address)."""

    url: str
    fingerprint: str | None
    laptops: str | None = None


@dataclass(frozen=True)
class Certificate:
    """Paths of a certificate and its key."""

    certificate: Path
    key: Path


def certificate_for(host: str, folder: Path, *, cert: Path | None, key: Path | None, behind_proxy: bool,
                    proxies: Sequence[Network] = ()) -> Certificate | None:
    """The certificate to serve under, None on loopback and for proxies of a private network that alone may speak to it.

    Makes the server's own beyond loopback, if no proxy was promised.
    """
    if (cert is None) != (key is None):
        raise Refused("server_tls_half", _("A certificate needs its key. Give both --tls-cert and --tls-key."))
    if cert is not None and key is not None:
        for path in (cert, key):
            if not path.is_file():
                raise Refused("server_tls_missing", _("There is no file {file}. Check the path to the certificate and its key."), file=str(path))
        _must_fit(cert, key)
        return Certificate(cert, key)
    if is_loopback(host):
        return None
    if proxies and not all(one.is_private for one in proxies):
        raise Refused("server_proxy_public", _(
            "What the server says to the proxy is not encrypted, so --proxy-from takes addresses of a private network alone. Give --tls-cert and --tls-key "
            "for a proxy elsewhere."))
    if behind_proxy and not proxies:
        raise Refused("server_proxy_plain", _(
            "Behind a proxy the server listens on this computer alone, for what it says to the proxy is not encrypted. Leave --host away; or, for a proxy in "
            "another container of this computer, name its address, which alone may connect then: --proxy-from; or give --tls-cert and --tls-key."))
    if proxies:
        return None
    return Certificate(*own_certificate(folder, host))


def _must_fit(cert: Path, key: Path) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, password=lambda: "")
    except (ssl.SSLError, OSError, ValueError):
        raise Refused("server_tls_unfit", _(
            "The certificate {cert} and the key {key} cannot be used together. Both must be PEM files, the key must be the certificate’s own and "
            "have no password."), cert=str(cert), key=str(key)) from None


EVERYWHERE = ("0.0.0.0", "::", "[::]")
"""Listening on every address of this computer."""

_LOOKED_FOR_LOOPS = (50_000, 20, 50)
"""How seldom: a push of thousands is so many small objects at once, none of them in a loop, and each look goes through all of them."""


_TURN_SECONDS = 0.0005
"""How long a thread may keep others waiting that have their answer from the database: ten times shorter than usual, for each push waits for three."""


@dataclass(frozen=True)
class Terms:
    """How a server serves: see the options of ``serve``. ``proxies``: who alone may connect, besides this computer; empty for everybody.
    ``here``: this computer reaches it at 127.0.0.1, whatever address it listens on."""

    rate: float = CALLS_A_SECOND
    behind_proxy: bool = False
    proxies: Sequence[Network] = ()
    share_port: bool = False
    open_metrics: bool = False
    public: str | None = None
    here: bool = False


def serve(server: Server, *, host: str, port: int, certificate: Certificate | None, terms: Terms, ready: Callable[[Listening], None]) -> None:
    """Serve until SIGTERM or Ctrl+C: then nothing new is taken, requests in work are finished. ``port`` 0 takes a free one."""
    import uvicorn

    from alumni_desk.server.app import make_app
    from alumni_desk.server.connections import Patient, PatientServer, behind

    listeners = [_listen(host, port, shared=terms.share_port)]
    port = listeners[0].getsockname()[1]
    if terms.here and host not in (*EVERYWHERE, "127.0.0.1", "localhost"):
        try:
            listeners.append(_listen("127.0.0.1", port, shared=terms.share_port))
        except Refused:
            listeners[0].close()
            raise
    url, pinned = _url(host, port, certificate is not None), pin(certificate.certificate) if certificate else None
    # Behind a proxy our own address is of no use to anybody: plain, and on this computer alone. Nor is a name that only this computer knows.
    useless = terms.behind_proxy or (host in EVERYWHERE and not terms.public and not is_known_to_others(socket.gethostname()))
    keep_address(server, None if useless else url, pinned, public=terms.public)
    with server.database.reading() as connection:
        laptops, _pin = address_for_laptops(read_state(connection, server.tables))
    address = Listening(url, pinned, laptops)
    app = make_app(server, rate=terms.rate, open_metrics=terms.open_metrics, kept=terms.here)

    class Stoppable(PatientServer):
        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            app.state.end_waiting()  # whoever waits for news is told that there are none
            super().handle_exit(sig, frame)

    config = uvicorn.Config(
        app, http=behind(terms.proxies) if terms.proxies else Patient, ws="none", log_config=None, access_log=False,
        lifespan="off", server_header=False, date_header=False,
        timeout_keep_alive=75, timeout_graceful_shutdown=20, limit_concurrency=4_096,
        proxy_headers=terms.behind_proxy, forwarded_allow_ips=["127.0.0.1", *map(str, terms.proxies)] if terms.behind_proxy else None,
        ssl_certfile=str(certificate.certificate) if certificate else None, ssl_keyfile=str(certificate.key) if certificate else None)
    stoppable = Stoppable(config)

    def end(*_: object) -> None:  # before uvicorn listens to signals; and after it has stopped, when it raises them once more
        stoppable.should_exit = True

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    ready(address)
    gc.freeze()  # what is there now stays
    gc.set_threshold(*_LOOKED_FOR_LOOPS)
    sys.setswitchinterval(_TURN_SECONDS)
    try:
        with tidying(server), _told_where(server, host, port, kept=terms.here):
            stoppable.run(sockets=listeners)
    finally:
        for listener in listeners:
            listener.close()


def _told_where(server: Server, host: str, port: int, *, kept: bool) -> AbstractContextManager[None]:
    """For the laptop that keeps a chapter: the others are told where it is, unless it serves at one address alone."""
    if not kept or host != "0.0.0.0":
        return nullcontext()
    from alumni_desk.server.whereabouts import told

    return told(server, port)


def end_with(stream: IO[str], part: Callable[[], None]) -> None:
    """End serving, as SIGTERM does, when whoever holds the other end of this stream lets go of it: a window that was closed, or killed. ``part``: what to
    do where it says that the chapter is at another server."""

    def wait() -> None:
        try:
            while said := stream.readline():
                if said.strip() == PARTED:
                    part()
        finally:
            _thread.interrupt_main(signal.SIGINT)

    threading.Thread(target=wait, name="end-with", daemon=True).start()


def _listen(host: str, port: int, *, shared: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # said, so that asyncio sends small answers at once (TCP_NODELAY)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            if not hasattr(socket, "SO_REUSEPORT"):
                raise Refused("server_port_alone", _("This system cannot share a port between programs. Give each its own --port and put a proxy in front."))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((host.strip("[]"), port))
        listener.listen(512)
    except OSError:
        listener.close()
        raise Refused("server_port_taken", _(
            "Nothing can listen on {host}, port {port}: another program uses it or it is not an address of this computer. "
            "Choose another with --port or --host."), host=host, port=port) from None
    return listener


def _url(host: str, port: int, encrypted: bool) -> str:
    if host in EVERYWHERE:
        host = socket.gethostname()  # every address of this computer: others know it by its name
    name = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"{'https' if encrypted else 'http'}://{name}:{port}"
