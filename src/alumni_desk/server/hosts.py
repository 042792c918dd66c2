"""Which addresses are this computer alone, and whether others know it by its name."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from alumni_desk.errors import BadInput
from alumni_desk.words import _

Network = IPv4Network | IPv6Network

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


def read_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Addresses, or networks of them, as somebody wrote them. Raises BadInput ``server_proxy_from``."""
    found = []
    for text in texts:
        try:
            found.append(ip_network(text.strip().strip("[]")))
        except ValueError:
            raise BadInput("server_proxy_from", _(
                "“{text}” is no address that --proxy-from takes. It looks like 10.89.0.5, or 10.89.0.0/24 for all of a network."), text=text) from None
    return tuple(found)


def peer_address(host: str) -> IPv4Address | IPv6Address | None:
    """The address of whoever has connected; one of IPv4 also where it comes in the form of IPv6."""
    try:
        found = ip_address(host)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def may_speak(address: IPv4Address | IPv6Address | None, proxies: Sequence[Network]) -> bool:
    """Whether a server behind these proxies listens to an address: to theirs, and to this computer's own."""
    return address is not None and (address.is_loopback or any(address in one for one in proxies))
