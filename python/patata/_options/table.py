"""The table of all options: name, type, check, default, and what each is for.

What else is known of options comes from here: what a static checker takes, what is refused at run time, how
the options of a client and of a call go together, and what :func:`help` and the documentation say.

The annotations are looked at at run time, so they are no texts here.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from typing import IO, Annotated, Any, Literal, TypedDict

from patata._options import checks
from patata._options.connections import ConnectionOptions
from patata._options.crawling import CrawlOptions
from patata._options.observing import TelemetryOptions
from patata._options.option import Option, StrPath, Words
from patata.budget import Budget, BudgetHandle
from patata.cache import Cache
from patata.models import Request, Response

Pairs = Mapping[str, Any] | Iterable[tuple[str, Any]]
"""Names and values, some of which are sent as texts: the extension says which."""


class LimitOptions(TypedDict, total=False):
    """How much is asked of servers: a client's hold for all of its calls together, a call's besides."""

    concurrency: Annotated[
        int | Literal["auto"],
        Option(
            checks.concurrency,
            default=Words("100 for each event loop"),
            doc="""
            Requests in flight at once, over all event loops; ``"auto"`` finds out how many each host can
            use. Each request has a connection of its own, or over HTTP/2 a stream of one. With ``"auto"``
            so many are in flight at each host as give the most successful responses a second: their number
            grows while throughput grows, and backs off on 429, 503, time-outs and rising latency, up to
            1000 for all hosts together. Connections are kept for 15 seconds for further requests to their
            hosts, beside those in use: up to 4096 in all, or half of the files that the process may have
            open, and none beyond ``concurrency`` through a proxy or to a ``unix_socket``.
            """,
        ),
    ]
    concurrency_per_host: Annotated[
        int | None,
        Option(
            checks.count,
            default=Words("as many as ``concurrency`` allows"),
            doc="The most requests in flight at once at each host (scheme, name and port).",
            nullable=True,
        ),
    ]
    rate: Annotated[
        str | Iterable[str] | None,
        Option(
            checks.rates,
            default=Words("no limit"),
            doc="""
            The most requests sent in a time, over all hosts: ``"100/s"``, ``"600/min"``, ``"5000/h"``,
            ``"10000/day"``, ``"3/10s"``, or a list of such; ``"auto"`` keeps to what servers tell of their
            own limits. Retries and redirects count too. Of a list, all hold: the rate with the shortest
            time is spread evenly, the longer ones are quotas over any such time, which may be used up at
            once. With ``"auto"`` each host is asked at the pace at which what remains of its limits, in
            requests, tokens or whatever it calls them, lasts until they are reset; the strictest counts.
            Before its first answer it gets four requests, and one that tells nothing is not paced.
            """,
            nullable=True,
        ),
    ]
    rate_per_host: Annotated[
        str | Iterable[str] | None,
        Option(
            checks.rates,
            default=Words("no limit"),
            doc="The most requests sent in a time to each host, as for ``rate``.",
            nullable=True,
        ),
    ]
    budgets: Annotated[
        Mapping[str, str | Iterable[str]] | None,
        Option(
            checks.budgets,
            default=Words("no limit"),
            doc="""
            How much of which unit may be used in a time, over all hosts: ``{"requests": "500/min", "tokens":
            "90000/min"}``, all of which hold, beside ``rate``. A unit is any name; ``k``, ``M`` and ``G``
            multiply, and a ``B`` may follow: ``"20MB/s"``. What a request costs is said by ``cost``, and by
            ``settle`` afterwards: one of ``requests`` unless told, nothing of other units. Each attempt costs
            again, and so does each redirect; what fails before it is sent is given back. Use is spread
            evenly over the shortest time of a unit's rates, so that a large request waits no longer for its
            turn than a small one, and ``";burst=50"`` behind a rate lets so much go at once. Longer times of
            a list are quotas, as with ``rate``. A request that costs more than its budget ever holds ends
            with an ``InvalidRequestError``, unsent.
            """,
            nullable=True,
        ),
    ]
    budgets_per_host: Annotated[
        Mapping[str, str | Iterable[str]] | None,
        Option(
            checks.budgets,
            default=Words("no limit"),
            doc="How much of which unit may be used in a time at each host, as for ``budgets``.",
            nullable=True,
        ),
    ]


class CostOptions(TypedDict, total=False):
    """What requests cost, where there are ``budgets``."""

    cost: Annotated[
        Mapping[str, float] | Callable[[Request], Mapping[str, float]] | None,
        Option(
            checks.cost,
            default=Words("one of ``requests``"),
            doc="""
            What each request costs that has no ``cost`` of its own, by unit of ``budgets``: a mapping, or a
            function from request to mapping, as ``lambda request: {"tokens": len(request.data["prompt"]) /
            4}``. It is an estimate, made before the request is sent, on the thread that takes the responses.
            If the function raises, that is this request's failure. A unit that there is no budget of raises a
            ``ValueError``, but with ``rate="auto"``: there it is what the request takes of the server's limit
            of that name, in place of a mean that is learnt.
            """,
            nullable=True,
        ),
    ]
    settle: Annotated[
        Callable[[Response], Mapping[str, float] | None] | None,
        Option(
            checks.function,
            default=Words("all estimates stand"),
            doc="""
            A function from response to what its request did cost, by unit: ``lambda response: {"tokens":
            response.data["usage"]["total_tokens"]}``. What was estimated too much is given back, what was
            estimated too little is owed; ``receipt.costs`` has the sums, also of units without a budget. It
            is called for each response that came, on the thread that takes the responses, before callbacks.
            If it raises, the estimate stands; the log says so for the 1st, 10th, 100th time and so on.
            """,
            nullable=True,
        ),
    ]


class ContentOptions(TypedDict, total=False):
    """What is sent with each request, beside its body."""

    headers: Annotated[
        Pairs | None,
        Option(
            checks.as_given,
            default=Words("none"),
            doc="""
            Headers for all requests: a mapping or pairs. A list as value sends a header several times;
            ``None`` leaves it out, also one that is sent by default (``Accept``, ``User-Agent``). A nearer
            header replaces one of the same name: a call's the client's, a request's a call's.
            """,
            nullable=True,
            merged=True,
        ),
    ]
    params: Annotated[
        Pairs | None,
        Option(
            checks.as_given,
            default=Words("none"),
            doc="""
            Query parameters for all requests, a mapping or pairs, put behind those of each URL. A list as
            value repeats a name. A nearer parameter replaces one of the same name, as with ``headers``.
            """,
            nullable=True,
            merged=True,
        ),
    ]
    auth: Annotated[
        tuple[str, str] | str | Callable[[Request], str | tuple[str, str]] | None,
        Option(
            checks.as_given,
            default=Words("none"),
            doc="""
            What requests are authorised by: ``(user, password)``, a token, or a function. A token is a str,
            and is sent as ``Bearer``, or as it is where it names its scheme: ``"Token secret"``. A function
            takes a request and returns the value of ``Authorization``, or ``(header name, value)``. It is
            called on the thread that takes the responses, for each request, and once more for one that is
            answered with 401. Credentials in a request's URL or headers go before it.
            """,
            nullable=True,
        ),
    ]
    cookies: Annotated[
        Pairs | bool | None,
        Option(
            checks.as_given,
            default=Words("only those that a redirect sets, along its own chain"),
            doc="""
            Cookies that are sent with each request, as a mapping, or ``True`` to keep those that servers
            set. A client keeps these for its life, a call for as long as it takes, and each goes only to
            the servers that it is meant for.
            ``False`` keeps not even those that a redirect sets.
            """,
            nullable=True,
        ),
    ]


class BodyOptions(TypedDict, total=False):
    """What is the body of each request that has none: those of a call replace all of the client's."""

    json: Annotated[
        Any,
        Option(
            checks.as_given,
            default=Words("none"),
            doc="The body of each request that has none, as JSON: what ``data`` of :class:`Request` may be.",
            nullable=True,
        ),
    ]
    form: Annotated[
        Pairs | None,
        Option(
            checks.as_given,
            default=Words("none"),
            doc="""
            The body of each request that has none, as an HTML form: a mapping or pairs. A list as value
            repeats a name.
            """,
            nullable=True,
        ),
    ]
    content: Annotated[
        str | bytes | bytearray | memoryview | os.PathLike[str] | IO[bytes] | Iterable[bytes] | None,
        Option(
            checks.as_given,
            default=Words("none"),
            doc="""
            The body of each request that has none: bytes, a str, the path of a file (a ``pathlib.Path``), a
            binary file, or a list of bytes. What can be read only once is refused.
            """,
            nullable=True,
        ),
    ]
    files: Annotated[
        Pairs | None,
        Option(
            checks.as_given,
            default=Words("none"),
            doc="""
            The files of each request that has no body, sent as ``multipart/form-data`` together with
            ``form``. They are a mapping or pairs from field names to files, as for :class:`Request`. What
            can be read only once is refused.
            """,
            nullable=True,
        ),
    ]


