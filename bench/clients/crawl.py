"""Crawls a site into a run folder, or goes on with it. Arguments: url folder. Tells its memory as it goes."""

import json
import re
import sys
from urllib.parse import urljoin

from patata import Patata, crawl
from status import kilobytes

STEP = 10_000
QUEUE = 5_000
LINK = re.compile(r'href="([^"]+)"')


def links(response):
    """The pages that one links to."""
    return [
        (target, target) for target in (urljoin(response.url, link) for link in LINK.findall(response.text))
    ]


def main() -> None:
    url, folder = sys.argv[1], sys.argv[2]
    samples = {}
    with Patata(verbose_level=0, queue_max_size=QUEUE) as client:
        follow = crawl.once(links, folder)
        restored = kilobytes("VmRSS")
        responses = client.http("get", [(url, url)], follow=follow, run_folder=folder, robots=True, retries=3)
        for count, _ in enumerate(responses, 1):
            if count % STEP == 0:
                samples[count] = kilobytes("VmRSS")
    receipt = responses.receipt
    told = {
        "samples": samples,
        "restored": restored,
        "peak": kilobytes("VmHWM"),
        "receipt": [receipt.submitted, receipt.ok, receipt.failed, receipt.skipped],
        "errors": receipt.errors,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
