"""Drives a headless Chromium through its debugging pipe, without a package for it.

Messages are JSON that ends with a zero byte, on file descriptors 3 and 4 (--remote-debugging-pipe).
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PATIENCE_S = 60.0
START = (
    "import os, sys; high = [os.dup2(int(text), 50 + at) for at, text in enumerate(sys.argv[1:3])]; "
    "[os.dup2(end, 3 + at) for at, end in enumerate(high)]; os.execvp(sys.argv[3], sys.argv[3:])"
)
"""Puts the pipes where the browser looks for them; a shell may know only numbers below ten."""
KEYS = {"ArrowLeft": 37, "ArrowRight": 39, "Home": 36, "End": 35, "Tab": 9, "Enter": 13, " ": 32, "PageDown": 34}


def why_no_browser() -> str:
    """Why pages cannot be driven here, "" if they can."""
    if sys.platform == "win32":
        return "the debugging pipe needs file descriptors 3 and 4, which Windows does not pass on"
    if not any(map(shutil.which, NAMES)):
        return f"no browser is installed (looked for {', '.join(NAMES)}); on Debian: apt-get install chromium"
    return ""


class Browser:
    """A page in a headless browser.

    Attributes:
        requests: the address of everything that the page has asked for, data: addresses left out.
        complaints: what the browser's console said: errors, and refusals of the security policy.
    """

    def __init__(self, profile: Path) -> None:
        program = next(filter(None, map(shutil.which, NAMES)))
        there, ours = os.pipe()
        mine, theirs = os.pipe()
        options = [
            "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync", "--mute-audio",
            f"--user-data-dir={profile}", "about:blank",
        ]  # fmt: skip
        self._process = subprocess.Popen(
            [sys.executable, "-c", START, str(there), str(theirs), program, *options], pass_fds=(there, theirs),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        os.close(there)
        os.close(theirs)
        self._out, self._in = ours, mine
        self._buffer = b""
        self._number = 0
        self._session = ""
        self._loaded = False
        self.requests: list[str] = []
        self.complaints: list[str] = []
        targets = self.call("Target.getTargets")["targetInfos"]
        page = next(one["targetId"] for one in targets if one["type"] == "page")
        self._session = self.call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Ask the browser something and wait for the answer."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]

    def _next(self, patience_s: float = PATIENCE_S) -> dict[str, Any]:
        ends = time.monotonic() + patience_s
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._in], [], [], max(0.0, ends - time.monotonic()))
            assert ready, "the browser does not answer"
            data = os.read(self._in, 1 << 20)
            assert data, "the browser has ended"
            self._buffer += data
        line, self._buffer = self._buffer.split(b"\0", 1)
        message = json.loads(line)
        self._note(message)
        return message

    def _note(self, message: dict[str, Any]) -> None:
        method, told = message.get("method", ""), message.get("params", {})
        if method == "Network.requestWillBeSent" and not told["request"]["url"].startswith("data:"):
            self.requests.append(told["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(str(told["exceptionDetails"].get("exception", told)))
        elif method == "Log.entryAdded":
            self.complaints.append(told["entry"]["text"])
        elif method == "Page.loadEventFired":
            self._loaded = True

    def look(
        self, *, width: int = 1280, height: int = 900, dark: bool = False, dots: float = 1, phone: bool = False
    ) -> None:
        """Set size and colours of the screen."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=dots, mobile=phone
        )
        scheme = "dark" if dark else "light"
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def open(self, path: Path, *, scripts: bool = True) -> None:
        """Load a page from disk and wait until it is there."""
        self.call("Emulation.setScriptExecutionDisabled", value=not scripts)
        self._loaded = False
        self.requests.clear()
        self.complaints.clear()
        self.call("Page.navigate", url=path.as_uri())
        while not self._loaded:
            self._next()

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression in the page."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def press(self, key: str, times: int = 1) -> None:
        """Press a key of the keyboard."""
        code = KEYS[key]
        for _ in range(times):
            for kind in ("rawKeyDown", "keyUp"):
                self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)
        self.settle()

    def mouse(self, kind: str, x: float, y: float, *, held: bool = False) -> None:
        """A mouse event: "mousePressed", "mouseMoved" or "mouseReleased"."""
        buttons = 1 if held or kind == "mousePressed" else 0
        button = "left" if kind != "mouseMoved" else ("left" if held else "none")
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button=button, buttons=buttons, clickCount=1)

    def settle(self) -> None:
        """Wait until what was asked for is drawn."""
        self.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def picture(self, path: Path, *, whole: bool = False) -> None:
        """Take a picture of what is seen, or of the whole page."""
        options: dict[str, Any] = {"format": "png"}
        if whole:
            size = self.call("Page.getLayoutMetrics")["cssContentSize"]
            options |= {"captureBeyondViewport": True, "clip": {"x": 0, "y": 0, "scale": 1, **{
                name: size[name] for name in ("width", "height")
            }}}  # fmt: skip
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", **options)["data"]))

    def printed(self) -> bytes:
        """The page as a PDF."""
        return base64.b64decode(self.call("Page.printToPDF", printBackground=True)["data"])

    def close(self) -> None:
        """End the browser."""
        with contextlib.suppress(Exception):
            os.write(self._out, json.dumps({"id": 0, "method": "Browser.close"}).encode() + b"\0")
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for end in (self._out, self._in):
            os.close(end)


@contextlib.contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """A browser, ended afterwards."""
    made = Browser(profile)
    try:
        yield made
    finally:
        made.close()