class RetryOptions(TypedDict, total=False):
    """What is tried again, beside ``retries``: when, and how much of it."""

    retry_statuses: Annotated[
        Iterable[int] | None,
        Option(
            checks.statuses,
            default=Words("408, 425, 429 and 5xx, save 501 and 505"),
            doc="The statuses that are tried again.",
            nullable=True,
        ),
    ]
    retry_if: Annotated[
        Callable[[Response], bool] | None,
        Option(
            checks.function,
            default=Words("none"),
            doc="""
            A function from response to ``bool``, whose ``True`` tries again: for a 200 that is not ready,
            say. It is asked about responses whose status is not tried again anyway, on the thread that
            takes the responses, while ``retries`` leaves another attempt. If it raises, that one response
            has a :class:`RetryIfError`.
            """,
            nullable=True,
        ),
    ]
    retry_non_idempotent: Annotated[
        bool,
        Option(
            checks.flag,
            default=False,
            doc="""
            Whether requests are sent again although the server may have done already what they ask for.
            Such are a POST that was sent and not answered, and one that was answered with a 500.
            """,
        ),
    ]
    idempotency_key: Annotated[
        bool,
        Option(
            checks.flag,
            default=False,
            doc="""
            Whether requests whose method is not idempotent get an ``Idempotency-Key`` header, by which the
            server knows them again. It is the same in all attempts; one that a request has already is kept.
            Requests with a key are tried again as idempotent ones are.
            """,
        ),
    ]
    retry_budget: Annotated[
        float | None,
        Option(
            checks.share,
            default=0.1,
            doc="""
            The most retries, as a share of the first attempts of the last ten seconds; ``None`` for no
            limit. So an outage is not amplified. 100 in ten seconds are always allowed. A failure whose
            retry would exceed it stands: ``response.retry_denied`` and the receipt's ``retries_denied``
            tell, and the log does once. A 429, and a 503 with ``Retry-After``, are the server's wish to
            wait and do not count: with ``retries``, the host is asked at half its pace from then on, and
            faster again as it bears it.
            """,
        ),
    ]
    backoff: Annotated[
        float,
        Option(
            checks.wait,
            default=0.1,
            doc="""
            The longest wait before the second attempt, in seconds. It doubles for each further attempt. The
            wait is a random part of it.
            """,
        ),
    ]
    max_backoff: Annotated[
        float,
        Option(checks.wait, default=30, doc="What the doubling of ``backoff`` stops at, in seconds."),
    ]
    seed: Annotated[
        int | None,
        Option(
            checks.seed,
            default=Words("another one for each call"),
            doc="An integer that the random waits and keys come from.",
            nullable=True,
        ),
    ]
    learn_limits: Annotated[
        bool,
        Option(
            checks.flag,
            default=True,
            doc="""
            Whether a host is left alone that says with an answer that nothing of one of its limits remains:
            until that is reset, and for at most 5 minutes, as for ``Retry-After``. A 403 that says so is
            tried again as a 429 is. ``rate="auto"`` paces requests before it comes to that.
            """,
        ),
    ]
    host_timeout: Annotated[
        float | None,
        Option(
            checks.patience,
            default=60,
            doc="""
            Seconds for which a host that is in trouble is waited for; ``None`` waits for ever, ``0`` turns
            all of this off. A host is in trouble after 10 failures to connect or time-outs in a row. From
            then on one request at a time tries it, while the others wait without losing attempts. After so
            long, and at once where the host has never answered, what waits ends as
            ``HostUnavailableError``, until one of the requests that try it, each 30 s, is answered.
            """,
        ),
    ]


