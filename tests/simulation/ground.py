"""The ground every run begins on: a server, and laptops that joined and hold the same few people. Made once in a process, then copied."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path

from alumni_desk.gatherings.actions import add_guests, new_gathering
from alumni_desk.members.actions import add_member
from alumni_desk.schema import open_desk
from alumni_desk.store.profile import Profile
from alumni_desk.sync.state import Membership
from simulation.laptop import Laptop
from simulation.office import Office
from simulation.world import World, begin

LAPTOPS = 6
DOORS = 2 if "gathering" in Membership.__struct_fields__ else 0  # once a desk knows that it is at a door
PEOPLE = ("Ana Lima", "Ben Okafor", "Chloé Øst", "Dai Nguyễn", "Eva Müller")


def memory() -> Path | None:
    """A folder that lies in memory, where there is one."""
    found = Path("/dev/shm")
    return found if found.is_dir() else None


@lru_cache(maxsize=1)
def ground() -> Path:
    """The folder with ``server`` and ``laptop-0`` and so on. Call it inside ``simulated()``."""
    folder = Path(tempfile.mkdtemp(prefix="alumni-desk-ground-", dir=memory()))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    world = begin(World(0))
    world.now -= 20 * 60_000  # so that sessions still stand when a run begins
    (folder / "server").mkdir()
    office = Office(world, folder / "server")
    laptops = []
    for number in range(LAPTOPS):
        place = folder / f"laptop-{number}"
        open_desk(Profile(place)).close()
        laptop = Laptop(world, office, f"laptop-{number}", place)
        laptop.join(office.invite())
        laptop.sync()
        laptops.append(laptop)
    first = laptops[0]
    people = [add_member(first.desk, first_name=name.split()[0], last_name=name.split()[1], email=f"{name[:3].lower()}@example.org").id for name in PEOPLE]
    gathering = new_gathering(first.desk, name="Dinner", start="2026-09-21T19:00", end="2026-09-21T22:00", time_zone="America/New_York", capacity=4).id
    add_guests(first.desk, gathering, people[:3])
    for laptop in laptops:
        laptop.sync()
    for number in range(LAPTOPS, LAPTOPS + DOORS):
        place = folder / f"door-{number}"
        open_desk(Profile(place)).close()
        laptop = Laptop(world, office, f"door-{number}", place)
        laptop.join(office.invite("door", gathering))
        laptop.sync()
        laptops.append(laptop)
    open_desk(Profile(folder / "new-0")).close()
    for laptop in laptops:
        laptop.close()
    office.close()
    return folder


def copy_ground(to: Path, laptops: int, doors: int = 0) -> list[str]:
    """A fresh copy of the server and some of the laptops, whose names are returned."""
    names = [*(f"laptop-{number}" for number in range(laptops)), *(f"door-{number}" for number in range(LAPTOPS, LAPTOPS + min(doors, DOORS)))]
    for name in ("server", *names):
        shutil.copytree(ground() / name, to / name)
    return names
