"""Where the laptop that keeps a chapter is: its address changes with the network, so it announces itself there, and its invitations say the present one."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from alumni_desk.logs import note_bug
from alumni_desk.server.state import Server, keep_public
from alumni_desk.sync.keeper_finding import MARK, SERVICE, mark_of
from alumni_desk.sync.venue.announcing import Announcer
from alumni_desk.sync.venue.places import Place, address_for_others, interfaces

LOG = logging.getLogger("alumni_desk.server")
LOOK_SECONDS = 2.0
"""How often this computer's addresses are looked at: a fraction of a millisecond each time."""


@contextmanager
def told(server: Server, port: int) -> Iterator[None]:
    """Tell the other laptops where this one is, in every network that it comes into, while it serves."""
    ended = threading.Event()
    worker = threading.Thread(target=_tell, args=(server, port, ended), name="whereabouts", daemon=True)
    worker.start()
    try:
        yield
    finally:
        ended.set()
        worker.join(10)


def _tell(server: Server, port: int, ended: threading.Event) -> None:
    announcer: Announcer | None = None
    there: list[str] = []
    said = ""
    try:
        while True:
            here = [str(one.ip) for one in interfaces()]
            if here and (here != there or announcer is None or not announcer.goes_on):
                if announcer is not None:
                    announcer.stop()
                announcer, there = Announcer(SERVICE, Place(here[0], port), {MARK: mark_of(server.id)}), here
            address = f"https://{address_for_others()}:{port}"
            if address != said and not server.database.parted:  # a chapter that has moved away invites nobody here
                try:
                    keep_public(server, address)
                    said = address
                except sa.exc.SQLAlchemyError as error:  # the disk is full: tried again
                    note_bug(LOG, error, "keeping the address")
            if ended.wait(LOOK_SECONDS):
                return
    finally:
        if announcer is not None:
            announcer.stop()
