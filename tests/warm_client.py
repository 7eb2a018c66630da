"""`python -I -S warm_client.py SERVER MODULE WORDS...`: stands for `python -m MODULE WORDS...`, forked by a server.

The fork gets this process's streams, folder and environment. It gets the signals that ask this process to end, is
killed with it, and this process ends as it does. Imports next to nothing, to start in hundredths of a second.
"""

import marshal
import os
import signal
import socket
import sys


def main() -> None:
    """Ask for a fork, wait for its end, end alike."""
    link = socket.socket(socket.AF_UNIX)
    link.connect(f"\0{sys.argv[1]}")
    body = marshal.dumps((os.getcwd(), sys.argv[2:], dict(os.environ)))
    socket.send_fds(link, [len(body).to_bytes(4, "little")], [0, 1, 2])
    link.sendall(body)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: link.send(bytes([number])))
    # The streams are the fork's now: who reads them sees their end when the fork ends.
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    status = int.from_bytes(link.recv(4), "little", signed=True)
    if status < 0:
        if -status not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status)


main()
