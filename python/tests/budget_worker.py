"""One of several processes that share a budget: performs GETs, and prints as JSON how they ended.

``budget_worker.py URL NAME COUNT OPTIONS`` reads the handle from its first line of input, so that no list of
processes shows it. OPTIONS are a client's, as JSON.
"""

import collections
import json
import sys

from patata import Patata

if __name__ == "__main__":
    handle = sys.stdin.readline().strip()
    url, name, count, options = sys.argv[1], sys.argv[2], int(sys.argv[3]), json.loads(sys.argv[4])
    ended, message = collections.Counter(), ""
    with Patata(1, verbose=False, budget=handle, **options) as client:
        print("ready", flush=True)
        for response in client.http("get", ((i, f"{url}/{name}/{i}") for i in range(count)), retries=3):
            failed = response.error is not None
            ended[type(response.error).__name__ if failed else str(response.status_code)] += 1
            message = str(response.error) if failed else message
    print(json.dumps({"ended": ended, "message": message}), flush=True)
