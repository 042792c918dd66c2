"""The laptop that keeps the chapter has no address for good: another network, or the same one another day, gives it another one."""

from __future__ import annotations

import signal
from collections.abc import Callable
from urllib.parse import urlsplit

from tests.sync.hosts import Laptop, Venue

MakeLaptop = Callable[..., Laptop]


def keeper_of(make_laptop: MakeLaptop, venue: Venue) -> Laptop:
    """A laptop with one member, on the venue's first host."""
    keeper = make_laptop("keeper", venue.hosts[0])
    keeper.run("member", "add", "first_name=Kay")
    return keeper


def test_in_a_network_without_a_way_out_the_invitation_carries_the_address_all_the_same(venue: Venue, make_laptop: MakeLaptop) -> None:
    keeper, other = keeper_of(make_laptop, venue), make_laptop("other", venue.host())
    assert urlsplit(keeper.start("keep", "--chapter", "Great Lakes")["url"]).hostname == "10.77.0.1"
    made = keeper.run("invite", "--name", "Sam")
    other.run("join", made["url"], made["code"])
    assert other.run("sync")["waiting"] == 0 and len(other.run("members")) == 1
    keeper.kill(signal.SIGTERM)
