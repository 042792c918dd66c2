"""Where laptops are on a network: the addresses of this one, and addresses that people type."""

from __future__ import annotations

import socket
import struct
import sys
from dataclasses import dataclass
from ipaddress import IPv4Interface, ip_address, ip_interface
from urllib.parse import parse_qs, urlsplit

from alumni_desk.errors import BadInput
from alumni_desk.words import _

PORT = 7807
"""Where a laptop listens unless told otherwise or somebody else is there: one number to allow in a firewall."""


_FLAGS, _RUNNING = 0x8913, 0x40
"""Linux’s question for an adapter’s flags (SIOCGIFFLAGS), and the flag for a link (IFF_RUNNING)."""

SCHEME = "alumnidesk"
"""What the text of our QR codes begins with."""


@dataclass(frozen=True)
class Place:
    """A laptop's address."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def read_place(text: str) -> Place:
    """The address in what somebody typed: ``192.168.1.7:7807``; the port may be left away."""
    plain = text.strip().removeprefix("http://").rstrip("/")
    host, colon, port = plain.rpartition(":")
    if not colon or (plain.count(":") > 1 and not plain.startswith("[")):
        host, port = plain, str(PORT)
    host = host.strip("[]")
    if not _is_host(host) or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise BadInput("venue_address", _("“{text}” is not a laptop’s address. It looks like 192.168.1.7:{port}, as the other laptop shows it."),
                       text=text.strip()[:80], port=PORT)
    return Place(host, int(port))


def _is_host(host: str) -> bool:
    """Whether it may be the name or the number of a computer; without a part between two dots, say, no system even looks for it."""
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return bool(host) and host.isprintable() and not any(letter in host for letter in "/ @?#")


def read_qr(text: str) -> tuple[str, str] | None:
    """Address and code in the text of a laptop's QR code; None if it is none."""
    try:
        parts = urlsplit(text.strip())
    except ValueError:  # a bracket where an address would stand
        return None
    if parts.scheme.lower() != SCHEME or parts.netloc != "laptop":
        return None
    said = parse_qs(parts.query)
    return (said["at"][0], said["code"][0]) if {"at", "code"} <= said.keys() else None


def interfaces() -> list[IPv4Interface]:
    """This computer's addresses on networks that others may be in, the likeliest first."""
    return [one for _name, one in _named()]


def connected() -> list[IPv4Interface]:
    """Those of them that have a link now: a fixed address stays when the cable is out or the Wi-Fi is off."""
    return [one for name, one in _named() if _has_link(name)]


def _named() -> list[tuple[str, IPv4Interface]]:
    """Each with the name of its adapter."""
    import ifaddr

    found = [(adapter.name, ip_interface(f"{one.ip}/{one.network_prefix}")) for adapter in ifaddr.get_adapters() for one in adapter.ips
             if isinstance(one.ip, str)]
    here = [(name, one) for name, one in found if isinstance(one, IPv4Interface) and not one.ip.is_loopback]
    return sorted(here, key=lambda pair: (pair[1].ip.is_link_local, not pair[1].ip.is_private))


def _has_link(adapter: str) -> bool:
    """Whether something is at the other end, as far as the system says."""
    if sys.platform != "linux":  # only Linux says it without more
        return True
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            told = fcntl.ioctl(asking, _FLAGS, struct.pack("16sH14x", adapter.encode()[:15], 0))
        except OSError:  # it went away this moment, or has no flags
            return True
    return bool(struct.unpack("16sH14x", told)[1] & _RUNNING)


def own_address() -> str:
    """What others type to reach this computer; the loopback address where there is no network."""
    here = interfaces()
    return str(here[0].ip) if here else "127.0.0.1"


def address_for_others() -> str:
    """This computer's address as others reach a server on it; the name of the computer if it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(("192.0.2.1", 9))  # a documentation address: nothing is sent, the system only says by which way it would go
            return str(asking.getsockname()[0])
        except OSError:  # no way out, as on a cable between two laptops
            here = connected() or interfaces()
            return str(here[0].ip) if here else socket.gethostname()


def same_network(host: str, here: list[IPv4Interface]) -> bool:
    """Whether an address lies in a network that this computer is in."""
    try:
        address = ip_address(host)
    except ValueError:
        return True  # a name: who knows
    return address.is_loopback or any(address in one.network for one in here)
