"""Small HTTP servers, to try a job against before it meets a real one: one that answers, one that misbehaves.

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


class FaultServer:
    """A server that does all that servers should not, running while its ``with`` block does.

    It has a URL for each of its faults, of which there are more than 150: connections that are refused,
    reset or silent, every malformed framing, floods, redirect loops, bombs and broken codings, wrong
    certificates, and HTTP/2 servers that go away, refuse or never stop talking. :meth:`faults` names them.

    ``url`` itself answers as it should. ``/first/N/FAULT`` lets the first N requests for that very path and
    query meet a fault, and the others none: ``/first/2/close/in-body?id=7``. ``/sometimes/PERCENT/FAULT``
    lets so many of a hundred meet it, which is decided by the seed, and by path and query.

    Parameters
    ----------
    seed
        What decides who meets a fault at ``/sometimes``. Default: 0.

    Examples
    --------
    >>> from patata import Patata
    >>> with FaultServer() as server, Patata(verbose=False, retries=3, backoff=0.01) as client:
    ...     requests = ((id_, f"{server.url}/first/2/close/in-body?id={id_}") for id_ in range(40))
    ...     responses = list(client.http("get", requests))
    ...     sum(response.ok for response in responses), server.requests
    (40, 120)
    >>> with FaultServer() as server, Patata(verbose=False) as client:
    ...     (response,) = client.http("get", [(1, server.url_of("bomb/gzip"))])
    ...     response.error
    TooLargeError('The body grows by more than 200 times in decoding Gzip')
    """

    def __init__(self, seed: int = 0) -> None:
        self._server = _patata.FaultServer(seed)

    @staticmethod
    def faults() -> dict[str, str]:
        """What it can do, by name."""
        return _patata.FaultServer.faults()

    @property
    def url(self) -> str:
        """Where it listens for HTTP/1.1, without a slash at the end."""
        return self._server.url

    def url_of(self, fault: str) -> str:
        """The URL at which a fault is met.

        Faults of HTTP/2, whose names begin with ``h2/``, want ``http_version="2"`` here.

        Raises
        ------
        ValueError
            If there is no such fault.
        """
        return self._server.url_of(fault)

    def tls_url_of(self, fault: str) -> str:
        """The same under TLS, with a certificate of ``authority_pem`` for localhost and 127.0.0.1."""
        return self._server.tls_url_of(fault)

    @property
    def authority_pem(self) -> str:
        """The certificate of the authority that has signed what is good here, for a file as ``verify``."""
        return self._server.authority_pem

    @property
    def requests(self) -> int:
        """How many requests it has received."""
        return self._server.requests

    @property
    def connections(self) -> int:
        """How many connections it has accepted."""
        return self._server.connections

    def stop(self) -> None:
        """Closes all connections and ports."""
        self._server.stop()

    def __enter__(self) -> FaultServer:
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
