"""`python -P warm_server.py NAME LIBRARIES...`: forks itself for each `warm_client.py`, until its stdin ends.

It has loaded libraries, but nothing of this program: every fork imports that in its own order, as a real start does.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import marshal
import os
import runpy
import selectors
import signal
import socket
import sys


class Server:
    """Listens for clients and knows their forks.

    Attributes:
        links: the connection to the client of each fork, by process id.
    """

    def __init__(self, name: str) -> None:
        self.links: dict[int, socket.socket] = {}
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(f"\0{name}")
        self.listening.listen()
        self.woken, self.waking = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self.waking, warn_on_full_buffer=False)
        self.selector = selectors.DefaultSelector()
        for source in (self.listening, self.woken, sys.stdin):
            self.selector.register(source, selectors.EVENT_READ)

    def serve(self) -> bool:
        """Whether this process is a fork that has a module to run; otherwise the tests are over."""
        while True:
            for key, _ in self.selector.select():
                if key.fileobj is sys.stdin:
                    for pid in self.links:
                        os.kill(pid, signal.SIGKILL)
                    return False
                if key.fileobj is self.listening:
                    if self.fork():
                        return True
                elif key.fileobj == self.woken:
                    self.reap()
                elif key.data in self.links:  # else it was reaped a moment ago
                    self.pass_on(key.data)

    def fork(self) -> bool:
        """Fork for the next client; True in the fork, which is as the client wants it then."""
        link, _ = self.listening.accept()
        head, streams, _, _ = socket.recv_fds(link, 4, 3)
        body = bytearray()
        while len(body) < int.from_bytes(head, "little"):
            if not (part := link.recv(1 << 16)):
                break  # Killed as soon as it was started.
            body += part
        pid = os.fork() if len(body) == int.from_bytes(head, "little") and streams else None
        if pid == 0:
            self.leave()
            link.close()
            become(marshal.loads(body), streams)
            return True
        for stream in streams:
            os.close(stream)
        if pid is None:
            link.close()
        else:
            self.links[pid] = link
            self.selector.register(link, selectors.EVENT_READ, pid)
        return False

    def leave(self) -> None:
        """In the fork: nothing of the server is left."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self.selector.close()
        for each in (self.listening, *self.links.values()):
            each.close()
        os.close(self.woken)
        os.close(self.waking)

    def reap(self) -> None:
        """Tell clients how their forks ended."""
        with contextlib.suppress(BlockingIOError):
            os.read(self.woken, 4096)
        with contextlib.suppress(ChildProcessError):
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                link = self.links.pop(found[0])
                self.selector.unregister(link)
                with contextlib.suppress(OSError):
                    link.send(os.waitstatus_to_exitcode(found[1]).to_bytes(4, "little", signed=True))
                link.close()

    def pass_on(self, pid: int) -> None:
        """Pass on a signal; if the client is gone, it was killed, and so is its fork."""
        try:
            numbers = self.links[pid].recv(16)
        except ConnectionError:
            numbers = b""
        for number in numbers or [signal.SIGKILL]:
            os.kill(pid, number)
        if not numbers:
            self.selector.unregister(self.links[pid])
            os.waitpid(pid, 0)
            self.links.pop(pid).close()


def become(wanted: tuple[str, list[str], dict[str, str]], streams: list[int]) -> None:
    """Take on a client's folder, words, environment and streams."""
    folder, words, environment = wanted
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    places = [place for place in environment.get("PYTHONPATH", "").split(os.pathsep) if place]
    sys.path[:0] = [place for place in places if place not in sys.path]
    sys.argv = words


if __name__ == "__main__":
    gc.disable()
    for library in sys.argv[2:]:
        importlib.import_module(library)
    gc.freeze()
    gc.enable()
    server = Server(sys.argv[1])
    print("ready", flush=True)
    if server.serve():
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
