"""Headless Chromium, driven over its DevTools protocol: pages are opened, read and clicked as by a person.

Knows the protocol's few messages that this needs. Clicks are mouse events at the middle of what is shown, so that what is
hidden or covered cannot be clicked.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

from .poll import poll

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_OPTIONS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--no-proxy-server")


class Browser:
    """directory: takes its profile. headers: sent with each request, such as Authorization."""

    def __init__(self, directory: Path, headers: dict[str, str]) -> None:
        found = next((path for name in _PROGRAMS if (path := shutil.which(name))), None)
        assert found, "chromium is missing: .ci/packages test"
        self._ids, self._open = itertools.count(1), contextlib.ExitStack()
        self.asked: list[str] = []  # what confirm() showed; each is agreed to
        with (directory / "chromium.log").open("wb") as log:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", found, *_OPTIONS, "--remote-debugging-port=0", f"--user-data-dir={directory}"],
                stdout=log,
                stderr=log,
            )
        try:
            self._connect(directory / "DevToolsActivePort")
            for domain in ("Page", "Runtime", "Network"):
                self._call(f"{domain}.enable")
            self._call("Network.setExtraHTTPHeaders", headers=headers)
        except BaseException:
            self.close()
            raise

    def _connect(self, port_file: Path) -> None:
        # A line with the port, a line with the browser's own path; written in one go.
        lines = poll(lambda: port_file.exists() and port_file.read_text().split(), "chromium", 60.0)
        self._socket = self._open.enter_context(connect(f"ws://127.0.0.1:{lines[0]}{lines[1]}", max_size=None, proxy=None))
        self._session = ""
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def _call(self, method: str, **arguments: Any) -> dict[str, Any]:
        number = self._send(method, arguments)
        while True:
            message = json.loads(self._socket.recv(timeout=60))
            if message.get("method") == "Page.javascriptDialogOpening":
                self.asked.append(message["params"]["message"])
                self._send("Page.handleJavaScriptDialog", {"accept": True})
            if message.get("id") == number:
                assert "error" not in message, f"{method}: {message}"
                return dict(message["result"])

    def _send(self, method: str, arguments: dict[str, Any]) -> int:
        number = next(self._ids)
        session = {"sessionId": self._session} if self._session else {}
        self._socket.send(json.dumps({"id": number, "method": method, "params": arguments, **session}))
        return number

    def open(self, address: str) -> None:
        """Goes to a page and waits until it is loaded."""
        assert "errorText" not in self._call("Page.navigate", url=address), address
        poll(lambda: self.value("document.readyState") == "complete", address)

    def value(self, expression: str) -> Any:
        """The value of a JavaScript expression on the page."""
        result = self._call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def click(self, selector: str) -> None:
        """Clicks the middle of the first element that the CSS selector finds."""
        quoted = json.dumps(selector)
        self.value(f"document.querySelector({quoted}).scrollIntoView({{block: 'center'}})")
        box = self.value(
            f"(r => [r.x + r.width / 2, r.y + r.height / 2])(document.querySelector({quoted}).getBoundingClientRect())"
        )
        assert self.value(f"document.querySelector({quoted}).contains(document.elementFromPoint({box[0]}, {box[1]}))"), selector
        for kind in ("mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    def choose(self, selector: str, option: str) -> None:
        """Takes an option of a <select>, by its value."""
        take = "(e, v) => { e.value = v; e.dispatchEvent(new Event('change', {bubbles: true})); return e.value }"
        words = f"document.querySelector({json.dumps(selector)}), {json.dumps(option)}"
        assert self.value(f"({take})({words})") == option

    def close(self) -> None:
        self._open.close()
        self._process.kill()
        self._process.wait(10)
