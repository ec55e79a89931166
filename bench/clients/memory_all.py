"""Measures its own memory over a long run. Arguments: url count step kind (generator, list). Prints JSON."""

import json
import sys

from patata import Patata
from status import kilobytes


def main() -> None:
    url, count, step = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    requests = ((id_, url) for id_ in range(count))
    if sys.argv[4] == "list":
        requests = list(requests)
    before = kilobytes("VmRSS")
    answered = 0
    samples = []
    with Patata(verbose_level=0) as client:
        for response in client.http("get", requests):
            if "message" not in response.data:
                sys.exit(f"a request failed: {response}")
            answered += 1
            if answered % step == 0:
                samples.append(kilobytes("VmRSS"))
    if answered != count:
        sys.exit(f"{answered} responses to {count} requests")
    print(json.dumps({"samples": samples, "peak": kilobytes("VmHWM"), "before": before}))


if __name__ == "__main__":
    main()
