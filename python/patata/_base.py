"""What the clients have in common: their options, the settings of a call, its log."""

from __future__ import annotations

import atexit
import os
import warnings
import weakref
from collections.abc import Callable, MutableSet
from typing import Any, TypeVar

from patata import _options, _patata, exceptions
from patata._options import CallOptions, Options, Unpack
from patata._progress.log import CallLog
from patata._progress.stall import INPUT_STALL, InputStall
from patata.receipt import Receipt

Generating = TypeVar("Generating")

atexit.register(_patata._await_readers)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_patata._forked)


class NeverIterated:
    """Warns of a call whose generator is thrown away before its first step, as Python warns of a coroutine.

    The generator holds this object until it begins. If both go away together, nobody has iterated over the
    call. If the generator is still there, it was closed, which says that the call is not wanted.
    """

    __slots__ = ("_generator", "_has_begun")

    def __init__(self) -> None:
        self._has_begun = False
        self._generator: Callable[[], object] = lambda: None

    def watch(self, generator: Generating) -> Generating:
        """Notes which generator it belongs to. Gives that back."""
        self._generator = weakref.ref(generator)
        return generator

    def begin(self) -> None:
        """Notes that the call has begun."""
        self._has_begun = True

    def __del__(self) -> None:
        if not self._has_begun and self._generator() is None:
            message = "the responses of http() were never iterated over, so no request was sent"
            warnings.warn(message, RuntimeWarning, stacklevel=2, source=self)


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
        **options: Unpack[Options],
    ) -> None:
        self.num_workers = _options.workers(num_workers, workers, _patata.default_num_workers())
        self.queue_max_size = _options.size("queue_max_size", queue_max_size)
        self.input_chunk_size = _options.size("input_chunk_size", input_chunk_size)
        self.pool_submit_size = _options.size("pool_submit_size", pool_submit_size)
        self.verbose_level = _options.verbose_level(verbose_level, verbose)
        of_engine, self._call_options = _options.split(_options.checked(options))
        _patata.check_options(_options.combined({}, self._call_options))
        self._engine = _patata.Client({**self._sizes(), **of_engine})
        self._closed = False
        self._open: MutableSet[Any] = self._OPEN()
        """What ends the calls that are under way.

        It has no lock: a signal handler may close the client, and would wait for a lock that its own thread
        holds. Each operation on it is a single step of the interpreter, which no other thread interrupts.
        """
        self.receipt: Receipt | None = None
        """The accounts of the call that ended last, however it did; ``None`` before."""

    @property
    def workers(self) -> int:
        """Another name for ``num_workers``."""
        return self.num_workers

    def _settings(self, retries: int | None, timeout: float | None, options: CallOptions) -> dict[str, Any]:
        """The options of a call as the engine takes them: the call's own, or else the client's."""
        own = {"retries": retries, "timeout": timeout}
        given = {name: value for name, value in own.items() if value is not _options.OF_CLIENT}
        return {
            **self._sizes(),
            **_options.DEFAULTS,
            **_options.combined(self._call_options, _options.checked({**given, **options})),
        }

    def _sizes(self) -> dict[str, Any]:
        return {
            "num_workers": self.num_workers,
            "queue_max_size": self.queue_max_size,
            "input_chunk_size": self.input_chunk_size,
            "pool_submit_size": self.pool_submit_size,
        }

    def _engine_for(self, requests: Any, settings: dict[str, Any]) -> _patata.Client:
        """The engine with the options of a call. Raises ``ValueError`` for what cannot be used."""
        if self.verbose_level > 0:
            settings = {**settings, "input_stall": (INPUT_STALL, InputStall(requests, INPUT_STALL))}
        return self._engine.with_options(settings)

    def _begin(self, method: str) -> CallLog:
        """Checks that a call may begin. Gives its log."""
        if not isinstance(method, str):
            raise exceptions.InvalidMethodError(f"method must be a str, got {method!r}")
        if self._closed:
            raise exceptions.ClientClosedError("the client is closed; make another one, or enter it anew")
        parameters: dict[str, object] = {
            "method": method.upper(),
            "num_workers": self.num_workers,
            "multiprocessing": self.num_workers != 1,
            "queue_max_size": self.queue_max_size,
            "input_chunk_size": self.input_chunk_size,
            "pool_submit_size": self.pool_submit_size,
        }
        return CallLog(parameters, self.input_chunk_size, self.verbose_level)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(num_workers={self.num_workers}, verbose_level={self.verbose_level})"
