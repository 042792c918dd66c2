"""A server's address as people are given it: ``https://host:port``, with ``#sha256=…`` where its certificate is its own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from alumni_desk.errors import BadInput, Refused
from alumni_desk.words import _

_HOST = re.compile(r"(?:[\w-]+(?:\.[\w-]+)*\.?|[0-9a-f:.]*:[0-9a-f:.]*)\Z")
_FINGERPRINT = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True)
class Address:
    """Where a server is; ``fingerprint`` (SHA-256, hexadecimal) pins its certificate, None trusts the public authorities."""

    url: str
    fingerprint: str | None

    @property
    def loopback(self) -> bool:
        """Whether the server runs on this very computer."""
        host = urlsplit(self.url).hostname or ""
        try:
            return ip_address(host).is_loopback
        except ValueError:
            return host.lower() == "localhost"


def read_address(text: str) -> Address:
    """The address in what somebody typed or pasted; a missing ``https://`` is supplied. Plain http is for this computer alone."""
    url, _hash, pin = text.strip().partition("#")
    if "://" not in url:
        url = f"https://{url}"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not _HOST.match(parts.hostname or "") or parts.username or parts.query:
        raise BadInput("sync_address", _("“{text}” is not a server’s address. It looks like https://desk.example.edu."), text=text.strip()[:80])
    name = parts.hostname or ""
    host = f"[{name}]" if ":" in name else name
    plain = f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path.rstrip('/')}"
    fingerprint = pin.lower().removeprefix("sha256=").replace(":", "") if pin else None
    if fingerprint is not None and not _FINGERPRINT.match(fingerprint):
        raise BadInput("sync_fingerprint", _("The part of the address after # is not complete. Copy the whole address from the invitation."))
    address = Address(plain, fingerprint)
    if parts.scheme == "http" and not address.loopback:
        raise Refused("sync_not_encrypted", _(
            "That address is not encrypted, so everybody on the way could read the members’ data. Ask for the address that begins with https://."))
    return address
