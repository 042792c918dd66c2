"""Whether a window can appear here, asked before Qt, which would end the program without a word that helps."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

from alumni_desk.errors import Refused
from alumni_desk.words import _


def need_display() -> None:
    """Raises Refused where no window can appear."""
    if not has_display():
        raise Refused("no_display", _("There is no display here to open the window on. Every job also has a command (alumni-desk --help), "
                                      "and “alumni-desk tour -o FOLDER” leaves pictures of every page."))


def has_display() -> bool:
    """Whether there is a display that answers. A name of one alone says nothing: it may be left over from a session that ended."""
    if not sys.platform.startswith("linux") or os.environ.get("QT_QPA_PLATFORM", "") not in ("", "xcb", "wayland"):
        return True
    return _wayland_answers() or _x_answers()


def _wayland_answers() -> bool:
    name, folder = os.environ.get("WAYLAND_DISPLAY"), os.environ.get("XDG_RUNTIME_DIR", "")
    if not name:
        return False
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(2)
            line.connect(str(Path(folder) / name))
    except OSError:
        return False
    return True


def _x_answers() -> bool:
    if not os.environ.get("DISPLAY"):
        return False
    import ctypes

    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError:
        return False  # Qt's windows need it, too
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connection_has_error.argtypes = xcb.xcb_disconnect.argtypes = [ctypes.c_void_p]
    line = xcb.xcb_connect(None, None)
    refused = xcb.xcb_connection_has_error(line)
    xcb.xcb_disconnect(line)
    return not refused