class ResponseOptions(TypedDict, total=False):
    """What becomes of an answer, and how long is waited for it, beside ``timeout``."""

    connect_timeout: Annotated[
        float | None,
        Option(
            checks.seconds,
            default=10,
            doc="""
            Seconds that looking up a host's name may take, and again what follows it: TCP, a proxy's tunnel
            and TLS; ``None`` for no limit.
            """,
        ),
    ]
    total_timeout: Annotated[
        float | None,
        Option(
            checks.seconds,
            default=None,
            doc="""
            Seconds that one request may take with all its attempts and the waits between them; ``None`` for
            no limit. They count from the start of the first attempt.
            """,
        ),
    ]
    follow_redirects: Annotated[
        bool,
        Option(
            checks.flag,
            default=True,
            doc="""
            Whether redirects are followed. One that leaves the origin takes along nothing that you added,
            save ``User-Agent``, ``Accept``, ``Accept-Language`` and ``Range``.
            """,
        ),
    ]
    max_redirects: Annotated[
        int,
        Option(checks.count_or_zero, default=10, doc="The most redirects that are followed in one attempt."),
    ]
    max_response_size: Annotated[
        int | None,
        Option(
            checks.size_in_bytes,
            default=64 << 20,
            doc="""
            The most bytes that a body may have, before and after decoding, in memory or in a file; ``None``
            for no limit. With ``None`` its growth in decoding has no limit either, unless
            ``max_decompression_ratio`` is given. Headers have a limit of their own:
            ``patata.MAX_RESPONSE_HEADERS``.
            """,
        ),
    ]
    max_decompression_ratio: Annotated[
        int | None,
        Option(
            checks.ratio,
            default=200,
            doc="""
            The most that decoding a body (gzip, deflate, br, zstd) may multiply its size by, past 1 MiB;
            ``None`` for no limit. It protects against compression bombs. An integer of at least 1.
            """,
        ),
    ]
    stream_to: Annotated[
        StrPath | Callable[[Request], StrPath] | None,
        Option(
            checks.path_template,
            default=Words("none"),
            doc="""
            Where the bodies of 2xx responses are written to, as they come, instead of into memory: a path
            with ``{id}`` or ``{index}`` in it, or a function from request to path. No id leads out of the
            folder. ``response.path`` says where a file is, which is there once it is complete.
            """,
            nullable=True,
        ),
    ]


