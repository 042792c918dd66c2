"""Serving: where the server listens, under which certificate, until it is asked to stop."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from alumni_desk.errors import Refused
from alumni_desk.server.certificates import fingerprint, own_certificate
from alumni_desk.server.state import Server, keep_address
from alumni_desk.words import _


@dataclass(frozen=True)
class Listening:
    """What ``serve`` tells the world: its address, and the fingerprint that joins by a typed address want."""

    url: str
    fingerprint: str | None


@dataclass(frozen=True)
class Certificate:
    """Paths of a certificate and its key."""

    certificate: Path
    key: Path


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine alone."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def certificate_for(host: str, folder: Path, *, cert: Path | None, key: Path | None, behind_proxy: bool) -> Certificate | None:
    """The certificate to serve under, None on loopback or behind a proxy that has one. Makes the server's own beyond loopback."""
    if (cert is None) != (key is None):
        raise Refused("server_tls_half", _("A certificate needs its key. Give both --tls-cert and --tls-key."))
    if cert is not None and key is not None:
        for path in (cert, key):
            if not path.is_file():
                raise Refused("server_tls_missing", _("There is no file {file}. Check the path to the certificate and its key."), file=str(path))
        return Certificate(cert, key)
    if behind_proxy or is_loopback(host):
        return None
    return Certificate(*own_certificate(folder, host))


def serve(server: Server, *, host: str, port: int, certificate: Certificate | None, behind_proxy: bool,
          ready: Callable[[Listening], None]) -> None:
    """Serve until SIGTERM or Ctrl+C; requests in work are finished first. ``port`` 0 takes a free one."""
    import uvicorn

    from alumni_desk.server.app import make_app

    listener = _listen(host, port)
    address = Listening(_url(host, listener.getsockname()[1], certificate is not None),
                        fingerprint(certificate.certificate) if certificate else None)
    keep_address(server, address.url, address.fingerprint)
    config = uvicorn.Config(
        make_app(server), log_level="warning", access_log=False, lifespan="off", server_header=False, date_header=False,
        timeout_keep_alive=75, timeout_graceful_shutdown=20, h11_max_incomplete_event_size=64 * 1024, limit_concurrency=512,
        proxy_headers=behind_proxy, forwarded_allow_ips="127.0.0.1" if behind_proxy else None,
        ssl_certfile=str(certificate.certificate) if certificate else None, ssl_keyfile=str(certificate.key) if certificate else None)
    signal.signal(signal.SIGTERM, lambda *_: None)  # uvicorn raises it once more when it has stopped: that is no failure
    signal.signal(signal.SIGINT, lambda *_: None)
    ready(address)
    try:
        uvicorn.Server(config).run(sockets=[listener])
    finally:
        listener.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host.strip("[]"), port))
        listener.listen(512)
    except OSError:
        listener.close()
        raise Refused("server_port_taken", _(
            "Nothing can listen on {host}, port {port}: another program uses it or it is not an address of this computer. "
            "Choose another with --port or --host."), host=host, port=port) from None
    return listener


def _url(host: str, port: int, encrypted: bool) -> str:
    if host in ("0.0.0.0", "::", "[::]"):
        host = socket.gethostname()  # every address of this computer: others know it by its name
    name = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"{'https' if encrypted else 'http'}://{name}:{port}"
