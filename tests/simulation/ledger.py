"""What the simulator knows for itself: every operation that was ever committed on any laptop, and which of them may be lost."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from simulation.holding import hold
from simulation.laptop import Laptop
from simulation.office import Office

COLUMNS = "rowid, id, action, event, transaction_id, audience, kind, table_name, row_id, fields, before, clock, queue, fate, sequence"


@dataclass
class Ledger:
    """Operations by id, as the laptops' databases had them when they were first seen."""

    made: dict[str, dict[str, Any]] = field(default_factory=dict)
    clocks: dict[str, dict[str, Any]] = field(default_factory=dict)  # the operation of a clock
    may_be_lost: set[str] = field(default_factory=set)
    accepted_once: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)  # a laptop holds that as the result, for good
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)  # envelopes that the server had
    erased: set[str] = field(default_factory=set)  # rows that the server ever erased
    cleared: set[tuple[str, str]] = field(default_factory=set)  # rows that were removed so long ago that the server took out what they said
    moved: dict[tuple[str, str], tuple[str, dict[str, Any]]] = field(default_factory=dict)  # rows that ever moved: where to last, and as they were then
    parcels: dict[bytes, set[str]] = field(default_factory=dict)  # the operations in a sealed parcel

    def note(self, laptop: Laptop) -> None:
        """Take down what is new in a laptop's database."""
        # All ids, as an erasure takes the newest away and their row numbers are given again.
        new = [row["id"] for row in laptop.rows("SELECT id FROM operation ORDER BY rowid") if row["id"] not in self.made]
        asked = f"SELECT {COLUMNS} FROM operation_now WHERE id IN (SELECT value FROM json_each(?)) ORDER BY rowid"
        for row in laptop.rows(asked, json.dumps(new)) if new else ():
            one = {**row, "fields": json.loads(row["fields"]), "before": json.loads(row["before"]), "laptop": laptop.name}
            self.made[row["id"]] = one
            self.clocks[row["clock"]] = one
            seen = max((clock for clock in one["before"].values() if clock), default="")
            hold(4, one["clock"] > seen, f"{laptop.name} gave {one['clock']} to an edit of what it saw under {seen}")
        for row in laptop.rows("SELECT operation, parcel FROM parcel_operation"):
            self.parcels.setdefault(row["parcel"], set()).add(row["operation"])

    def anew(self, laptop: Laptop) -> None:
        """The laptop's database is another one now."""
        self.note(laptop)

    def held(self, laptops: list[Laptop]) -> set[str]:
        """Operations that some laptop has, be it sealed in another one's parcel."""
        plain = {row["id"] for laptop in laptops for row in laptop.rows("SELECT id FROM operation")}
        sealed = {row["name"] for laptop in laptops for row in laptop.rows("SELECT name FROM parcel")}
        return plain.union(*(self.parcels.get(name, ()) for name in sealed))

    def results(self, office: Office) -> set[str]:
        """Operations that the server has answered for good."""
        return {row["id"] for row in office.rows("SELECT id FROM operation_result")}

    def discarded(self, ids: set[str], laptops: list[Laptop], office: Office) -> None:
        """These fell away with a disk or a database: lost are those held nowhere else."""
        self.may_be_lost |= ids - self.held(laptops) - self.results(office) - office.set_aside()
