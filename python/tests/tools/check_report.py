"""Looks at the sample reports in a real Chromium: wide and narrow, light and dark.

    python python/tests/tools/check_report.py FOLDER

FOLDER has pages of HTML. It fails if one scrolls sideways, has text beyond its box, asks for anything but
itself, breaks its own Content-Security-Policy, or looks the same in light and dark.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from browser import FAULTS, SCHEMES, WIDTHS, Browser, started


def look(browser: Browser, page: Path, width: int, scheme: str) -> tuple[list[str], str]:
    """What is wrong with a page, and its colours."""
    address = page.resolve().as_uri()
    browser.show(address, width, scheme)
    seen = browser.evaluate(FAULTS)
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
    pages = sorted(Path(sys.argv[1]).glob("*.html"))
    count = 0
    with started() as browser:
        if not pages:
            sys.exit(f"{sys.argv[1]} has no pages")
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
    if count == 0:
        print(f"{len(pages)} reports are well in {len(WIDTHS)} widths, light and dark")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
