"""Sets up a checkout and runs it or tests it. Needs Python 3.11 or newer and nothing else.

    python3 packaging/dev.py run       the desk on a sample chapter; without a display, pictures of every page instead
    python3 packaging/dev.py test      set-up, lint, types, import contracts and every test (more words go to pytest)
    python3 packaging/dev.py bench     how fast it is, each thing against a floor measured beside it (more words: names of benches, --json)
    python3 packaging/dev.py soak      the faults, for long: kills, full disks, clocks, damage (--kills N, --damage N, --seeds N, --seed S)
    python3 packaging/dev.py simulation  laptops and a server over simulated time, network and disk (--seed S replays one, --seeds N tries many)
    python3 packaging/dev.py policy    write down anew what each role reads and writes of every field, to be read before it is committed
    python3 packaging/dev.py setup     the set-up alone
    python3 packaging/dev.py system    what Linux itself must bring along; installs it when it runs as root
    python3 packaging/dev.py lock      choose versions anew and write packaging/lock.txt (needs uv; more words go to uv)

On Windows say ``py`` instead of ``python3``.
"""

from __future__ import annotations

import argparse
import ctypes
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
LOCK = ROOT / "packaging" / "lock.txt"
STAMP = VENV / "set-up.sha256"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
OLDEST = (3, 11)

OFFSCREEN = {
    "libegl1": "libEGL.so.1", "libgl1": "libGL.so.1", "libxkbcommon0": "libxkbcommon.so.0", "libdbus-1-3": "libdbus-1.so.3",
    "libfontconfig1": "libfontconfig.so.1", "libglib2.0-0": "libglib-2.0.so.0",
}
"""What Qt needs of a Debian or Ubuntu even without a screen: package, and the library in it."""
ON_SCREEN = {
    "libxcb-cursor0": "libxcb-cursor.so.0", "libxcb-icccm4": "libxcb-icccm.so.4", "libxcb-image0": "libxcb-image.so.0",
    "libxcb-keysyms1": "libxcb-keysyms.so.1", "libxcb-render-util0": "libxcb-render-util.so.0", "libxcb-shape0": "libxcb-shape.so.0",
    "libxcb-xkb1": "libxcb-xkb.so.1", "libxkbcommon-x11-0": "libxkbcommon-x11.so.0", "libwayland-cursor0": "libwayland-cursor.so.0",
    "libwayland-egl1": "libwayland-egl.so.1", "libgssapi-krb5-2": "libgssapi_krb5.so.2", "libbrotli1": "libbrotlidec.so.1",
}
"""What it needs for a window beside that."""
PRINTING = {"libcups2": "libcups.so.2"}
FOR_TESTS = {"xvfb": "Xvfb", "dbus": "dbus-run-session", "gnome-keyring": "gnome-keyring-daemon"}
"""What the tests need of Linux beside that, a display and a real password store: package, and the program in it."""


class Stop(Exception):
    """Something that the person at the keyboard has to mend; the text says what."""


