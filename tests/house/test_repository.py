"""What lies in the repository: no traces of a computer it was made on, every package accounted for, the lock complete."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
HOMES = re.compile(rb"(?<![\w/.:-])/(?:home|root|Users|work|opt/pypi|opt/wheels|builds|workspace)/[\w.]+")
REGISTRIES = re.compile(rb"(?i)--(?:extra-)?index-url[ =]|--find-links[ =]|--trusted-host|artifactory|devpi|/simple/?[\s\"']")
PICTURES = {".png", ".wav", ".ico", ".icns", ".ttf", ".woff2"}
STANDARD = {"__future__", *sys.stdlib_module_names}


def project() -> dict:
    """pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def files() -> list[Path]:
    """What git keeps, or would if it were told; without git (a source archive) everything that is not made by a tool."""
    try:
        listed = subprocess.run(["git", "ls-files", "-z", "--cached"], cwd=ROOT, capture_output=True, check=True, timeout=60).stdout
        found = [ROOT / name for name in listed.decode().split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        found = [path for top in ("src", "tests", "packaging", "resources") for path in (ROOT / top).rglob("*") if "__pycache__" not in path.parts]
    return [path for path in found if path.is_file()]


def canonical(name: str) -> str:
    """A package's name as registries compare them."""
    return re.sub(r"[-_.]+", "-", name).lower()


def required() -> dict[str, str]:
    """Each package that the project asks for, by its canonical name, as it is written."""
    about = project()
    asked = [*about["project"]["dependencies"], *about["dependency-groups"]["build"]]
    for extra in about["project"]["optional-dependencies"].values():
        asked += extra
    names = [re.match(r"[A-Za-z0-9_.-]+", one).group() for one in asked]  # type: ignore[union-attr]
    return {canonical(name): name for name in names if canonical(name) != "alumni-desk"}


def test_no_traces_of_a_computer() -> None:
    found = []
    for path in files():
        if path.suffix in PICTURES or path == Path(__file__):
            continue
        content = path.read_bytes()
        found += [f"{path.relative_to(ROOT)}: {match.group().decode()}" for kind in (HOMES, REGISTRIES) for match in kind.finditer(content)]
    assert found == []


def test_every_package_has_its_row_and_every_row_its_package() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| ")]
    table = {canonical(row[0]): row for row in rows if row[0] != "package"}
    assert sorted(table) == sorted(required())
    assert all(re.fullmatch(r"\d+|<1|-", row[3]) for row in table.values())
    assert all(len(row) == 5 and all(row) for row in table.values())


def test_the_lock_holds_every_package_with_hashes_and_nothing_else() -> None:
    entries: dict[str, int] = {}
    name = ""
    for line in (ROOT / "packaging" / "lock.txt").read_text(encoding="utf-8").splitlines():
        if match := re.match(r"([A-Za-z0-9_.-]+)(?:\[[\w,]+\])?==\S+", line):
            name = canonical(match[1])
            entries[name] = 0
        elif line.startswith("    --hash=sha256:"):
            entries[name] += 1
        else:
            assert line.lstrip().startswith("#"), line
    assert [one for one, hashes in entries.items() if not hashes] == []
    assert [one for one in required() if one not in entries and one != "pyside6-addons"] == []


def test_the_program_imports_only_what_it_asks_for() -> None:
    asked = {canonical(re.match(r"[A-Za-z0-9_.-]+", one).group())  # type: ignore[union-attr]
             for one in [*project()["project"]["dependencies"], *project()["project"]["optional-dependencies"]["server"]]}  # fmt: skip
    homes = {module: {canonical(one) for one in names} for module, names in importlib.metadata.packages_distributions().items()}
    strangers = set()
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules = [one.name for one in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                modules = [node.module]
            else:
                continue
            for module in (one.split(".")[0] for one in modules):
                if module in STANDARD or module == "alumni_desk":
                    continue
                if module == "shiboken6" and "pyside6-essentials" in asked:
                    continue
                if not homes.get(module, set()) & asked:
                    strangers.add(f"{module} in {path.relative_to(ROOT)}")
    assert strangers == set()


def test_what_is_set_outside_changes_no_test() -> None:
    """The conftest has cleared it before anything was imported."""
    import os

    from tests.conftest import FOREIGN, PASSPHRASE

    assert {name: os.environ[name] for name in FOREIGN if name in os.environ} == {"ALUMNI_DESK_PASSPHRASE": PASSPHRASE}
    assert "alumni-desk-home-" in os.environ["XDG_RUNTIME_DIR"]


def test_what_people_read_has_no_typewriters_apostrophe() -> None:
    straight = re.compile(r"[^\W\d_]'[^\W\d_]|s' ")
    found = []
    for file in (ROOT / "src").rglob("*.py"):
        calls = (one for one in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(one, ast.Call))
        said = (part for call in calls if isinstance(call.func, ast.Name) and call.func.id in ("_", "ngettext") for part in ast.walk(call))
        found += [f"{file.name}:{one.lineno}" for one in said if isinstance(one, ast.Constant) and isinstance(one.value, str) and straight.search(one.value)]
    for page in (ROOT / "resources" / "help").glob("*.md"):
        prose = re.sub(r"```.*?```|`[^`]*`", "", page.read_text("utf-8"), flags=re.DOTALL)
        found += [f"{page.name}: {one.group()}" for one in straight.finditer(prose)]
    assert not found
