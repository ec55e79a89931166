"""A small HTTP server, to try a job against before it meets a real one.

``python -m patata.testing`` runs it on port 12345 until Ctrl-C; another port may be given.
"""

from __future__ import annotations

import sys
import threading
from types import TracebackType

from patata import _patata


class Server:
    """An HTTP/1.1 server on this machine's loopback address, running while its ``with`` block does.

    ============================  ==========================================================
    path                          answer
    ============================  ==========================================================
    ``/``                         ``{"message":"Hello world!"}``
    ``/echo``                     method, path, query, headers and body of the request
    ``/echo-body``                the request's body
    ``/delay/MILLISECONDS``       as ``/``, after a while
    ``/status/CODE``              that status
    ``/bytes/N``                  N bytes
    ``/redirect/N``               N redirects, then as ``/``
    ``/flaky/KEY/N``              status 503 N times, then as ``/``
    ============================  ==========================================================

    Parameters
    ----------
    threads
        How many threads serve. At least 1. Default: 1.
    port
        Where it listens. Default: 0, which is any free port.

    Raises
    ------
    OSError
        If the port cannot be had, or ``threads`` is 0.

    Examples
    --------
    >>> import urllib.request
    >>> with Server() as server:
    ...     urllib.request.urlopen(server.url + "/").read()
    b'{"message":"Hello world!"}'
    """

    def __init__(self, threads: int = 1, port: int = 0) -> None:
        self._server = _patata.Server(threads, port)

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        return self._server.url

    @property
    def requests(self) -> int:
        """How many requests it has received."""
        return self._server.requests

    @property
    def connections(self) -> int:
        """How many connections it has accepted."""
        return self._server.connections

    def stop(self) -> None:
        """Closes all connections and the port."""
        self._server.stop()

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


def main(arguments: list[str]) -> None:
    """Runs a server until Ctrl-C."""
    if len(arguments) > 1 or not all(argument.isdecimal() for argument in arguments):
        raise SystemExit("usage: python -m patata.testing [PORT]")
    with Server(port=int(arguments[0]) if arguments else 12345) as server:
        print(f"listening on {server.url}, until Ctrl-C", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("stopped")


if __name__ == "__main__":
    main(sys.argv[1:])