def main() -> int:
    """Run one of the jobs. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", choices=["run", "test", "bench", "soak", "simulation", "policy", "setup", "system", "lock"])
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "tour", metavar="DIR", help="run: where the pictures go if there is no display")
    args, rest = parser.parse_known_args()
    if rest and args.job not in ("test", "bench", "soak", "simulation", "lock"):
        parser.error(f"{args.job} takes no more words: {' '.join(rest)}")
    if sys.version_info < OLDEST:
        return _with_a_newer_python()
    try:
        jobs: dict[str, Callable[[], int]] = {
            "run": lambda: run(args.output), "test": lambda: test(rest), "bench": lambda: bench(rest), "soak": lambda: soak(rest), "setup": set_up,
            "simulation": lambda: simulation(rest),
            "policy": policy,
            "system": system,
            "lock": lambda: lock(rest),
        }
        return jobs[args.job]()
    except Stop as stop:
        say(str(stop))
        return 1
    except subprocess.CalledProcessError as failed:
        say(f"This step failed with code {failed.returncode}: {' '.join(map(str, failed.cmd))}")
        return 1
    except KeyboardInterrupt:
        return 130


def run(pictures: Path) -> int:
    """Open the desk on a sample chapter, or take the tour where there is no display."""
    # Made-up people behind a known password: nobody has to choose one, and no password store is touched.
    os.environ.setdefault("ALUMNI_DESK_PASSPHRASE", "sample chapter")
    display = has_display()
    need_system({**OFFSCREEN, **(ON_SCREEN | PRINTING if display else {})})
    set_up()
    if display:
        say("If you lock it (Ctrl+L), its password opens it again: sample chapter, unless ALUMNI_DESK_PASSPHRASE says another.")
        sample = ROOT / "build" / "sample-chapter"
        forget_old_sample(sample, lambda: ours("--profile", str(sample), "demo", "--no-window") == 0)
        return ours("--profile", str(sample), "demo")
    say(f"There is no display here, so pictures of every page and the PDFs go to {pictures.resolve()}")
    return ours("tour", "-o", str(pictures), QT_QPA_PLATFORM="offscreen")


def forget_old_sample(folder: Path, is_made_up: Callable[[], bool]) -> None:
    """Remove a made-up chapter of another day: its gatherings lie round the day on which it was made, and "next" would be past."""
    day, today = folder / "made-on", time.strftime("%Y-%m-%d")
    if folder.is_dir() and (not day.is_file() or day.read_text() != today) and is_made_up():  # somebody may have restored a real one into it
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    day.write_text(today)


def test(words: list[str]) -> int:
    """Every check that a change has to pass. Goes on after a failure, so that one run shows all."""
    need_system(OFFSCREEN | ON_SCREEN, FOR_TESTS)
    set_up()
    with tempfile.TemporaryDirectory(prefix="alumni-desk-") as runtime:
        environment = compiled_once({**os.environ, "PYTHONUTF8": "1"})  # a Windows console of old cannot print what the checks print
        if sys.platform.startswith("linux"):
            environment.setdefault("XDG_RUNTIME_DIR", runtime)  # PostgreSQL of the tests keeps its locks there
        steps = {
            "lint": ["-m", "ruff", "check", "."],
            "types": ["-m", "mypy"],
            "contracts": ["-c", "from importlinter.cli import lint_imports_command as check; check()", "--no-logo"],
            "tests": ["-m", "pytest", "-n", "auto", "--dist", "worksteal", "--durations", "10", *words],
        }
        failed = [name for name, words_of in steps.items() if not passes(name, words_of, environment)]
    say(f"Red: {', '.join(failed)}." if failed else "All green.")
    return 1 if failed else 0


def bench(words: list[str]) -> int:
    """Measure how fast it is: see tests/benchmarks. Returns 1 if a goal is not met."""
    need_system(OFFSCREEN)
    set_up()
    # As it is installed: nobody who uses it waits for a program to be compiled.
    return subprocess.run([PYTHON, ROOT / "tests" / "benchmarks" / "run.py", *words], cwd=ROOT, env=compiled_once({**os.environ}), check=False).returncode


def soak(words: list[str]) -> int:
    """The fault tests, long: so many kills and damages, from one seed that is printed and can be given again. Further words go to pytest."""
    parser = argparse.ArgumentParser(prog="dev.py soak", description=soak.__doc__)
    parser.add_argument("--kills", type=int, default=1_000, metavar="N", help="how often a process is killed (1000)")
    parser.add_argument("--damage", type=int, default=1_000, metavar="N", help="how many damages of files are tried (1000)")
    parser.add_argument("--seeds", type=int, metavar="N", help="the simulation alone: so many of its seeds, on all cores (100000 is a night)")
    parser.add_argument("--first", type=int, default=0, metavar="S", help="the first of those seeds (0)")
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(3), "big"), metavar="S", help="the same seed does the same harm")
    args, rest = parser.parse_known_args(words)
    if args.seeds is not None:
        return simulation(["--seeds", str(args.seeds), "--first", str(args.first)])
    need_system(OFFSCREEN)
    set_up()
    say(f"Seed {args.seed}: {args.kills} kills, {args.damage} damages. Again: dev.py soak --kills {args.kills} --damage {args.damage} --seed {args.seed}")
    environment = compiled_once({**os.environ, "PYTHONUTF8": "1", "ALUMNI_DESK_SOAK": "1", "ALUMNI_DESK_SOAK_KILLS": str(args.kills),
                                 "ALUMNI_DESK_SOAK_DAMAGE": str(args.damage), "ALUMNI_DESK_FAULT_SEED": str(args.seed), "ALUMNI_DESK_FUZZ": "2000",
                                 "ALUMNI_DESK_MACHINE": "400 100", "ALUMNI_DESK_SEEDS": "4000"})
    # What was tried and how often stands in what the tests print: -s shows it as they go. One test takes as long here as a whole run.
    chosen = rest or ["tests/faults", "tests/store/test_damage.py", "tests/server/test_wire_fuzz.py", "tests/sync/test_sync_many_writers.py",
                      "tests/sync/test_sync_killed_doors.py", "tests/simulation"]
    return 0 if passes("soak", ["-m", "pytest", "-n", "0", "-s", "-q", "--durations", "10", "-o", "faulthandler_timeout=43200", *chosen], environment) else 1


def simulation(words: list[str]) -> int:
    """Laptops and a server over simulated time, network and disk: see tests/simulation/README.md. Returns 1 if a seed fails."""
    need_system({})
    set_up()
    return subprocess.run([PYTHON, ROOT / "tests" / "simulation", *words], cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": "0"}, check=False).returncode


def policy() -> int:
    """Write down anew what each role reads and writes of every field."""
    set_up()
    return subprocess.run([PYTHON, ROOT / "packaging" / "policy_table.py"], cwd=ROOT, check=False).returncode


def compiled_once(environment: dict[str, str]) -> dict[str, str]:
    """Where Python is told to keep nothing that it compiled, let it keep it in .venv: else each of the thousand processes of a run compiles all anew."""
    if not environment.get("PYTHONDONTWRITEBYTECODE"):
        return environment
    return {**environment, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(VENV / "pycache")}


def passes(name: str, words: list[str], environment: dict[str, str]) -> bool:
    """Run one check in the set-up Python, and say how it went and how long it took."""
    say(f"--- {name}")
    begun = time.monotonic()
    code = subprocess.run([PYTHON, *words], cwd=ROOT, env=environment, check=False).returncode
    say(f"--- {name}: {'passed' if code == 0 else 'FAILED'} in {time.monotonic() - begun:.0f} s")
    return code == 0


def set_up() -> int:
    """Make .venv and install what lock.txt says, if that is not done yet."""
    if VENV.is_symlink():
        raise Stop(f"{VENV} is a link to another checkout’s, which would run this one’s code from then on. Remove the link; the set-up makes its own.")
    wanted = _fingerprint()
    if PYTHON.exists() and STAMP.exists() and STAMP.read_text() == wanted:
        return 0
    begun = time.monotonic()
    if not _works(PYTHON):
        need_venv()
        say(f"Making {VENV}")
        subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True)
    say("Installing what packaging/lock.txt names (some 250 MB the first time)")
    pip: list[str | Path] = [PYTHON, "-m", "pip", "--disable-pip-version-check", "install"]
    if not sys.stdout.isatty():
        pip.append("--quiet")
    subprocess.run([*pip, "--require-hashes", "-r", LOCK], check=True)
    subprocess.run([*pip, "--no-deps", "--no-build-isolation", "-e", "."], cwd=ROOT, check=True)
    STAMP.write_text(wanted)
    say(f"Set up in {time.monotonic() - begun:.0f} s")
    return 0


def system() -> int:
    """Look for the libraries of the system that a window and the tests need, and install them as root."""
    need_system(OFFSCREEN | ON_SCREEN | PRINTING, FOR_TESTS)
    need_venv()
    say("This system has all that is needed.")
    return 0


def lock(words: list[str]) -> int:
    """Write lock.txt: every package with the hashes of its files for all systems, and no trace of where this computer gets them."""
    uv = shutil.which("uv")
    if uv is None:
        raise Stop("Writing the lock needs uv: python3 -m pip install --user uv")
    subprocess.run([uv, "pip", "compile", "pyproject.toml", "--extra", "server", "--extra", "test", "--group", "build", "--universal", "--generate-hashes",
                    "--no-emit-index-url", "--no-header", "--quiet", "--output-file", LOCK, *words], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    say(f"{LOCK} is written.")
    subprocess.run([sys.executable, ROOT / "packaging" / "server_lock.py"], check=True)  # of it what a server needs
    return 0


def need_system(libraries: dict[str, str], programs: dict[str, str] | None = None) -> None:
    """See that the system's libraries and programs are there; as root on Debian and its kin install them, else raise Stop with the command that does."""
    if not sys.platform.startswith("linux"):
        return
    missing = [package for package, library in libraries.items() if not _loads(library)]
    missing += [package for package, program in (programs or {}).items() if shutil.which(program) is None]
    if not missing:
        return
    if shutil.which("apt-get") is None:
        raise Stop("This system lacks " + ", ".join(libraries.get(one, one) for one in missing) + ". Install what brings them, then start this again.")
    apt(missing)


