"""The set-up of a checkout: says what is missing in one command, installs once, and starts on an old Python to say so."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


def loaded(path: Path) -> ModuleType:
    """packaging/dev.py of a checkout, as a module."""
    spec = spec_from_file_location("dev", path)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def dev() -> ModuleType:
    """packaging/dev.py of this checkout."""
    return loaded(ROOT / "packaging" / "dev.py")


@pytest.mark.skipif(shutil.which("apt-get") is None, reason="names packages of Debian")
def test_a_missing_library_is_named_with_the_command_that_installs_it(dev: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(dev.Stop) as stopped:
        dev.need_system({"libc6": "libc.so.6", "libmadeup1": "libmadeup.so.1"})
    assert str(stopped.value).endswith("sudo apt-get install -y --no-install-recommends libmadeup1")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="about systems without apt")
def test_a_system_without_apt_hears_the_libraries(dev: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(dev.Stop, match=r"lacks libmadeup\.so\.1\."):
        dev.need_system({"libmadeup1": "libmadeup.so.1"})


def test_what_is_set_up_is_not_installed_again_until_the_lock_changes(tmp_path: Path) -> None:
    (tmp_path / "packaging").mkdir()
    for name in ("pyproject.toml", "packaging/dev.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    lock = tmp_path / "packaging" / "lock.txt"
    lock.write_text("")
    there = loaded(tmp_path / "packaging" / "dev.py")
    first = there._fingerprint()
    there.PYTHON.parent.mkdir(parents=True)
    there.PYTHON.touch()
    there.STAMP.write_text(first)
    assert there.set_up() == 0
    lock.write_text("six==1.17.0\n")
    assert there._fingerprint() != first


@pytest.mark.parametrize("noted", ["2020-01-01", None], ids=["other day", "no day"])
@pytest.mark.parametrize("made_up", [True, False])
def test_a_sample_of_another_day_is_made_anew(dev: ModuleType, tmp_path: Path, noted: str | None, made_up: bool) -> None:
    folder = tmp_path / "sample-desk"
    dev.forget_old_sample(folder, lambda: made_up)
    desk = folder / "desk.db"
    desk.write_text("today's")
    dev.forget_old_sample(folder, lambda: made_up)
    assert desk.exists()
    if noted:
        (folder / "made-on").write_text(noted)
    else:
        (folder / "made-on").unlink()
    dev.forget_old_sample(folder, lambda: made_up)
    assert desk.exists() is not made_up and folder.is_dir()


def test_it_needs_nothing_but_python_and_says_so_on_an_old_one() -> None:
    tree = ast.parse((ROOT / "packaging" / "dev.py").read_text(encoding="utf-8"), feature_version=(3, 8))
    modules = {one.name for node in ast.walk(tree) if isinstance(node, ast.Import) for one in node.names}
    modules |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {module.split(".")[0] for module in modules} <= {"__future__", *sys.stdlib_module_names}


@pytest.mark.skipif(os.name == "nt", reason="a script for the shell")
def test_ci_runs_the_very_test_command() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert 'python3 packaging/dev.py test' in script.read_text(encoding="utf-8")
    assert subprocess.run(["sh", "-n", str(script)], check=False).returncode == 0


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_the_environment_of_another_checkout_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "packaging").mkdir()
    shutil.copy(ROOT / "packaging" / "dev.py", tmp_path / "packaging" / "dev.py")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".venv").symlink_to(tmp_path / "elsewhere")
    there = loaded(tmp_path / "packaging" / "dev.py")
    with pytest.raises(there.Stop, match="is a link"):
        there.set_up()
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_planted_bug_that_there_is_not_is_said() -> None:
    done = subprocess.run([sys.executable, ROOT / "tests" / "simulation", "--bugs", "nosuchbug"], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1 and "No planted bug has these words: nosuchbug" in done.stderr


def test_where_nothing_compiled_is_kept_it_is_kept_in_venv_for_the_run(dev: ModuleType) -> None:
    assert dev.compiled_once({"A": "1"}) == {"A": "1"}
    environment = dev.compiled_once({**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    said = subprocess.run([sys.executable, "-c", "import sys; print(sys.dont_write_bytecode, sys.pycache_prefix)"], env=environment, capture_output=True,
                          text=True, check=True).stdout
    assert said.split() == ["False", str(dev.VENV / "pycache")]