class CacheOptions(TypedDict, total=False):
    """What is not asked for again."""

    cache: Annotated[
        bool | StrPath | Cache | None,
        Option(
            checks.cache,
            default=Words("none"),
            doc="""
            A private HTTP cache after RFC 9111: a folder, ``True`` for the user's own, or a ``Cache``, which
            says how large it may become. It is for GET and HEAD. What is fresh is answered without a request,
            and counts in no limit; what is stale is validated. Any number of processes may use one folder.
            ``response.cache_status`` says how a response came: ``"sent"``, ``"hit"``, ``"revalidated"``, or
            ``"stale"``, where the server has failed and may be stood in for. ``receipt.cache_hits``,
            ``cache_revalidated`` and ``cache_misses`` count them.
            """,
            nullable=True,
        ),
    ]
    cache_mode: Annotated[
        Literal["standard", "offline", "refresh", "forever"],
        Option(
            checks.cache_mode,
            default="standard",
            doc="""
            How the cache is used: ``"standard"``, ``"offline"``, ``"refresh"`` or ``"forever"``. The first is
            what RFC 9111 says. ``"offline"`` sends nothing, uses what is stored however old it is, and ends
            what is not stored with a ``NotCachedError``. ``"refresh"`` has the server asked about all that is
            stored. ``"forever"`` stores all that may be stored by its status, whatever the server says, and
            uses it however old it is.
            """,
        ),
    ]
    if_changed: Annotated[
        bool,
        Option(
            checks.flag,
            default=False,
            doc="""
            With ``stream_to``: a file that is there already is asked for with the ETag or the Last-Modified
            that it came with, and left alone where the server says that it has not changed; the response has
            status 304 and ``cache_status`` ``"unchanged"``. What servers have said is kept beside the files,
            in ``.patata-validators.jsonl``. A file that was changed since is asked for whole.
            """,
        ),
    ]


