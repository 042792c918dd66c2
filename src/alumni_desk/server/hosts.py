"""Which addresses are this computer alone, and whether others know it by its name."""

from __future__ import annotations

import re
import socket
from ipaddress import ip_address

_CONTAINER = re.compile(r"[0-9a-f]{12}|[0-9a-f]{64}")
"""The names that container programs make up; inside the container they lead to an address, outside nobody knows them."""


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine alone."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def is_known_to_others(name: str) -> bool:
    """Whether this computer's own name may lead others to it: a whole one, or one that leads to more than the computer itself."""
    if is_loopback(name) or name.lower().startswith("localhost.") or _CONTAINER.fullmatch(name):
        return False
    if "." in name:
        return True
    try:
        return any(not is_loopback(str(found[4][0]).partition("%")[0]) for found in socket.getaddrinfo(name, None))
    except (OSError, UnicodeError):
        return False
