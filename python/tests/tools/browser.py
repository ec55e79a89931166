"""A headless Chromium from the system's packages, and what is wrong with a page as it lays it out."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WIDTHS = (1280, 390)
SCHEMES = ("light", "dark")

# What is wrong with the page as it is laid out now. What scrolls in a box of its own, or is cut with an
# ellipsis, is meant so.
FAULTS = """
(() => {
  const faults = [];
  const root = document.scrollingElement;
  if (root.scrollWidth > root.clientWidth) {
    faults.push(`scrolls sideways: ${root.scrollWidth} px of ${root.clientWidth}`);
  }
  const isMeant = (element) => {
    for (let at = element; at && at !== document.body; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (["auto", "scroll"].includes(style.overflowX) || style.textOverflow === "ellipsis") return true;
      if (style.clipPath !== "none" || style.visibility === "hidden") return true;
    }
    return false;
  };
  const boxOf = (element) => {
    let at = element.closest("svg") ?? element;
    while (getComputedStyle(at).display.startsWith("inline") && at.tagName !== "svg") at = at.parentElement;
    return at.getBoundingClientRect();
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let texts = 0;
  while (walker.nextNode()) {
    const text = walker.currentNode;
    if (!text.data.trim() || text.parentElement.closest("title, style")) continue;
    const range = document.createRange();
    range.selectNodeContents(text);
    const box = boxOf(text.parentElement);
    for (const part of range.getClientRects()) {
      if (part.width === 0) continue;
      texts += 1;
      const beyond = Math.max(part.right - box.right, box.left - part.left);
      if (beyond > 1 && !isMeant(text.parentElement)) {
        const where = text.parentElement.tagName.toLowerCase();
        faults.push(`${Math.round(beyond)} px beyond its <${where}>: ${text.data.trim().slice(0, 60)}`);
        break;
      }
    }
  }
  if (texts === 0) faults.push("has no text");
  const style = getComputedStyle(document.body);
  return {faults, colours: `${style.color} on ${style.backgroundColor}`};
})()
"""


@contextmanager
def started() -> Iterator[Browser]:
    """The browser, until the end of the block; ends the program where there is none."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        sys.exit(f"a browser is missing, one of {', '.join(NAMES)}; install the system's package chromium")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(program, profile)
        yield browser
        browser.close()


class Browser:
    """A headless Chromium, spoken to over a pipe."""

    def __init__(self, program: str, profile: str) -> None:
        commands_from, commands_to = os.pipe()
        answers_from, answers_to = os.pipe()
        options = [
            "--headless",
            "--remote-debugging-pipe",
            f"--user-data-dir={profile}",
            "--no-first-run",
            "--disable-gpu",
        ]
        if os.geteuid() == 0:
            options.append("--no-sandbox")  # It refuses to run as root with one.

        def into_place() -> None:
            # It reads commands from 3 and answers on 4, where our own ends may be: copies are out of the way,
            # and outlive the start of a program.
            copies = os.dup2(commands_from, 100), os.dup2(answers_to, 101)
            os.dup2(copies[0], 3)
            os.dup2(copies[1], 4)
            os.close(copies[0])
            os.close(copies[1])

        self.process = subprocess.Popen(
            [program, *options, "about:blank"],
            close_fds=False,
            preexec_fn=into_place,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(commands_from)
        os.close(answers_to)
        self.commands = os.fdopen(commands_to, "wb", buffering=0)
        self.answers = os.fdopen(answers_from, "rb")
        self.events: list[dict[str, Any]] = []
        self.last = 0
        self.session: str | None = None
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Log", "Audits"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Has it do something, and waits until it is done."""
        self.last += 1
        command: dict[str, Any] = {"id": self.last, "method": method, "params": params}
        if self.session:
            command["sessionId"] = self.session
        self.commands.write(json.dumps(command).encode() + b"\0")
        while True:
            message = self.read()
            if message.get("id") == self.last:
                if "error" in message:
                    sys.exit(f"{method}: {message['error']['message']}")
                return dict(message["result"])

    def wait(self, event: str) -> None:
        """Waits until this has happened, if it has not."""
        while not any(message["method"] == event for message in self.events):
            self.read()

    def read(self) -> dict[str, Any]:
        text = bytearray()
        while (byte := self.answers.read(1)) != b"\0":
            if not byte:
                code = self.process.wait()
                sys.exit(f"the browser has ended with {code}; does it start by hand, with --headless?")
            text += byte
        message: dict[str, Any] = json.loads(text)
        if "method" in message:
            self.events.append(message)
        return message

    def show(self, address: str, width: int, scheme: str) -> None:
        """Loads a page as on a screen of this width, for readers who like it light, or dark."""
        self.events.clear()
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.ask("Emulation.setEmulatedMedia", features=[feature])
        self.ask("Page.navigate", url=address)
        self.wait("Page.loadEventFired")

    def evaluate(self, expression: str) -> Any:
        """The value of an expression of JavaScript in the page, once it has settled."""
        found = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in found:
            sys.exit(f"{expression[:100]}: {found['exceptionDetails']}")
        return found["result"].get("value")

    def photograph(self, path: Path) -> None:
        """Saves what is on the screen."""
        path.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot")["data"]))

    def close(self) -> None:
        self.session = None
        self.ask("Browser.close")
        self.process.wait()