class RunOptions(TypedDict, total=False):
    """How a call of many requests goes, and when it ends by itself."""

    ordered: Annotated[
        bool,
        Option(
            checks.flag,
            default=False,
            doc="""
            Whether responses come in the order of the input, instead of as soon as they are there. What is
            done early waits for what stands before it, and counts against ``queue_max_size``.
            """,
        ),
    ]
    distinct: Annotated[
        bool,
        Option(
            checks.flag,
            default=False,
            doc="""
            Whether equal requests of a call are sent once, and each gets the response to the first of them.
            They are equal where method, URL, body and headers are, save ``Date``, ``User-Agent``,
            ``Idempotency-Key`` and ids of requests and traces. Responses are kept on disk meanwhile, so
            memory stays flat; with a ``run_folder`` in there, for the calls that go on with it too. Where the
            first fails without a response, those that wait for it fail too, and later ones are sent.
            ``follow`` is asked about the first alone.
            """,
        ),
    ]
    progress: Annotated[
        bool | Literal["force"],
        Option(
            checks.progress,
            default=False,
            doc="""
            ``True`` shows a bar on stderr, where that is a terminal; ``"force"`` shows it anywhere. It says
            how many are done, failed and in flight, the rate, the time that is left where the input has a
            length, and what limits the call just now (rate, budget, concurrency, server, input or
            consumer).
            """,
        ),
    ]
    deadline: Annotated[
        float | None,
        Option(
            checks.seconds,
            default=None,
            doc="""
            Seconds that a whole call may take; ``None`` for no limit. What has been taken from the input by
            then and is not done fails with a time-out. If there was more in the input,
            :class:`DeadlineExceededError` is raised once all responses are out.
            """,
        ),
    ]
    max_failures: Annotated[
        float | None,
        Option(
            checks.failures,
            default=Words("no limit"),
            doc="""
            The most requests that may fail: a count, or a share between 0 and 1 of those that are done;
            ``None`` for no limit. 0 ends the call at the first failure; a share is judged from the
            hundredth on. One more, and the call takes no more input, cancels what waits, yields what is
            done, and raises :class:`TooManyFailures`. What fails is what ends in an error or a status that
            is not in ``ok_statuses``, after its last attempt.
            """,
            nullable=True,
        ),
    ]
    ok_statuses: Annotated[
        Iterable[int] | None,
        Option(
            checks.statuses,
            default=Words("all below 400"),
            doc="The statuses that count as success.",
            nullable=True,
        ),
    ]
    abort_on: Annotated[
        Iterable[int] | None,
        Option(
            checks.statuses,
            default=Words("none"),
            doc="""
            The statuses of which the first one ends the call, as ``max_failures`` does: ``{401, 403}``,
            say.
            """,
            nullable=True,
        ),
    ]


