"""What the clients have in common: their options, the settings of a call, its log."""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable, Mapping, MutableSet
from typing import TYPE_CHECKING, Any

from patata import _options, _patata, exceptions
from patata._options import Options, Unpack
from patata._progress.log import CallLog, configure, log_failure
from patata._progress.stall import INPUT_STALL, InputStall
from patata.budget import Budget, BudgetHandle
from patata.models import Request, Response
from patata.receipt import Accounts, Receipt

if TYPE_CHECKING:
    from patata._crawl.robots import Robots
    from patata._follow import Following
    from patata._telemetry.call import CallTelemetry
    from patata.run_folder import RunFolder

atexit.register(_patata._await_readers)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_patata._forked)


Prepared = tuple[_patata.Client, dict[str, Any]]
"""The engine with the options of a call, and these options."""

LIMITS = ("concurrency", "concurrency_per_host", "rate", "rate_per_host")
"""The limits that a run folder tells of."""

INSTANT = (list, tuple, dict, set, frozenset, range)
"""Inputs that cannot keep a call waiting."""


def close_after(error: BaseException, close: Callable[[], None]) -> None:
    """Closes what a call was at that ``error`` has ended; notes on it what the disk refuses then."""
    try:
        close()
    except exceptions.RunFolderError as failed:
        if isinstance(error, exceptions.RunFolderError):
            return
        # Python 3.10 has no notes: there it is raised, with the error as its context.
        if isinstance(error, GeneratorExit) or not hasattr(error, "add_note"):
            raise
        error.add_note(f"the run folder could not be finished: {failed}")


