"""Looks at the built documentation in a real Chromium, from the disk: wide and narrow, light and dark.

    python python/tests/tools/check_docs.py SITE SCREENSHOTS

It fails if a page scrolls sideways, asks for anything beyond the site, or looks the same in light and dark,
and if the search does not find what is there. SCREENSHOTS gets pictures of some pages, to be looked at.
"""

from __future__ import annotations

import sys
from pathlib import Path

from browser import SCHEMES, WIDTHS, Browser, started

PICTURED = [
    "index",
    "tutorial",
    "how-to/index",
    "how-to/enrich-a-table",
    "migrate/requests",
    "reference/options",
    "reference/command-line",
    "reference/python/clients",
    "errors/index",
    "errors/ConnectError",
    "errors/exit-codes",
    "explanation/auto-concurrency",
    "bench/index",
    "budgets",
    "clusters",
    "SECURITY",
]
"""The pages that pictures are made of."""

SOUGHT = {
    "ConnectError": "errors/ConnectError.html",
    "host_timeout": "reference/options.html",
    "resume a job": "how-to/resume.html",
    "exit code 4": "errors/exit-codes.html",
    "auto concurrency": "explanation/auto-concurrency.html",
    "scrapy robots": "migrate/scrapy.html",
}
"""What readers look for, and the page that is to be among the first that are found."""

STATE = """
(() => {
  const root = document.scrollingElement;
  const style = getComputedStyle(document.body);
  const sideways = root.scrollWidth > root.clientWidth ? `${root.scrollWidth} px of ${root.clientWidth}` : "";
  // What is wider than the screen, and neither scrolls nor is cut off by what it is in.
  const wide = [...document.querySelectorAll(".md-content *")].filter((element) => {
    if (element.getBoundingClientRect().right <= root.clientWidth + 1) return false;
    for (let at = element; at && at !== document.body; at = at.parentElement) {
      if (["auto", "scroll", "hidden"].includes(getComputedStyle(at).overflowX)) return false;
    }
    return true;
  });
  const broken = [...document.images].filter((image) => image.complete && !image.naturalWidth && image.src);
  return {
    sideways,
    wide: wide.slice(0, 3).map((element) => element.outerHTML.slice(0, 100)),
    broken: broken.map((image) => image.src),
    colours: `${style.color} on ${style.backgroundColor}`,
  };
})()
"""

FOUND = """
new Promise((resolve) => {
  const end = Date.now() + 10000;
  const look = () => {
    const links = [...document.querySelectorAll(".md-search-result__link")].map((link) => link.href);
    const text = document.querySelector(".md-search-result__meta")?.textContent.trim() ?? "";
    if (/^(\\d|No)/.test(text) || Date.now() > end) resolve({links, text});
    else setTimeout(look, 50);
  };
  look();
})
"""


def look(browser: Browser, page: Path, width: int, scheme: str) -> tuple[list[str], str]:
    """What is wrong with a page, and its colours."""
    browser.show(page.as_uri(), width, scheme)
    seen = browser.evaluate(STATE)
    faults = [f"scrolls sideways: {seen['sideways']}"] if seen["sideways"] else []
    faults += [f"is wider than the screen: {element}" for element in seen["wide"]]
    faults += [f"has a picture that is not there: {address}" for address in seen["broken"]]
    return faults + asked_elsewhere(browser), seen["colours"]


def asked_elsewhere(browser: Browser) -> list[str]:
    """What the page has asked for that is not on the disk, and what the browser complains of."""
    faults = []
    for event in browser.events:
        params = event["params"]
        if event["method"] == "Network.requestWillBeSent":
            address = params["request"]["url"]
            if not address.startswith(("file:", "data:", "blob:")):
                faults.append(f"asks for {address[:100]}")
        elif event["method"] == "Log.entryAdded" and params["entry"]["level"] == "error":
            faults.append(f"the browser complains: {params['entry']['text']}")
    return faults


def seek(browser: Browser, site: Path, words: str) -> list[str]:
    """Types words into the search of the home page, and gives the pages that are found."""
    browser.show((site / "index.html").as_uri(), WIDTHS[0], "light")
    browser.evaluate("document.querySelector('[data-md-component=search-query]').focus()")
    for letter in words:
        browser.ask("Input.insertText", text=letter)
        key = {"key": letter, "text": ""}
        browser.ask("Input.dispatchKeyEvent", type="keyUp", **key)
    found = browser.evaluate(FOUND)
    root = site.as_uri() + "/"
    return [link.removeprefix(root).partition("?")[0].partition("#")[0] for link in found["links"]]


def looked_at(browser: Browser, site: Path, pictures: Path) -> int:
    """How many faults all pages have together, each of which is told."""
    count = 0
    for page in sorted(site.rglob("*.html")):
        name = page.relative_to(site).with_suffix("").as_posix()
        if name == "404":  # Its links are those of a server.
            continue
        for width in WIDTHS:
            colours = set()
            for scheme in SCHEMES:
                faults, own = look(browser, page, width, scheme)
                colours.add(own)
                for fault in faults:
                    print(f"{name}, {width} px, {scheme}: {fault}")
                count += len(faults)
                if name in PICTURED:
                    browser.photograph(pictures / f"{name.replace('/', '-')}-{width}-{scheme}.png")
            if len(colours) == 1:
                print(f"{name}, {width} px: looks the same in light and dark")
                count += 1
    return count


def sought(browser: Browser, site: Path) -> int:
    """How many searches find not what is there, each of which is told."""
    count = 0
    for words, page in SOUGHT.items():
        found = list(dict.fromkeys(seek(browser, site, words)))
        faults = asked_elsewhere(browser)
        if page not in found[:5]:
            faults.append(f"is not found at {page}, but at {found[:5]}")
        for fault in faults:
            print(f"search, {words!r}: {fault}")
        count += len(faults)
    return count


def main() -> int:
    """Looks at all pages, searches, and tells of all faults."""
    if len(sys.argv) != 3:
        sys.exit(f"usage: {sys.argv[0]} SITE SCREENSHOTS")
    site, pictures = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
    pictures.mkdir(parents=True, exist_ok=True)
    with started() as browser:
        count = sought(browser, site) + looked_at(browser, site, pictures)
    if count == 0:
        print(f"the site is well in {len(WIDTHS)} widths, light and dark; look at {pictures}")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