def need_venv() -> None:
    """See that Python can make a virtual environment: Debian keeps that in a package of its own."""
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        if shutil.which("apt-get") is None:
            raise Stop(f"{sys.executable} cannot make virtual environments (venv and ensurepip are missing).") from None
        apt(["python3-venv"])


def apt(packages: list[str]) -> None:
    """Install packages of the system as root, or raise Stop with the command."""
    command = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    if os.geteuid() != 0:
        raise Stop(f"A few libraries of the system are missing. This installs them:\n  sudo {' '.join(command)}")
    say(f"Installing {' '.join(packages)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], env=environment, check=True)
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)


def has_display() -> bool:
    """Whether a window can be shown here."""
    return not sys.platform.startswith("linux") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def ours(*words: str, **environment: str) -> int:
    """Run the program itself."""
    return subprocess.run([PYTHON, "-m", "alumni_desk", *words], env={**os.environ, **environment}, check=False).returncode


def say(text: str) -> None:
    """One line for the person at the keyboard, in order with what the steps print."""
    print(text, flush=True)


def _fingerprint() -> str:
    parts = [LOCK.read_bytes(), (ROOT / "pyproject.toml").read_bytes(), sys.version.encode(), str(ROOT).encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _works(python: Path) -> bool:
    """Whether a Python is there, runs, is new enough and has pip."""
    try:
        tried = subprocess.run([python, "-c", f"import pip, sys; sys.exit(sys.version_info < {OLDEST})"], capture_output=True, check=False)
    except OSError:
        return False
    return tried.returncode == 0


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _with_a_newer_python() -> int:
    """This Python is too old: look for a newer one beside it."""
    for minor in range(OLDEST[1] + 6, OLDEST[1] - 1, -1):
        newer = shutil.which(f"python3.{minor}")
        if newer is not None:
            return subprocess.run([newer, *sys.argv], check=False).returncode
    say("Alumni Desk needs Python 3.11 or newer; this is {}.{}. Install one from python.org or your system's packages.".format(*sys.version_info[:2]))
    return 1


if __name__ == "__main__":
    sys.exit(main())