class Client:
    """Checks the options and keeps them: :class:`patata.ClientOptions` has them all."""

    _OPEN: Callable[[], MutableSet[Any]] = set

    def __init__(
        self,
        num_workers: int | None = None,
        queue_max_size: int | None = 100_000,
        input_chunk_size: int | None = 10_000,
        pool_submit_size: int | None = 1_000,
        verbose_level: int = 1,
        verbose: bool = True,
        *,
        workers: int | None = None,
        budget: str | Budget | BudgetHandle | None = None,
        budget_timeout: float | None = 60,
        **options: Unpack[Options],
    ) -> None:
        self.num_workers = _options.workers(num_workers, workers, _patata.default_num_workers())
        self.queue_max_size = _options.size("queue_max_size", queue_max_size)
        self.input_chunk_size = _options.size("input_chunk_size", input_chunk_size)
        self.pool_submit_size = _options.size("pool_submit_size", pool_submit_size)
        self.verbose_level = _options.verbose_level(verbose_level, verbose)
        shared = _options.shared_budget(budget, budget_timeout)
        of_engine, self._call_options = _options.split(_options.checked(options))
        _patata.check_options(_options.combined({}, self._call_options))
        if shared is not None:
            of_engine["budget"] = shared
        self._budget = budget
        """Kept, as the holder that :meth:`Budget.serve` has started ends with its handle."""
        self._engine = _patata.Client({**self._sizes(), **of_engine})
        self._limits = {name: of_engine[name] for name in LIMITS if of_engine.get(name) is not None}
        self._plain: dict[bool, Prepared] = {}
        """For requests, and for calls, that have no options of their own."""
        self._robots: dict[str, Robots] = {}
        """What is known of files ``robots.txt``, by the name of the robot."""
        self._closed = False
        self._open: MutableSet[Any] = self._OPEN()
        """What ends the calls that are under way.

        It has no lock: a signal handler may close the client, and would wait for a lock that its own thread
        holds. Each operation on it is a single step of the interpreter, which no other thread interrupts.
        """
        self._accounts: Accounts | None = None
        """Those of the call that ended last."""

    @property
    def receipt(self) -> Receipt | None:
        """The accounts of the call that ended last, however it did; ``None`` before."""
        accounts = self._accounts
        return None if accounts is None else accounts.final()

    @property
    def workers(self) -> int:
        """Another name for ``num_workers``."""
        return self.num_workers

    def _prepared(
        self, requests: Any, retries: int | None, timeout: float | None, options: Mapping[str, Any]
    ) -> Prepared:
        """What a call is begun with. Raises for options that cannot be used."""
        own = {"retries": retries, "timeout": timeout}
        given = {name: value for name, value in own.items() if value is not _options.OF_CLIENT}
        has_stall = self.verbose_level > 0 and type(requests) not in INSTANT
        if not (given or options or has_stall):
            return self._prepared_plain(is_request=False)
        settings = self._settings({**given, **options})
        if has_stall:
            settings["input_stall"] = (INPUT_STALL, InputStall(requests, INPUT_STALL))
        return self._engine.with_options(settings), settings

    def _prepared_request(
        self, url: str, id_: object, options: Mapping[str, Any]
    ) -> tuple[_patata.Client, dict[str, Any], Request | tuple[object, str]]:
        """The same for one request, and the item that stands for it."""
        if not isinstance(url, str):
            raise exceptions.InvalidRequestError(f"url must be a str, got {type(url).__name__}")
        if not options:
            return *self._prepared_plain(is_request=True), (id_, url)
        body, others = _options.of_request(options)
        item = Request(id_, url, **body) if body else (id_, url)
        if not others:
            return *self._prepared_plain(is_request=True), item
        settings = self._settings(others, is_request=True)
        return self._engine.with_options(settings), settings, item

    def _prepared_plain(self, is_request: bool) -> Prepared:
        """For those that have no options of their own, which is most. It is made when the first one comes."""
        prepared = self._plain.get(is_request)
        if prepared is None:
            settings = self._settings({}, is_request)
            prepared = self._plain[is_request] = self._engine.with_options(settings), settings
        return prepared

    def _settings(self, given: dict[str, Any], is_request: bool = False) -> dict[str, Any]:
        """The options of a call as the engine takes them: the call's own, or else the client's."""
        of_client = _options.without_run(self._call_options) if is_request else self._call_options
        combined = _options.combined(of_client, _options.checked(given))
        if given.get("if_changed") and "stream_to" not in combined:
            raise ValueError("if_changed=True is for files that are there: say with stream_to where they are")
        settle: Any = combined.get("settle")
        if settle is not None:
            combined["settle"] = _options.Settling(settle, self.verbose_level)
        if "robots" in combined:
            combined["robots"] = self._robots_of(combined["robots"], combined.get("headers"))
        return {**self._sizes(), **_options.DEFAULTS, **combined}

    def _robots_of(self, given: Any, headers: Any) -> Robots:
        """What the client knows of files ``robots.txt``, for a robot of the name that a call says."""
        # Most programs are no crawls, and do not pay for importing what these need.
        from patata._crawl.agent import agent_of
        from patata._crawl.robots import Robots

        agent = agent_of(given, headers)
        known = self._robots.get(agent)
        return self._robots.setdefault(agent, Robots(agent)) if known is None else known

    def _sizes(self) -> dict[str, Any]:
        return {
            "num_workers": self.num_workers,
            "queue_max_size": self.queue_max_size,
            "input_chunk_size": self.input_chunk_size,
            "pool_submit_size": self.pool_submit_size,
        }

    def _folder(self, options: Mapping[str, Any]) -> tuple[RunFolder | None, Mapping[str, Any]]:
        """The run folder that a call names, if any, and its other options."""
        if "run_folder" not in options:
            return None, options
        given, others = _options.run_folder(options)
        if given is None:
            return None, others
        # Most calls have none, and do not pay for importing what it needs.
        from patata.run_folder import run_folder_of

        return run_folder_of(given), others

    @staticmethod
    def _kept_in(folder: RunFolder | None, settings: dict[str, Any]) -> dict[str, Any]:
        """The settings of a call, of which a run folder keeps what equal requests are answered with."""
        if folder is None or not settings.get("distinct"):
            return settings
        return {**settings, "distinct": os.path.join(folder.path, "answers")}

    def _follow_ups(
        self, options: Mapping[str, Any], is_open: bool, is_recorded: bool
    ) -> tuple[_patata.FollowUps, Any, Mapping[str, Any]]:
        """What may join a call with these options, the function that says what does, and the others."""
        given, others = _options.following(options)
        function = given.get("follow")
        queue = _patata.FollowUps(
            self.queue_max_size,
            function is not None,
            given.get("max_depth"),
            given.get("max_requests"),
            is_open,
            is_recorded,
        )
        return queue, function, others

    def _begun(self, requests: Any, function: Any) -> Any:
        """The input of a call, with what a way of paging adds to first pages, if that is what follows."""
        if function is None:
            return requests
        from patata._pages.beginning import begun

        return begun(requests, function)

    def _following(self, joining: tuple[_patata.FollowUps, Any]) -> Following | None:
        """What asks about each response of a call, if anything does."""
        follow_ups, function = joining
        if function is None:
            return None
        # Most calls have none, and do not pay for importing what it needs.
        from patata._follow import Following

        return Following(function, follow_ups)

    @staticmethod
    def _told_of(settings: dict[str, Any], name: str | None) -> tuple[CallTelemetry | None, dict[str, Any]]:
        """What tells of a call with these settings, if anything does, and the settings with its own part."""
        telemetry = settings.get("telemetry")
        if telemetry is None:
            return None, settings
        from patata._telemetry.call import CallTelemetry

        call = CallTelemetry(telemetry._reporter, name, telemetry.traces, telemetry.propagate)
        return call, settings if call.trace_parent is None else {
            **settings,
            "trace_parent": call.trace_parent,
        }

    def _begin(self, method: str) -> CallLog:
        """Checks that a call may begin. Gives its log."""
        self._check_begin(method)
        parameters: dict[str, object] = {
            "method": method.upper(),
            "num_workers": self.num_workers,
            "multiprocessing": self.num_workers != 1,
            "queue_max_size": self.queue_max_size,
            "input_chunk_size": self.input_chunk_size,
            "pool_submit_size": self.pool_submit_size,
        }
        return CallLog(parameters, self.input_chunk_size, self.verbose_level)

    def _check_begin(self, method: str) -> None:
        if not isinstance(method, str):
            raise exceptions.InvalidMethodError(f"method must be a str, got {method!r}")
        if self._closed:
            raise exceptions.ClientClosedError("the client is closed; make another one, or enter it anew")

    def _log(self, response: Response) -> Response:
        """Logs the response to one request if it is a failure. Such a call has no other log."""
        if self.verbose_level > 1:
            configure()
            log_failure(response)
        return response

    def __repr__(self) -> str:
        return f"{type(self).__name__}(num_workers={self.num_workers}, verbose_level={self.verbose_level})"
