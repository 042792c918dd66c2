"""The import and export commands as somebody types them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

FILES = Path(__file__).parent / "files"


def desk(folder: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs a command in a profile of its own."""
    environment = {**os.environ, "ALUMNI_DESK_PASSPHRASE": "made up for the test"}
    return subprocess.run([sys.executable, "-m", "alumni_desk", "--profile", str(folder / "profile"), *map(str, words)],
                          capture_output=True, text=True, encoding="utf-8", env=environment, timeout=120)


def test_import_and_export(tmp_path: Path) -> None:
    tried = desk(tmp_path, "import", FILES / "raisers-edge.csv", "--dry-run", "--json")
    wanted = {"recognised": "raisers-edge", "rows": 2, "added": 2, "updated": 0, "unchanged": 0, "rejected": 0}
    assert (tried.returncode, tried.stderr) == (0, "")
    assert json.loads(tried.stdout) == wanted
    assert json.loads(desk(tmp_path, "import", FILES / "raisers-edge.csv", "--json").stdout) == wanted
    again = desk(tmp_path, "import", FILES / "raisers-edge.csv")
    assert "2 rows: 0 added, 0 updated, 2 unchanged, 0 rejected" in again.stdout
    assert "SSN" in again.stdout  # named as not read
    out = tmp_path / "all.ndjson"
    report = json.loads(desk(tmp_path, "export", "-o", out, "--json").stdout)
    assert report["rows"] == len(out.read_text("utf-8").splitlines())


def test_what_the_world_says_no_to(tmp_path: Path) -> None:
    pdf = tmp_path / "members.csv"
    pdf.write_bytes(b"%PDF-1.7\n1 0 obj")
    refused = desk(tmp_path, "import", pdf, "--json")
    assert refused.returncode == 1 and refused.stdout == ""
    assert refused.stderr.strip().endswith(
        "members.csv is a PDF, not a table. Save the list as CSV and import that.")
    assert len(refused.stderr.strip().splitlines()) == 1
    assert desk(tmp_path, "import").returncode == 2
    assert desk(tmp_path, "import", pdf, "--as", "papyrus").returncode == 2
