"""Whether a window can open here, asked before Qt is: Qt itself ends the process when it cannot.

Only Linux leaves a choice of screens and has the libraries for them in packages of its own.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

from gandam_studio.core.errors import UserError

# Library -> its package on Debian and Ubuntu, and on Fedora.
PACKAGES = {
    "libEGL.so.1": ("libegl1", "libglvnd-egl"),
    "libGL.so.1": ("libgl1", "libglvnd-glx"),
    "libxkbcommon.so.0": ("libxkbcommon0", "libxkbcommon"),
    "libdbus-1.so.3": ("libdbus-1-3", "dbus-libs"),
    "libfontconfig.so.1": ("libfontconfig1", "fontconfig"),
    "libglib-2.0.so.0": ("libglib2.0-0", "glib2"),
    "libX11-xcb.so.1": ("libx11-xcb1", "libX11-xcb"),
    "libxcb-cursor.so.0": ("libxcb-cursor0", "xcb-util-cursor"),
    "libxkbcommon-x11.so.0": ("libxkbcommon-x11-0", "libxkbcommon-x11"),
    "libxcb-icccm.so.4": ("libxcb-icccm4", "xcb-util-wm"),
    "libxcb-keysyms.so.1": ("libxcb-keysyms1", "xcb-util-keysyms"),
    "libxcb-image.so.0": ("libxcb-image0", "xcb-util-image"),
    "libxcb-render-util.so.0": ("libxcb-render-util0", "xcb-util-renderutil"),
    "libxcb-render.so.0": ("libxcb-render0", "libxcb"),
    "libxcb-randr.so.0": ("libxcb-randr0", "libxcb"),
    "libxcb-shape.so.0": ("libxcb-shape0", "libxcb"),
    "libxcb-shm.so.0": ("libxcb-shm0", "libxcb"),
    "libxcb-sync.so.1": ("libxcb-sync1", "libxcb"),
    "libxcb-xfixes.so.0": ("libxcb-xfixes0", "libxcb"),
    "libxcb-xkb.so.1": ("libxcb-xkb1", "libxcb"),
    "libwayland-client.so.0": ("libwayland-client0", "libwayland-client"),
    "libwayland-cursor.so.0": ("libwayland-cursor0", "libwayland-cursor"),
    "libwayland-egl.so.1": ("libwayland-egl1", "libwayland-egl"),
}
_LINUX = sys.platform.startswith("linux")


def require_screen() -> None:
    """Raise UserError, with what to install, where Qt would find no screen or could not use it."""
    if not _LINUX:
        return
    wanted = _platforms()
    if not wanted:
        raise UserError("there is no screen to open a window on (neither DISPLAY nor WAYLAND_DISPLAY is set)")
    problems = [_problem(platform) for platform in wanted]
    if all(problems):
        raise UserError(f"the window cannot open: {problems[0]}")


def library_problem(platform: str = "xcb") -> str:
    """Which of the system's libraries a kind of screen lacks ("xcb" or "wayland") and what to install; "" if none."""
    return _load_problem(platform) if _LINUX else ""


def advice(error: str) -> str:
    """`error` of a library that could not be loaded, in one line with what to install."""
    missing = _missing() or [name for name in PACKAGES if name in error]
    if not missing:
        return error
    debian = " ".join(dict.fromkeys(PACKAGES[name][0] for name in missing))
    fedora = " ".join(dict.fromkeys(PACKAGES[name][1] for name in missing))
    return (
        f"the system lacks {', '.join(missing)}; on Debian and Ubuntu: sudo apt-get install {debian}; "
        f"on Fedora: sudo dnf install {fedora}"
    )


def _platforms() -> list[str]:
    """The kinds of screen Qt may choose from; the one that a person named, or those the environment offers."""
    named = os.environ.get("QT_QPA_PLATFORM", "")
    if named:
        return [one.partition(":")[0] for one in named.split(";")]
    offered = (("WAYLAND_DISPLAY", "wayland"), ("DISPLAY", "xcb"))
    return [platform for variable, platform in offered if os.environ.get(variable)]


def _problem(platform: str) -> str:
    """Why Qt cannot use a kind of screen; "" if it can, or if only Qt can tell."""
    if platform not in ("xcb", "wayland"):
        return ""
    return _load_problem(platform) or (_connection_problem() if platform == "xcb" else "")


def _load_problem(platform: str) -> str:
    """Load Qt's plugin for a kind of screen. Qt loads the same file next, so this costs nothing."""
    found = find_spec("PySide6")
    for place in (found.submodule_search_locations if found else None) or ():
        plugin = Path(place, "Qt", "plugins", "platforms", f"libq{platform}.so")
        if plugin.is_file():
            return _dlopen(str(plugin))
    return ""  # a Qt from elsewhere, such as the distribution's, brings what it needs


def _dlopen(path: str) -> str:
    import ctypes

    try:
        ctypes.CDLL(path)
    except OSError as error:
        return advice(str(error))
    return ""


def _missing() -> list[str]:
    """The known libraries that cannot be loaded; those of Wayland count only where there is nothing else."""
    import ctypes

    missing = []
    for name in PACKAGES:
        try:
            ctypes.CDLL(name)
        except OSError:
            missing.append(name)
    others = [name for name in missing if "wayland" not in name]
    return others or missing


def _connection_problem() -> str:
    """Why the X server does not answer; Qt would end the process."""
    import ctypes

    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError as error:
        return advice(str(error))
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connect.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
    xcb.xcb_connection_has_error.argtypes = [ctypes.c_void_p]
    xcb.xcb_disconnect.argtypes = [ctypes.c_void_p]
    connection = xcb.xcb_connect(None, None)
    failed = xcb.xcb_connection_has_error(connection)
    xcb.xcb_disconnect(connection)
    name = os.environ.get("DISPLAY", "")
    return f"the screen {name!r} (DISPLAY) does not answer or does not let this program in" if failed else ""
