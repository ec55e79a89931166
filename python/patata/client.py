"""The client for ordinary programs: its calls are generators, which wait for the network."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any

from patata import _options, _patata
from patata._base import Client, close_after
from patata._call_state import CANCELLED, CallState, NeverIterated
from patata._methods import Methods
from patata._options import (
    CallOptions,
    ClientOnlyOptions,
    HttpOptions,
    Options,
    RequestOptions,
    Unpack,
    documented,
)
from patata._progress import started_bar
from patata.exceptions import CallCancelledError
from patata.models import Request, Response
from patata.receipt import Accounts, tell
from patata.responses import Responses

if TYPE_CHECKING:
    from patata._follow import Following
    from patata._frames.options import FetchOptions
    from patata.run_folder import RunFolder

Item = Request | tuple[Any, str] | tuple[Any, str, Any]
Callback = Callable[[Response], Response]


@documented(Parameters=ClientOnlyOptions, Other_Parameters=Options)
class Patata(Client, Methods):
    """Performs any number of HTTP requests, many at a time, and yields the responses as they come.

    It may be used for several calls, one after another or at once from several threads. Leaving the
    ``with`` block, or :meth:`close`, ends the calls that are still open.

    Its parameters are those of :class:`patata.ClientOptions`.

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

    @documented(Other_Parameters=HttpOptions)
    def http(
        self,
        method: str,
        requests: Iterable[Item] | None,
        callbacks: Iterable[Callback] | None = (),
        retries: int | None = _options.OF_CLIENT,
        timeout: float | None = _options.OF_CLIENT,
        **options: Unpack[CallOptions],
    ) -> Responses:
        """Performs the requests and yields each response as soon as it is there, each exactly once.

        With ``ordered=True`` they come in the order of the requests.

        What it returns is a generator, :class:`patata.Responses`, which can also be asked how far it is, and
        told to go slower, or to end. Nothing is sent before its first ``next``, and closing it cancels what
        is left. One that is thrown away without a ``next`` warns. An option that cannot be used raises at
        once. Requests are taken from the input while responses are taken from the generator, on the same
        thread, so the input may be endless, and need not be thread-safe.

        A request that fails is no exception: its response has ``status_code`` 500, ``data`` that
        describes the failure, and ``error``. If the input itself raises, or holds an item that is no
        request, the responses to all requests before it are yielded first.

        Parameters
        ----------
        method
            In any case: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE, or any other token.
        requests
            ``Request`` objects, or tuples ``(id, url)`` or ``(id, url, data)``, also mixed. ``data``
            is sent as JSON wherever it is not ``None``. Instead of them, ``None`` waits for what is
            submitted (:meth:`Responses.submit`), until :meth:`Responses.close_input`.
        callbacks
            Functions that take a response and return one; each gets what the one before it returned.
            With more than one worker they run in processes of their own. If one raises, the response
            has ``status_code`` 500, the exception as ``data``, and a ``CallbackError`` as ``error``, unless
            its request had failed before; it counts as failed in the receipt, but not for ``max_failures``.
            Default: none.
        retries, timeout, options
            Any of :class:`patata.Options`, for this call, ``run_folder``, and ``follow``. Limits hold for it
            besides the client's, which hold for all calls together. Other options win over the client's; of
            ``headers`` and ``params``, the client's of other names are kept, and for an option that is
            nothing by default, ``None`` takes the client's away.

        Raises
        ------
        InvalidMethodError
            For a method that is not a token.
        ValueError
            For an item that is no request, or an option that cannot be used.
        ClientClosedError
            If the client is closed before all responses were taken.
        CallCancelledError
            If the call is cancelled before all responses were taken.
        TooManyFailures
            After the last response, if ``max_failures`` or ``abort_on`` ended the call.
        DeadlineExceededError
            After the last response, if the ``deadline`` passed while there was more input.
        RunFolderError
            If the ``run_folder`` cannot be used, at the first ``next``. After the last response that is
            safe, if the disk refuses something: a ``RunFolderIOError``, which is an ``OSError`` too.

        Examples
        --------
        >>> from patata.testing import Server
        >>> with Server() as server, Patata(verbose=False) as client:
        ...     (response,) = client.http("post", [("an id", server.url + "/echo", {"key": "value"})])
        ...     response.id_, response.data["body"]
        ('an id', '{"key":"value"}')
        """
        functions = _options.callbacks(callbacks)
        folder, others = self._folder(options)
        follow_ups, function, others = self._follow_ups(others, requests is None, folder is not None)
        if function is not None and _options.is_coroutine_function(function):
            raise TypeError(f"follow may be a coroutine function only with AsyncPatata, got {function!r}")
        requests = () if requests is None else requests
        engine, settings = self._prepared(requests, retries, timeout, others)
        requests = self._begun(_options.iterable(requests), function)
        state = CallState(follow_ups)
        unbegun = NeverIterated(state)
        joining = follow_ups, function
        responses = self._responses(
            state, unbegun, method, requests, functions, joining, engine, settings, folder
        )
        return Responses(responses, state)

    def _responses(
        self,
        state: CallState,
        unbegun: NeverIterated,
        method: str,
        requests: Iterable[Item],
        functions: list[Callback],
        joining: tuple[_patata.FollowUps, Any],
        engine: _patata.Client,
        settings: dict[str, Any],
        folder: RunFolder | None,
    ) -> Generator[Response, None, None]:
        with state:
            del unbegun
            log = self._begin(method)
            follow_ups, function = joining
            opened = None
            if folder is not None:
                is_called_back = bool(functions) or function is not None
                opened = folder._opened(method, settings, self._limits, is_called_back)
                settings = self._kept_in(folder, settings)
            told, settings = self._told_of(settings, f"patata {method.upper()}")
            stream = _patata.Stream(method, requests, engine, settings, opened, follow_ups)
            control, accounts = stream.control(), Accounts(stream)
            state.start(control, accounts)
            self._note_open(control)
            bar = None
            ended_by: BaseException | None = None
            try:
                if settings.get("progress"):
                    bar = started_bar(state, requests, settings["progress"])
                responses: Iterator[Response] = stream
                if functions or function is not None:
                    # Most calls have no callbacks, and do not pay for importing what these need.
                    from patata._callbacks.failures import Failures

                    failures = Failures()
                    accounts.adjust = failures.within
                    following = self._following(joining)
                    responses = self._called_back(stream, functions, following, settings, folder is not None)
                    responses = failures.counted(responses)
                yield from log.logged(responses, accounts)
            except BaseException as error:
                ended_by = error
                if bar is not None:
                    bar.ended_by(error)
                close_after(error, stream.close)
                if state.has_caused(error):
                    raise tell(CallCancelledError(CANCELLED), accounts) from None
                tell(error, accounts)
                raise
            finally:
                self._open.discard(control)
                stream.close()
                self._accounts = accounts
                if bar is not None:
                    bar.close()
                if told is not None:
                    told.end(accounts, ended_by)
                # Its traceback holds this frame, which would hold it in turn.
                ended_by = None

    @documented(Other_Parameters=RequestOptions)
    def request(
        self, method: str, url: str, *, id_: Any = None, **options: Unpack[RequestOptions]
    ) -> Response:
        """Sends one request, waits, and gives its response.

        It shares connections, limits and event loops with all calls of the client. A failure is no exception:
        ``response.error`` says what it is, and :meth:`Response.raise_for_status` raises it, and for a status
        of 400 and above. There is no log of it, but of a failure at ``verbose_level=2``. ``client.receipt``
        is that of this call afterwards.

        Of the client's options, ``ordered``, ``progress``, ``max_failures`` and ``abort_on`` are for calls of
        many requests, and are of no effect.

        Parameters
        ----------
        method
            In any case: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE, or any other token. All but the
            last two have a method of the client's own: :meth:`get`, for instance.
        url
            An absolute ``http://`` or ``https://`` URL.
        id_
            Any object; the response has the same one. Default: ``None``.
        options
            Any of :class:`patata.RequestOptions`. They win over the client's; of ``headers`` and ``params``,
            the client's of other names are kept. ``content`` and ``files`` may be what can be read only once.

        Raises
        ------
        InvalidMethodError
            For a method that is not a token.
        InvalidRequestError
            For a ``url`` that is no ``str``, and for two kinds of a body at once.
        ValueError, TypeError
            For an option that cannot be used, or that is for calls of many requests.
        ClientClosedError
            If the client is closed, before or meanwhile.

        Examples
        --------
        >>> from patata.testing import Server
        >>> with Server() as server, Patata(verbose=False) as client:
        ...     response = client.get(server.url, params={"page": 2}, timeout=5)
        ...     response.status_code, response.json()
        (200, {'message': 'Hello world!'})
        >>> with Server() as server, Patata(verbose=False) as client:
        ...     client.post(server.url + "/echo", json={"key": "value"}).data["body"]
        '{"key":"value"}'
        """
        self._check_begin(method)
        engine, settings, item = self._prepared_request(url, id_, options)
        _, settings = self._told_of(settings, None)
        stream = _patata.Stream(method, (item,), engine, settings)
        control, accounts = stream.control(), Accounts(stream)
        self._note_open(control)
        try:
            response = next(stream)
            # It is told that there is no more, and has ended by itself.
            next(stream, None)
        except BaseException as error:
            stream.close()
            tell(error, accounts)
            raise
        finally:
            self._open.discard(control)
            stream.close()
            self._accounts = accounts
        return self._log(response)

    def fetch(self, data: Any, url: str = "url", **options: Unpack[FetchOptions]) -> Any:
        """Sends a request for each row of a table, and gives a table of the same kind back.

        It does as :func:`patata.fetch` does.

        It shares connections, limits and event loops with all calls of the client.

        Parameters
        ----------
        data, url
            As for :func:`patata.fetch`.
        options
            Any of :class:`patata.frames.FetchOptions`.

        Raises
        ------
        FrameError, ValueError, TypeError, TooManyFailures, DeadlineExceededError, RunFolderError
            As :func:`patata.fetch` does.
        ClientClosedError
            If the client is closed, before or meanwhile.

        Examples
        --------
        >>> import pyarrow as pa
        >>> from patata.testing import Server
        >>> with Server() as server, Patata(verbose=False, rate="1000/s") as client:
        ...     table = pa.table({"url": [server.url] * 3})
        ...     client.fetch(table, body="text")["body"][0].as_py()
        '{"message":"Hello world!"}'
        """
        # Most programs have no tables, and do not pay for importing what these need.
        from patata._frames.call import Fetch

        if options.get("lazy"):
            from patata._frames.lazy import lazily

            return lazily(self, data, url, options)
        return Fetch(self, self._open, data, url, options).result()

    def _called_back(
        self,
        stream: _patata.Stream,
        functions: list[Callback],
        following: Following | None,
        settings: dict[str, Any],
        is_recorded: bool,
    ) -> Iterator[Response]:
        if is_recorded:
            from patata._callbacks.recorded import recorded

            batches = self._batches(stream, functions, settings)
            return recorded(stream, batches if following is None else following.batches(batches))
        responses = self._called(stream, functions, settings) if functions else stream
        return responses if following is None else following.followed(responses)

    def _called(
        self, stream: _patata.Stream, functions: list[Callback], settings: dict[str, Any]
    ) -> Iterator[Response]:
        """What callbacks make of the responses of a call that is not written down."""
        if self.num_workers == 1:
            from patata._callbacks.calling import called

            return called(stream, functions)
        from patata._callbacks.processes import called_in_processes

        ordered = settings.get("ordered", False)
        return called_in_processes(stream, functions, self.num_workers, self.pool_submit_size, ordered)

    def _batches(
        self, stream: _patata.Stream, functions: list[Callback], settings: dict[str, Any]
    ) -> Iterator[list[Response]]:
        """What callbacks make of the responses of a call that is written down."""
        from patata._callbacks.recorded import Answering, called_one_by_one

        answering = [Answering(function) for function in functions]
        if self.num_workers == 1 or not functions:
            return called_one_by_one(stream, answering)
        from patata._callbacks.processes import batches_in_processes

        ordered = settings.get("ordered", False)
        return batches_in_processes(stream, answering, self.num_workers, self.pool_submit_size, ordered)

    def _note_open(self, control: _patata.Control) -> None:
        """Has :meth:`close` end the call, whichever of the two comes first."""
        self._open.add(control)
        if self._closed:
            control.cancel()

    def close(self) -> None:
        """Ends all calls that are still open. Their generators raise ``ClientClosedError``.

        Any thread may call it, and a signal handler too, whatever the calls are at.
        """
        self._closed = True
        for control in list(self._open):
            control.cancel()
        self._engine.rest()

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
