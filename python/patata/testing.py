"""Small HTTP servers to try a job against before it meets a real one: one answers, one misbehaves, and one is
a language model's API with its limits.

``python -m patata.testing`` runs what the examples of the documentation talk to until Ctrl-C: the first one
on port 12345, the same over TLS on 8443, and a proxy on 3128. Other ports may be given in this order.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from patata import _patata

if TYPE_CHECKING:
    from typing_extensions import Self

Started = TypeVar("Started")


class _Running:
    """A server that runs while its ``with`` block does."""

    _server: _patata.Server | _patata.FaultServer | _patata.LlmServer

    def stop(self) -> None:
        """Closes all connections, and the ports."""
        self._server.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


class Server(_Running):
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
    ``/pages?page=N&size=N``      a page of a list of 50: items, total, and the next one
    ``/site/N``                   one of 100 pages of HTML that link to one another
    ``/robots.txt``               forbids ``/site/private``
    ============================  ==========================================================

    Parameters
    ----------
    threads
        How many threads serve. At least 1. Default: 1.
    port
        Where it listens. Default: 0, which is any free port.
    tls
        Whether it speaks TLS, and HTTP/2 to clients that offer it, with a certificate for localhost and
        127.0.0.1 that the authority of ``authority_pem()`` has signed. Default: ``False``.

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

    def __init__(self, threads: int = 1, port: int = 0, tls: bool = False) -> None:
        self._server: _patata.Server = _patata.Server(threads, port, tls)

    @staticmethod
    def authority_pem() -> str:
        """The certificate of the authority that signs those of servers with ``tls``, for ``verify``."""
        return _patata.Server.authority_pem()

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


class FaultServer(_Running):
    """A server that does what servers should not, running while its ``with`` block does.

    It has a URL for each of its faults, of which there are more than 150: connections that are refused,
    reset or silent, every malformed framing, floods, redirect loops, bombs and broken codings, wrong
    certificates, and HTTP/2 servers that go away, refuse or never stop talking. :meth:`faults` names them.

    ``url`` itself answers as it should. ``/first/N/FAULT`` lets the first N requests for that very path and
    query meet a fault, and the others none: ``/first/2/close/in-body?id=7``. ``/sometimes/PERCENT/FAULT``
    lets so many of a hundred meet it, which is decided by the seed, and by path and query.

    Parameters
    ----------
    seed
        What decides which requests meet a fault at ``/sometimes``. Default: 0.

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
    TooLargeError('The body grows by more than 200 times in decoding Gzip (max_decompression_ratio)')
    """

    def __init__(self, seed: int = 0) -> None:
        self._server: _patata.FaultServer = _patata.FaultServer(seed)

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
        """The URL over TLS, with a certificate for localhost and 127.0.0.1 that the authority has signed."""
        return self._server.tls_url_of(fault)

    @property
    def authority_pem(self) -> str:
        """The certificate of the authority that has signed the good ones here, for a file as ``verify``."""
        return self._server.authority_pem

    @property
    def requests(self) -> int:
        """How many requests it has received."""
        return self._server.requests

    @property
    def connections(self) -> int:
        """How many connections it has accepted."""
        return self._server.connections


class LlmServer(_Running):
    """A language model's API under limits, running while its ``with`` block does.

    ``POST {url}/v1/chat/completions`` is answered as OpenAI's API does, and ``POST {url}/v1/messages`` as
    Anthropic's: with its headers of what remains, with ``usage`` in the body, and with 429 where a limit is
    exceeded. The model repeats the last message, cut off after ``max_tokens`` words (16 where a request does
    not say); a word is a token. What was used comes back bit by bit, all of it in a minute.

    Parameters
    ----------
    requests_per_minute
        How many requests are served in a minute, and at once. Default: 500.
    tokens_per_minute
        How many tokens, of prompts and answers together. Default: 90,000.
    input_tokens_per_minute, output_tokens_per_minute
        How many tokens of prompts, and of answers, where these have limits besides, as with Anthropic.
        Default: None.
    latency
        Seconds until what is not refused is answered. Default: 0.
    port
        Where it listens. Default: 0, which is any free port.

    Raises
    ------
    OSError
        If the port cannot be had.
    ValueError
        If ``latency`` is negative or not finite.

    Examples
    --------
    >>> from patata import Patata
    >>> message = {"role": "user", "content": "say it again"}
    >>> with LlmServer(requests_per_minute=6000) as server, Patata(verbose=False, rate="auto") as client:
    ...     url = f"{server.url}/v1/chat/completions"
    ...     responses = client.http("post", [(id_, url, {"messages": [message]}) for id_ in range(20)])
    ...     print(sum(response.data["usage"]["total_tokens"] for response in responses))
    ...     print(server.requests, server.refused, server.tokens)
    120
    20 0 120
    """

    def __init__(
        self,
        requests_per_minute: int = 500,
        tokens_per_minute: int = 90_000,
        latency: float = 0.0,
        port: int = 0,
        input_tokens_per_minute: int | None = None,
        output_tokens_per_minute: int | None = None,
    ) -> None:
        self._server: _patata.LlmServer = _patata.LlmServer(
            requests_per_minute,
            tokens_per_minute,
            input_tokens_per_minute,
            output_tokens_per_minute,
            latency,
            port,
        )

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        return self._server.url

    @property
    def requests(self) -> int:
        """How many requests it has received, refused ones among them."""
        return self._server.counts()[0]

    @property
    def refused(self) -> int:
        """How many of them it has refused with a 429."""
        return self._server.counts()[1]

    @property
    def tokens(self) -> int:
        """How many tokens the others have used."""
        return self._server.counts()[2]


PORTS = (12345, 8443, 3128)
"""Where examples look for the server, for the one over TLS, and for the proxy."""

USAGE = "usage: python -m patata.testing [PORT [TLS_PORT [PROXY_PORT]]]"

AUTHORITY = Path("ca.pem")
"""Where examples look for the authority."""


def main(arguments: list[str]) -> None:
    """Runs the servers of the examples until Ctrl-C."""
    given = [int(argument) for argument in arguments if argument.isdecimal()]
    if len(given) != len(arguments) or len(given) > len(PORTS) or max(given, default=0) > 65535:
        raise SystemExit(USAGE)
    port, tls_port, proxy_port = (*given, *PORTS[len(given) :])
    # It takes its time to be imported, and few programs need it.
    from patata._testing_proxy import CREDENTIALS, Proxy

    with ExitStack() as stack:
        server = stack.enter_context(_started(lambda: Server(port=port), port))
        secure = stack.enter_context(_started(lambda: Server(port=tls_port, tls=True), tls_port))
        proxy = stack.enter_context(_started(lambda: Proxy(proxy_port), proxy_port))
        authority = _written_authority(stack)
        try:
            print(f"listening on {server.url}, until Ctrl-C")
            print(f"over TLS on {secure.url}, with verify={str(authority)!r}")
            print(f"proxy on http://{CREDENTIALS}@127.0.0.1:{proxy.server_address[1]}", flush=True)
            threading.Event().wait()
        except KeyboardInterrupt:
            print("stopped")


def _started(start: Callable[[], Started], port: int) -> Started:
    try:
        return start()
    except OSError as error:
        raise SystemExit(
            f"port {port} cannot be had ({error.strerror or error}); give others\n{USAGE}"
        ) from None


def _written_authority(stack: ExitStack) -> Path:
    """Writes the authority's certificate to the working directory, or elsewhere if another one is there."""
    path = AUTHORITY.absolute()
    try:
        with path.open("x") as file:
            stack.callback(path.unlink, missing_ok=True)
            file.write(Server.authority_pem())
    except OSError:
        if path.is_file() and path.read_bytes() == Server.authority_pem().encode():
            return path
        path = Path(stack.enter_context(TemporaryDirectory(prefix="patata-"))) / AUTHORITY
        path.write_text(Server.authority_pem())
    return path


if __name__ == "__main__":
    main(sys.argv[1:])
