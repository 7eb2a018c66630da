"""What a screen reader gets from the window, as JSON lines. Runs under the system's Python, which has pyatspi.

`dbus-run-session -- /usr/bin/python3 at_spi_reader.py PROGRAM [ARGUMENT ...]` starts the program, waits until it is in
the desktop's tree, prints [path of names, role, name, states] of everything that is showing, and ends the program.
"""

import json
import os
import subprocess
import sys
import time

import pyatspi

MOST = 4000
WAIT_S = 60


def _application(pid):
    desktop = pyatspi.Registry.getDesktop(0)
    for one in desktop:
        if one is not None and one.get_process_id() == pid and one.childCount:
            return one
    return None


def _walk(node, depth, left):
    if depth > 40 or left[0] <= 0:
        return
    left[0] -= 1
    states = [pyatspi.stateToString(state) for state in node.getState().getStates()]
    print(json.dumps([node.getRoleName(), node.name, states]))
    # A list may have a million items: some are enough.
    for index in range(min(node.childCount, 200)):
        child = node.getChildAtIndex(index)
        if child is not None and child.getState().contains(pyatspi.STATE_SHOWING):
            _walk(child, depth + 1, left)


def main():
    """Start, wait, print, end."""
    surroundings = dict(os.environ, QT_ACCESSIBILITY="1", QT_LINUX_ACCESSIBILITY_ALWAYS_ON="1")
    program = subprocess.Popen(sys.argv[1:], env=surroundings)
    try:
        end = time.monotonic() + WAIT_S
        while (found := _application(program.pid)) is None:
            if time.monotonic() > end or program.poll() is not None:
                sys.exit("the window did not come into the accessibility tree")
            time.sleep(0.2)
        time.sleep(2)  # the gallery fills
        _walk(found, 0, [MOST])
    finally:
        program.kill()
        program.wait()


main()