class SharedOptions(
    LimitOptions,
    CostOptions,
    ContentOptions,
    BodyOptions,
    RetryOptions,
    ResponseOptions,
    CacheOptions,
    CrawlOptions,
    RunOptions,
    TelemetryOptions,
    ConnectionOptions,
):
    """What a client takes, and :meth:`Patata.http` beside the parameters that it names."""


class FolderOptions(TypedDict, total=False):
    """What is a call's alone: where it is written down."""

    run_folder: Annotated[
        StrPath | None,
        Option(
            checks.path,
            default=Words("none"),
            doc="""
            The folder that the call is written down in, so that it can outlive its process: its path, or a
            :class:`RunFolder`, which says how. Each response is yielded once it is safe on the disk. The same
            call with the same folder goes on where an earlier one has stopped, whatever it was stopped by:
            what that has done is not sent again, and is counted as ``skipped``. A request whose method is not
            idempotent is written down before it is sent: where nobody knows whether it was done, it is not
            sent again without leave (``RunFolder(path, unknown="resend")``, or ``idempotency_key=True``), and
            is counted as ``unknown``. Ids must be str, int or None here. What is written is what the last of
            the ``callbacks`` returns.
            """,
            nullable=True,
        ),
    ]


class FollowOptions(TypedDict, total=False):
    """What is a call's alone: what its responses lead to."""

    follow: Annotated[
        Callable[[Response], Any] | None,
        Option(
            checks.follow,
            default=Words("none"),
            doc="""
            A function from response to the requests that it leads to, which join the call: one, an iterable
            of them, or ``None``. It is called with each response, failed ones too, as the ``callbacks`` have
            made it and before it is yielded, on the thread that takes the responses; with
            :class:`AsyncPatata` it may be a coroutine function. The requests go before what is left of the
            input, may be of any method, and are in all accounts; their responses have ``request`` and
            ``depth``. If it raises, the response has a ``FollowError`` as ``error``, and counts as failed as
            with callbacks. At most ``queue_max_size`` of them wait: more are kept in the ``run_folder``, or
            without one end the call with a ``TooManyFollowUps``, which has them all. With a ``run_folder``
            they are written down before the response is, and must not have credentials of their own.
            """,
            nullable=True,
        ),
    ]
    max_depth: Annotated[
        int | None,
        Option(
            checks.count_or_zero,
            default=Words("no limit"),
            doc="""
            How far responses are followed: ``follow`` is not called with those that so many others have led
            to, one to the next. Those to the input's requests have a depth of 0.
            """,
            nullable=True,
        ),
    ]
    max_requests: Annotated[
        int | None,
        Option(
            checks.count,
            default=Words("no limit"),
            doc="""
            The most requests that the call takes, those of the input and those that have joined it. Then it
            ends as with the end of its input; ``receipt.left_out`` says how many were found besides.
            """,
            nullable=True,
        ),
    ]


class CallOptions(SharedOptions, FolderOptions, FollowOptions):
    """What :meth:`Patata.http` takes beside the parameters that it names."""


class AttemptOptions(TypedDict, total=False):
    """What :meth:`Patata.http` names as parameters."""

    retries: Annotated[
        int | None,
        Option(
            checks.attempts,
            default=1,
            doc="""
            Attempts in total: 1 is no retry. Failed connections, time-outs, broken transfers and
            ``retry_statuses`` are tried again; a request whose method is not idempotent only where nothing
            was sent, or the answer says that nothing was done (425, 429, and 503 with ``Retry-After``).
            ``Retry-After`` of a 429 or 503, or of any status that is tried again, holds back all requests
            to that host, for at most 5 minutes; so does ``retry-after-ms``.
            """,
        ),
    ]
    timeout: Annotated[
        float | None,
        Option(
            checks.seconds,
            default=300,
            doc="Seconds that one attempt may take; ``None`` for no limit.",
        ),
    ]


