"""Looks at the sample reports in a real Chromium: wide and narrow, light and dark.

    python python/tests/tools/check_report.py FOLDER

FOLDER has pages of HTML. It fails if one scrolls sideways, has text beyond its box, asks for anything but
itself, breaks its own Content-Security-Policy, or looks the same in light and dark.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
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

    def close(self) -> None:
        self.session = None
        self.ask("Browser.close")
        self.process.wait()


def look(browser: Browser, page: Path, width: int, scheme: str) -> tuple[list[str], str]:
    """What is wrong with a page, and its colours."""
    browser.events.clear()
    is_narrow = width < 600
    browser.ask(
        "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=is_narrow
    )
    browser.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    address = page.resolve().as_uri()
    browser.ask("Page.navigate", url=address)
    browser.wait("Page.loadEventFired")
    found = browser.ask("Runtime.evaluate", expression=FAULTS, returnByValue=True)
    if "exceptionDetails" in found:
        sys.exit(f"{page}: {found['exceptionDetails']}")
    seen = found["result"]["value"]
    faults = list(seen["faults"])
    for event in browser.events:
        params = event["params"]
        if event["method"] == "Network.requestWillBeSent" and params["request"]["url"] != address:
            faults.append(f"asks for {params['request']['url'][:100]}")
        elif event["method"] == "Log.entryAdded" and params["entry"]["level"] in ("warning", "error"):
            faults.append(f"the browser complains: {params['entry']['text']}")
        elif event["method"] == "Audits.issueAdded":
            code = params["issue"]["code"]
            if code == "ContentSecurityPolicyIssue":
                faults.append(f"breaks its policy: {json.dumps(params['issue']['details'])[:300]}")
    return faults, seen["colours"]


def main() -> int:
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} FOLDER")
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        sys.exit(f"a browser is missing, one of {', '.join(NAMES)}; install the system's package chromium")
    pages = sorted(Path(sys.argv[1]).glob("*.html"))
    if not pages:
        sys.exit(f"{sys.argv[1]} has no pages")
    count = 0
    with tempfile.TemporaryDirectory() as profile:
        browser = Browser(program, profile)
        for page in pages:
            for width in WIDTHS:
                colours = set()
                for scheme in SCHEMES:
                    faults, own = look(browser, page, width, scheme)
                    colours.add(own)
                    for fault in faults:
                        print(f"{page.name}, {width} px, {scheme}: {fault}")
                    count += len(faults)
                if len(colours) == 1:
                    print(f"{page.name}, {width} px: looks the same in light and dark")
                    count += 1
        browser.close()
    if count == 0:
        print(f"{len(pages)} reports are well in {len(WIDTHS)} widths, light and dark")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
