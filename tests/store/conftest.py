"""A profile and its desk, locked by a passphrase: the machine that tests has no keyring."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from alumni_desk.schema import open_desk
from alumni_desk.store.desk import Desk
from alumni_desk.store.profile import Profile

PASSPHRASE = "three words to remember"


@pytest.fixture(autouse=True)
def _passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALUMNI_DESK_PASSPHRASE", PASSPHRASE)


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    """A folder whose name holds what people's names hold."""
    return Profile(tmp_path / "Zoë Müller’s désk")


@pytest.fixture
def desk(profile: Profile) -> Iterator[Desk]:
    """An open desk with a chapter."""
    with open_desk(profile) as opened:
        opened.make_chapter("Boston", "Northgate", "America/New_York")
        yield opened