class RequestOptions(
    AttemptOptions,
    CostOptions,
    ContentOptions,
    BodyOptions,
    RetryOptions,
    ResponseOptions,
    CacheOptions,
    CrawlOptions,
    TelemetryOptions,
    ConnectionOptions,
):
    """What a single request takes: :meth:`Patata.request`, and :meth:`Patata.get` and its kin.

    Examples
    --------
    >>> from patata import Patata, RequestOptions
    >>> from patata.testing import Server
    >>> patient: RequestOptions = {"retries": 5, "timeout": 60}
    >>> with Server() as server, Patata(verbose=False) as client:
    ...     client.get(server.url, **patient).status_code
    200
    """


class HttpOptions(AttemptOptions, CallOptions):
    """All that :meth:`Patata.http` takes."""


class Options(AttemptOptions, SharedOptions):
    """What both a client and a call take. A call's own win over the client's.

    ``help(patata.Patata.http)`` says what each does.

    Examples
    --------
    >>> from patata import Options, Patata
    >>> polite: Options = {"rate": "100/s", "retries": 3}
    >>> with Patata(verbose=False, **polite) as client:
    ...     list(client.http("get", [], **polite))
    []
    """


class ClientOnlyOptions(TypedDict, total=False):
    """What is the client's alone; :class:`Patata` names these as parameters."""

    num_workers: Annotated[
        int | None,
        Option(
            checks.workers,
            default=Words("the cores that this process may use"),
            doc="""
            How many event loops (threads) perform requests, and how many processes call callbacks. 0 and
            ``None`` stand for the default.
            """,
        ),
    ]
    queue_max_size: Annotated[
        int | None,
        Option(
            checks.size,
            default=100_000,
            doc="""
            The most requests taken from the input whose responses have not been handed to you: the bound on
            memory. 0 and ``None`` stand for the default.
            """,
        ),
    ]
    input_chunk_size: Annotated[
        int | None,
        Option(
            checks.size,
            default=10_000,
            doc="""
            The most requests taken from the input at once; also how many responses lie between two lines of
            progress in the log. 0 and ``None`` stand for the default.
            """,
        ),
    ]
    pool_submit_size: Annotated[
        int | None,
        Option(
            checks.size,
            default=1_000,
            doc="""
            The most requests handed at once to one event loop, and responses to one callback process. 0 and
            ``None`` stand for the default.
            """,
        ),
    ]
    verbose_level: Annotated[
        int,
        Option(
            checks.verbose_level,
            default=1,
            doc="What is logged: 0 nothing, 1 the start, progress and end of each call, 2 also each failure.",
        ),
    ]
    verbose: Annotated[
        bool,
        Option(checks.as_given, default=True, doc="``False`` is the same as ``verbose_level=0``."),
    ]
    workers: Annotated[
        int | None,
        Option(checks.workers, default=None, doc="Another name for ``num_workers``."),
    ]
    budget: Annotated[
        str | Budget | BudgetHandle | None,
        Option(
            checks.budget,
            default=None,
            doc="""
            A limit that the client shares with all that have its handle, in any process or on any machine.
            It is what :meth:`patata.Budget.serve` returned, or a text like
            ``"budget://host:port/?secret=..."``, ``"unix:///run/budget.sock"`` or
            ``"redis://host/0?name=crm"``. It holds beside the client's own limits, and for all of its calls
            together. A ``Retry-After`` that one of those who share it gets is obeyed by all. While it cannot
            be reached, nothing is sent, and requests wait.
            """,
        ),
    ]
    budget_timeout: Annotated[
        float | None,
        Option(
            checks.seconds,
            default=60,
            doc="""
            Seconds for which nothing may be heard of the ``budget``; ``None`` for no limit. After that, what
            waits for it ends with a ``BudgetError``, and the next call tries it anew. A wrong secret is such
            an error at once.
            """,
        ),
    ]


class ClientOptions(ClientOnlyOptions, Options):
    """All that :class:`Patata` takes. ``help(patata.Patata)`` says what each does."""


TABLE: dict[str, Option] = {
    name: annotation.__metadata__[0]
    for options in (ClientOptions, FolderOptions, FollowOptions)
    for name, annotation in options.__annotations__.items()
}
"""All options by name."""
