"""Measures the client's memory for each of 8,000 requests that are in flight at once over HTTP/1.1."""

import json

import harness
import servers

NAME = "in_flight"
MOST_KILOBYTES = 10
REQUESTS = 8_000
DELAY_MILLISECONDS = 3_000
TARGET = f"at most {MOST_KILOBYTES} KB for each of {REQUESTS:,}"


def measure() -> harness.Row:
    # Client and server are children and inherit this.
    harness.raise_file_limit(REQUESTS + 500)
    with servers.embedded_server(threads=2) as url:
        client = harness.run_client("in_flight_all.py", f"{url}/delay/{DELAY_MILLISECONDS}", REQUESTS)
    taken = json.loads(client.output)
    # A request takes the whole delay: who ends within two of them has begun before the first one ended.
    if taken["seconds"] >= 2 * DELAY_MILLISECONDS / 1000:
        raise harness.NotMeasured(
            f"this machine is too slow now: {REQUESTS:,} requests took {taken['seconds']:.1f} s, "
            "so they were not all in flight at once"
        )
    each, sampled = ((taken[peak] - taken["before"]) / REQUESTS for peak in ("peak", "sampled"))
    return harness.Row(
        NAME,
        f"{each:.1f} KB ({sampled:.1f} as sampled), all done in {taken['seconds']:.1f} s",
        TARGET,
        harness.verdict(each <= MOST_KILOBYTES),
        {"kilobytes_each": each, "kilobytes_each_sampled": sampled, **taken},
    )


if __name__ == "__main__":
    harness.main(NAME, TARGET, measure)
