"""What an office installs beside the server."""

from __future__ import annotations

import getpass
import os
import subprocess
import sys
from pathlib import Path

import pytest

ADMIN = Path(__file__).parents[2] / "packaging" / "server" / "alumni-desk-admin"


@pytest.mark.skipif(sys.platform == "win32", reason="a shell's script")
@pytest.mark.parametrize(("line", "value"), [
    ("ALUMNI_DESK_PASSPHRASE=three words to remember", "three words to remember"),
    ("ALUMNI_DESK_PASSPHRASE=winter$$Lake$7", "winter$$Lake$7"),
    ("ALUMNI_DESK_PASSPHRASE=a&b;`id`(c)\\d*  ", "a&b;`id`(c)\\d*"),
    ('ALUMNI_DESK_PASSPHRASE="in quotes "', "in quotes "),
    ("ALUMNI_DESK_PASSPHRASE='it is'", "it is"),
    ("ALUMNI_DESK_PASSPHRASE=a=b=", "a=b="),
    ("# ALUMNI_DESK_PASSPHRASE=not this\n  \nnonsense\nALUMNI_DESK_PASSPHRASE=", ""),
])  # fmt: skip
def test_its_commands_read_the_settings_as_systemd_does(tmp_path: Path, line: str, value: str) -> None:
    settings, program = tmp_path / "server.env", tmp_path / "program"
    settings.write_text(f"ALUMNI_DESK_DATABASE=postgresql://a:b@c/d?e=f&g=h\n{line}", "utf-8")
    program.write_text('#!/bin/sh\nprintf "%s|%s|%s" "$ALUMNI_DESK_DATABASE" "$ALUMNI_DESK_PASSPHRASE" "$*"\n', "utf-8")
    program.chmod(0o755)
    text = ADMIN.read_text("utf-8")
    for name, mine in (("= alumni-desk ]", f"= {getpass.getuser()} ]"), ("/etc/alumni-desk/server.env", str(settings)),
                       ("/opt/alumni-desk/bin/alumni-desk", str(program))):
        assert name in text
        text = text.replace(name, mine)
    script = tmp_path / "admin"
    script.write_text(text, "utf-8")
    environment = {name: here for name, here in os.environ.items() if not name.startswith("ALUMNI_DESK_")}
    said = subprocess.run(["/bin/sh", str(script), "server", "backup"], capture_output=True, text=True, check=True, env=environment)
    assert said.stderr == ""
    assert said.stdout == f"postgresql://a:b@c/d?e=f&g=h|{value}|--profile /var/lib/alumni-desk server backup"


def test_both_services_are_held_alike() -> None:
    """One process or several: what the system keeps from them is the same."""
    def section(name: str) -> list[str]:
        lines = [line for line in (ADMIN.parent / name).read_text("utf-8").splitlines() if line and not line.startswith("#")]
        return lines[lines.index("[Service]"):]

    assert [line.replace("--port %i", "--port 8413") for line in section("alumni-desk@.service")] == section("alumni-desk.service")
