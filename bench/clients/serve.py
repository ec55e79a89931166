"""Measures nothing: runs `patata.testing.Server` until its standard input ends. Arguments: threads."""

import sys

from patata.testing import Server

if __name__ == "__main__":
    with Server(threads=int(sys.argv[1])) as server:
        print(server.url, flush=True)
        sys.stdin.read()
