"""Resource files are found in a checkout and in an installed wheel, and the icon's sizes come from its drawing."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from alumni_desk.resources import resource

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as it would be published."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT, check=True, capture_output=True, timeout=120)
    (made,) = folder.glob("*.whl")
    return made


def test_a_wheel_holds_all_resources_and_migrations_once(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    held = {name.removeprefix("alumni_desk/resources/") for name in names if name.startswith("alumni_desk/resources/")}
    ours = {path.relative_to(ROOT / "resources").as_posix() for path in (ROOT / "resources").rglob("*") if path.is_file() and path.name != ".DS_Store"}
    assert held == ours
    for room in ("store", "server"):
        assert f"alumni_desk/{room}/migrations/env.py" in names
        assert any(name.startswith(f"alumni_desk/{room}/migrations/versions/0001") for name in names)
    assert "alumni_desk/py.typed" in names
    assert len(names) == len(set(names))
    assert not [name for name in names if name.endswith((".ui", ".pyc")) or name.startswith(("tests/", "packaging/"))]


def test_an_installed_wheel_finds_its_resources(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    told = subprocess.run([sys.executable, "-c", "from alumni_desk.resources import resource; print(resource('sounds', 'welcome.wav'))"], text=True,
                          cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path / "site")}, capture_output=True, timeout=60, check=True)
    found = Path(told.stdout.strip())
    assert found.is_file()
    assert found.is_relative_to(tmp_path / "site" / "alumni_desk")


def test_a_checkout_finds_its_resources() -> None:
    assert resource("sounds", "welcome.wav") == resource("sounds/welcome.wav") == ROOT / "resources" / "sounds" / "welcome.wav"


def test_the_icon_is_drawn_in_every_size(qtbot: QtBot, tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(ROOT / "packaging" / "icons.py"), str(tmp_path)], check=True, timeout=60)
    fresh = sorted(path.name for path in tmp_path.glob("*.png"))
    assert fresh == sorted(path.name for path in resource("icon").glob("*.png"))
    for name in fresh:
        drawn, kept = QImage(str(tmp_path / name)), QImage(str(resource("icon", name)))
        assert not kept.isNull()
        assert drawn.size() == kept.size()
        middle, corner = drawn.rect().center(), drawn.rect().topLeft()
        assert kept.pixelColor(corner).alpha() < 128 <= kept.pixelColor(middle).alpha()
        edge = kept.width() // 8
        assert kept.pixelColor(edge, kept.height() // 2) == drawn.pixelColor(edge, kept.height() // 2)
