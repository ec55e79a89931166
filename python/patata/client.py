"""The client for ordinary programs: its calls are generators, which wait for the network."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any

from patata import _options, _patata
from patata._base import Client, NeverIterated
from patata.models import Request, Response
from patata.receipt import Receipt, tell

if TYPE_CHECKING:
    from patata._bar import Bar
    from patata._calling import Failures

Item = Request | tuple[Any, str] | tuple[Any, str, Any]
Callback = Callable[[Response], Response]


class Patata(Client):
    """Performs any number of HTTP requests, many at a time, and yields the responses as they come.

    It may be used for several calls, one after another or at once from several threads. Leaving the
    ``with`` block, or :meth:`close`, ends the calls that are still open.

    Parameters
    ----------
    num_workers
        How many event loops (threads) perform requests, and how many processes call callbacks.
        Default (``None`` or 0): the cores this process may use. ``workers`` is another name for it.
    queue_max_size
        The most requests taken from the input whose responses have not been handed to you: the bound
        on memory. Default: 100,000.
    input_chunk_size
        The most requests taken from the input at once; also how many responses lie between two lines
        of progress in the log. Default: 10,000.
    pool_submit_size
        The most requests handed at once to one event loop, and responses to one callback process.
        Default: 1,000.
    verbose_level
        0 logs nothing, 1 the start, progress and end of each call, 2 also each failure. Default: 1.
    verbose
        ``False`` is ``verbose_level=0``.
    concurrency
        Requests in flight at once, over all event loops, each on a connection of its own, or over HTTP/2
        as a stream of one. ``"auto"`` finds out, host by host, how many give the most successful responses a
        second: it grows while throughput grows, and backs off on 429, 503, time-outs and rising latency,
        up to 1000 for all hosts together. Connections are kept for 15 seconds for further requests to
        their hosts, beside those in use: up to 4096 in all, or half of the files that the process may have
        open, and none beyond ``concurrency`` through a proxy or to a ``unix_socket``. Default: 100 for each
        event loop.
    concurrency_per_host
        The most requests in flight at once at each host (scheme, name and port). Default: as many as
        ``concurrency`` allows.
    rate, rate_per_host
        The most requests sent in a time, retries and redirects among them, over all hosts and to each:
        ``"100/s"``, ``"600/min"``, ``"5000/h"``, ``"10000/day"``, ``"3/10s"``; of a list of such, all
        hold: the one with the shortest time is spread evenly, the longer ones are quotas over any such
        time, which may be used up at once. Default: no limit.
    ordered
        Whether responses come in the order of the input, or as soon as they are there. In order, what
        is done early waits for what stands before it, and counts against ``queue_max_size``. Default:
        ``False``.
    headers
        For all requests: a mapping or pairs; a list as value sends a header several times, ``None``
        leaves it out, also one that is sent by default (``Accept``, ``User-Agent``). A nearer header
        replaces one of the same name: a call's the client's, a request's a call's.
    params
        Query parameters, likewise, put behind those of each URL.
    auth
        ``(user, password)``; a token (a str, sent as ``Bearer``, or as it is
        where it names its scheme: ``"Token secret"``); or a function that takes a request
        and returns the value of ``Authorization``, or ``(header name, value)``. It is called on the
        thread that takes the responses, for each request, and once more for one that is answered with
        401. Credentials in a request's URL or headers go before it. Default: none.
    cookies
        A mapping that is sent with each request, or ``True`` to keep those that servers set during a
        call, each for whom it belongs to. Default: only those that a redirect sets, along its own chain;
        ``False`` keeps not even these.
        except BaseException as error:
            stream.close()
            tell(error, receipt())
            raise
    json, form, content, files
        The body of each request that has none: as for :class:`Request`. What can be read only once is
        refused.
    stream_to
        Writes the bodies of 2xx responses to files as they come, instead of into memory: a path with
        ``{id}`` or ``{index}`` in it, which no id leads out of its folder, or a function from request to
        path. ``response.path`` says where. A file is there once it is complete. Default: none.
    retries, timeout
        As for :meth:`http`, where they are not given there. Default: 1 and 300.
    retry_statuses
        The statuses that are tried again. Default: 408, 425, 429 and 5xx, save 501 and 505.
    retry_if
        A function from response to ``bool``: ``True`` tries again, for a 200 that is not ready, say. It is
        asked about responses whose status is not tried again anyway, on the thread that takes the
        responses, while ``retries`` leaves another attempt. If it raises, that one response has a
        :class:`RetryIfError`. Default: none.
    retry_non_idempotent
        Whether requests are sent again although the server may have done already what they ask for: a
        POST, say, that was sent and not answered, or answered with a 500. Default: ``False``.
    idempotency_key
        Whether requests whose method is not idempotent get an ``Idempotency-Key`` header, unless they
        have one: the same in all attempts. Requests with a key are tried again as idempotent ones are.
        Default: ``False``.
    retry_budget
        The most retries, as a share of the first attempts of the last ten seconds, so that an outage is
        not amplified; a failure that would exceed it stands: ``response.retry_denied`` and the receipt's
        ``retries_denied`` tell, and the log does once. 100 in ten seconds are always allowed. A 429, and a
        503 with ``Retry-After``, are the server's wish to wait and do not count: with ``retries``, the host
        is asked at half its pace from then on, and faster again as it bears it. ``None`` for no limit.
        Default: 0.1.
    backoff, max_backoff
        The longest wait before the second attempt, in seconds, and what its doubling for each further
        one stops at. The wait is a random part of it. Default: 0.1 and 30.
    host_timeout
        Seconds for which a host that has answered before is waited for when it is in trouble: after 10
        failures to connect or time-outs in a row, one request at a time tries it, while the others wait
        without losing attempts. After so long, and at once where it has never answered, what waits ends as
        ``HostUnavailableError``, until one of the requests that try it, each 30 s, is answered. ``0`` turns
        all of that off, ``None`` waits for ever. Default: 60.
    total_timeout
        Seconds that one request may take with all its attempts and the waits between them, from the
        start of the first attempt; ``None`` for no limit. Default: ``None``.
    deadline
        Seconds that a whole call may take. What has been taken from the input by then and is not done
        fails with a time-out; if there was more in the input, :class:`DeadlineExceededError` is raised
        once all responses are out. ``None`` for no limit. Default: ``None``.
    max_failures
        The most requests that may fail: a count, where 0 ends the call at the first failure, or a share
        between 0 and 1 of those that are done, judged from the hundredth on. One more, and the call takes
        no more input, cancels what waits, yields what is done, and raises :class:`TooManyFailures`. What
        fails is what ends in an error or a status that is not in ``ok_statuses``, after its last attempt.
        ``None`` for no limit. Default: ``None``.
    ok_statuses
        The statuses that count as success. Default: all below 400.
    abort_on
        The statuses of which the first one ends the call, likewise: ``{401, 403}``, say. Default: none.
    seed
        An integer that the random waits and keys come from. Default: another one for each call.
    progress
        ``True`` shows a bar on stderr, where that is a terminal: done, failed, in flight, rate, the time
        that is left where the input has a length, and what limits the call just now (rate, concurrency,
        server, input or consumer). ``"force"`` shows it anywhere. Default: ``False``.
    connect_timeout
        Seconds that looking up a host's name may take, and again for what follows it: TCP, a proxy's
        tunnel and TLS; ``None`` for no limit. Default: 10.
    follow_redirects, max_redirects
        Whether redirects are followed, and how many in one attempt. Default: ``True`` and 10.
    max_response_size
        The most bytes a body may have, before and after decoding, in memory or in a file; ``None`` for
        no limit, not even of its growth in decoding unless ``max_decompression_ratio`` is given. Default:
        64 MiB.
    max_decompression_ratio
        The most that decoding a body (gzip, deflate, br, zstd) may multiply its size by, past 1 MiB: a
        protection against compression bombs. An integer of at least 1; ``None`` for no limit. Default: 200.
    http_version
        ``"1.1"`` or ``"2"`` for that one only, the latter also over ``http://`` with prior knowledge;
        ``None`` for HTTP/2 where an https server offers it, else HTTP/1.1. Default: ``None``.
    verify
        ``False`` accepts any certificate of an https server, so that whoever sits in between can read
        all; a path is that of a PEM file of the authorities to trust in place of the machine's, or of
        the server's own certificate. Default: ``True``.
    cert
        The client's certificate for servers that ask for one: the path of a PEM file that holds it and
        its key, not encrypted, or ``(certificate, key)``. Default: none.
    min_tls_version
        The oldest version of TLS that is spoken, ``"1.2"`` or ``"1.3"``. Default: ``"1.2"``.
    proxy
        The URL of the proxy for all requests: ``http://``, ``https://`` (TLS to the proxy),
        ``socks5://``, or ``socks5h://`` where the proxy looks the hosts' names up; with
        ``user:password@`` where it wants that, percent-encoded. ``False`` for none, ``None`` for those
        that the environment names in ``HTTP_PROXY``, ``HTTPS_PROXY`` and ``ALL_PROXY``, save for the
        hosts in ``NO_PROXY`` (hosts, suffixes, CIDR, ``*`` for all); lower-case variables go before, and
        empty ones say nothing. A proxy's own 407 is a ``ProxyError``, not a response. No server sees a
        proxy's credentials. Default: ``None``.
    resolve
        Addresses of hosts whose names are then not looked up: ``{"host": "ip"}`` or
        ``{"host": ["ip", "ip"]}``. Default: none.
    unix_socket
        The path of a unix socket that all connections go to, whatever the URL's host. For one request
        a URL like ``http+unix://%2Fpath%2Fto.sock/`` does. Default: none.

    Raises
    ------
    ValueError
        For a value that cannot be used; it names the option.
    InvalidVerboseLevelError
        For a level other than 0, 1 and 2.

    Attributes
    ----------
    receipt
        The accounts of the call that ended last, however it did: a :class:`Receipt`. ``None`` before.

    Examples
    --------
    >>> from patata.testing import Server
    >>> with Server() as server, Patata(verbose=False) as client:
    ...     responses = client.http("get", ((id_, server.url) for id_ in range(1_000)))
    ...     sum(response.status_code == 200 for response in responses)
    1000
    """

    def http(
        self,
        method: str,
        requests: Iterable[Item],
        callbacks: Iterable[Callback] | None = (),
        retries: int | None = _options.OF_CLIENT,
        timeout: float | None = _options.OF_CLIENT,
        **options: Any,
    ) -> Generator[Response, None, None]:
        """Performs the requests and yields each response as soon as it is there, each exactly once.

        With ``ordered=True`` they come in the order of the requests.

        A generator: nothing is sent before its first ``next``, which one that is thrown away without it
        warns of; closing it cancels what is left. An option that cannot be used raises at once.
        Requests are taken from the input while responses are taken from it, on the same thread, so the
        input may be endless, and need not be thread-safe.

        A request that fails is no exception: its response has ``status_code`` 500, ``data`` that
        describes the failure, and ``error``. If the input itself raises, or holds an item that is no
        request, the responses to all requests before it are yielded first.

        Parameters
        ----------
        method
            In any case: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE, or any other token.
        requests
            ``Request`` objects, or tuples ``(id, url)`` or ``(id, url, data)``, also mixed. ``data``
            is sent as JSON wherever it is not ``None``.
        callbacks
            Functions that take a response and return one; each gets what the one before it returned.
            With more than one worker they run in processes of their own. If one raises, the response
            has ``status_code`` 500, the exception as ``data``, and a ``CallbackError`` as ``error``, unless
            its request had failed before; it counts as failed in the receipt, but not for ``max_failures``.
            Default: none.
        retries
            Attempts in total. Failed connections, time-outs, broken transfers and ``retry_statuses`` are
            tried again; a request whose method is not idempotent only where nothing was sent, or the
            answer says that nothing was done (425, 429, and 503 with ``Retry-After``). ``Retry-After`` of a
            429 or 503, or of any status that is tried again, holds back all requests to that host, for at
            most 5 minutes; so does ``retry-after-ms``. Default: the client's, which is 1: no retry.
        timeout
            Seconds that one attempt may take; ``None`` for no limit. Default: the client's, which is 300.
        options
            Any of the options of :class:`Patata` from ``concurrency`` on, for this call. They win over the
            client's; of ``headers`` and ``params``, the client's of other names are kept. ``None`` takes
            the client's ``headers``, ``params``, ``auth``, ``cookies``, ``retry_if``, ``stream_to`` or body
            away.

        Raises
        ------
        InvalidMethodError
            For a method that is not a token.
        ValueError
            For an item that is no request, or an option that cannot be used.
        ClientClosedError
            If the client is closed before all responses were taken.
        TooManyFailures
            After the last response, if ``max_failures`` or ``abort_on`` ended the call.
        DeadlineExceededError
            After the last response, if the ``deadline`` passed while there was more input.

        Examples
        --------
        >>> from patata.testing import Server
        >>> with Server() as server, Patata(verbose=False) as client:
        ...     (response,) = client.http("post", [("an id", server.url + "/echo", {"key": "value"})])
        ...     response.id_, response.data["body"]
        ('an id', '{"key":"value"}')
        """
        functions = _options.callbacks(callbacks)
        settings = self._settings(retries, timeout, options)
        requests = _options.iterable(requests)
        engine = self._engine_for(requests, settings)
        unbegun = NeverIterated()
        return unbegun.watch(self._responses(unbegun, method, requests, functions, engine, settings))

    def _responses(
        self,
        unbegun: NeverIterated,
        method: str,
        requests: Iterable[Item],
        functions: list[Callback],
        engine: _patata.Client,
        settings: dict[str, Any],
    ) -> Generator[Response, None, None]:
        unbegun.begin()
        progress = self._begin(method)
        stream = _patata.Stream(method, requests, engine, settings)
        control = stream.control()
        self._note_open(control)
        failures: Failures | None = None
        bar = None

        def receipt() -> Receipt:
            accounts = Receipt.of(stream.receipt())
            return accounts if failures is None else failures.within(accounts)

        try:
            if settings.get("progress"):
                bar = _started_bar(control, requests, settings["progress"])
            responses: Iterator[Response] = stream
            if functions:
                # Most calls have no callbacks, and should not pay for importing what these need.
                from patata._calling import Failures

                failures = Failures()
                responses = failures.counted(self._called_back(stream, functions, settings))
            yield from progress.logged(responses, receipt)
        except BaseException as error:
            stream.close()
            tell(error, receipt())
            raise
        finally:
            self._open.discard(control)
            stream.close()
            self.receipt = receipt()
            if bar is not None:
                bar.close()

    def _called_back(
        self, stream: _patata.Stream, functions: list[Callback], settings: dict[str, Any]
    ) -> Iterator[Response]:
        from patata import callbacks

        if self.num_workers == 1:
            return callbacks.called_here(stream, functions)
        ordered = settings.get("ordered", False)
        return callbacks.called_in_processes(
            stream, functions, self.num_workers, self.pool_submit_size, ordered
        )

    def _note_open(self, control: _patata.Control) -> None:
        """So that :meth:`close` ends the call, whichever of the two comes first."""
        self._open.add(control)
        if self._closed:
            control.cancel()

    def close(self) -> None:
        """Ends all calls that are still open. Their generators raise ``ClientClosedError``.

        Another thread may call it, and a signal handler, wherever the call is just now.
        """
        self._closed = True
        for control in list(self._open):
            control.cancel()

    def __enter__(self) -> Patata:
        self._closed = False
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _started_bar(control: _patata.Control, requests: Any, progress: bool | str) -> Bar | None:
    # It takes its time to be imported.
    from patata._bar import Bar

    return Bar.started(control, requests, is_forced=progress == "force")
