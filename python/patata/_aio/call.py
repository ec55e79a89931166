"""One call of :meth:`patata.AsyncPatata.http`: from its input through engine and callbacks to its end."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from patata import _patata, exceptions
from patata._aio import TURN
from patata._aio.inputs import input_of
from patata._aio.stages import Stage, answering, stage_of
from patata._aio.threads import in_thread, result_of
from patata._aio.wakeup import Wakeup
from patata._call_state import CallState
from patata._callbacks.failures import Failures
from patata._progress import started_bar
from patata._progress.log import CallLog
from patata.models import Response
from patata.receipt import Accounts

if TYPE_CHECKING:
    from patata._follow import Following
    from patata._progress import Shown

BATCH = 128
"""The most responses that are taken at once, which takes well under a millisecond."""


class Call:
    """A call that has begun. It must be closed."""

    def __init__(
        self,
        method: str,
        requests: Any,
        functions: Sequence[Any],
        joining: tuple[_patata.FollowUps, Following | None],
        engine: _patata.Client,
        settings: dict[str, Any],
        log: CallLog,
        state: CallState,
        tasks: int | str | None,
        folder: _patata.OpenedFolder | None,
    ) -> None:
        self._is_recorded = folder is not None
        self._follow_ups, self._following = joining
        self._wakeup = Wakeup()
        self._ending: list[asyncio.Future[Any]] | None = None
        self._log = log
        self._state = state
        self._has_ended = False
        """Whether the engine has no more responses."""
        self._is_over = False
        """Whether all is done and has been handed out."""
        self._is_drained = False
        """Whether the input has handed over what it had taken when the run ended by itself."""
        self._stage: Stage | None = None
        self._may_take_more = False
        """Whether there is room in the stage, and the engine may have more for it than was taken."""
        self._failures = Failures()
        self._bar: Shown | None = None
        self._raised: Exception | None = None
        """Why the engine ended the call, for when all that is done has been handed out."""
        self._unwritable: Exception | None = None
        """Why what callbacks have made of a response cannot be written down, likewise."""
        self._failed: exceptions.RunFolderError | None = None
        """Why the run folder could not be finished."""
        try:
            if functions and self._is_recorded:
                functions = answering(functions)
            if self._following is not None:
                functions = [*functions, self._following.awaited]
            if functions:
                self._stage = stage_of(functions, settings, tasks, self._wakeup)
            ringer = self._wakeup.from_threads
            self._stream = _patata.PushStream(method, engine, settings, ringer, folder, self._follow_ups)
        except BaseException:
            self._wakeup.close()
            if self._stage is not None:
                self._stage.stop()
            raise
        control = self._stream.control()
        self.accounts = Accounts(self._stream)
        if functions:
            self.accounts.adjust = self._failures.within
        state.start(control, self.accounts)
        if settings.get("progress") and control is not None:
            self._bar = started_bar(state, requests, settings["progress"])
        self._input = input_of(requests, self._stream, self._wakeup)
        log.begin()

    async def next_batch(self) -> list[Response] | None:
        """Responses, at least one; ``None`` at the end. Raises what the input raised, once all are out."""
        while True:
            if self._ending is not None:
                raise exceptions.ClientClosedError("the client was closed during this run")
            self._state.check()
            has_more = self._feed()
            limit = min(BATCH, self._log.left)
            batch = self._take(limit) if self._stage is None else self._called_back(limit)
            if batch is None and self._raised is not None and not self._is_drained:
                # The run has ended by itself, and just then the input may have been at an item.
                self._is_drained = True
                await self._input.drain()
                self._has_ended, self._raised = False, None
                continue
            if batch is None:
                await self._finish()
            if batch is None or batch:
                return batch
            if has_more or self._may_take_more or not self._stream.arm():
                await asyncio.sleep(0)
            else:
                await self._wakeup.wait()

    def _feed(self) -> bool:
        """Pushes what has joined the call, then the input. Gives whether it stopped as it took long."""
        if self._follow_ups.is_used and self._stream.push_joined(TURN):
            return True
        has_more = self._input.feed()
        # Once the input has ended, only this ends the call's.
        return (self._input.ended and self._stream.push_joined(TURN)) or has_more

    def _taken(self, limit: int) -> list[Response] | None:
        """The responses that the engine has. What ends the run is kept, to be raised at the end."""
        try:
            return self._stream.take(limit)
        except (exceptions.TooManyFailures, exceptions.DeadlineExceededError) as error:
            self._raised = error
            return None

    def _take(self, limit: int) -> list[Response] | None:
        batch = self._taken(limit)
        self._log.pass_on(batch or ())
        return batch

    def _called_back(self, limit: int) -> list[Response] | None:
        stage = self._stage
        assert stage is not None
        self._may_take_more = False
        if not self._has_ended and (room := min(BATCH, stage.room)) > 0:
            taken = self._taken(room)
            self._has_ended = taken is None
            if taken:
                stage.give(taken)
                # The engine wakes the call only for what is new.
                self._may_take_more = len(taken) == room and stage.room > 0
        batch = stage.finished(limit)
        if self._is_recorded:
            batch = self._recorded(batch, limit, stage)
        # What a response leads to may turn out only then to be what a folder cannot keep.
        self._failures.count(batch)
        # What is handed out now is no longer held when the input is looked at next.
        self._stream.hold(stage.held)
        self._log.pass_on(batch)
        return batch if batch or stage.held or self._stream.waiting or not self._has_ended else None

    def _recorded(self, batch: list[Response], limit: int, stage: Stage) -> list[Response]:
        """Records what callbacks have made of responses. Gives those that are safe."""
        if batch and (refused := self._stream.record(batch)) is not None:
            # The requests that were taken are done still: an answer to one that is not idempotent is not
            # lost.
            self._unwritable = self._unwritable or refused
            self._stream.take_no_more()
        self._stream.hold(stage.held)
        return self._stream.safe(limit)

    async def _finish(self) -> None:
        stop = self._input.raised or self._unwritable or self._raised or self._overflow()
        if self._is_recorded:
            # Before it is said that all is done.
            await result_of(self._stream.finish)
        self._is_over = True
        self._log.end(self.accounts, stop)
        if stop is not None:
            raise stop

    def _overflow(self) -> Exception | None:
        """That more was found than there is room for, where it was."""
        try:
            if self._following is not None:
                self._following.check()
        except exceptions.TooManyFollowUps as error:
            return error
        return None

    def ended_by(self, error: BaseException) -> None:
        """Notes what the call ends by, for who looks at its bar. What is said first counts."""
        if self._bar is not None:
            self._bar.ended_by(error)

    async def close(self) -> None:
        """Ends the call, whatever it is at, and waits until its tasks, sockets and threads are gone."""
        if self._ending is None:
            self._ending = self._stop()
        pending = [each for each in self._ending if not each.done() and each is not asyncio.current_task()]
        if pending:
            # Should this be cancelled too, they end all the same: `gather` would cancel them.
            await asyncio.wait(pending)

    def _stop(self) -> list[asyncio.Future[Any]]:
        control = self._stream.control()
        if control is None:
            # This is the child of a fork: the descriptors of the event loop are the parent's too.
            return []
        if not self._is_over:
            control.cancel()
            self.ended_by(exceptions.ClientClosedError())
        self._wakeup.close()
        ending: list[asyncio.Future[Any]] = [*self._input.stop()]
        if self._is_over and self._bar is None and self._stage is None and not self._input.has_thread:
            # It has ended by itself, and there is no thread to wait for.
            self._stream.close()
            return ending
        if self._stage is not None:
            ending += self._stage.stop()
        return [*ending, in_thread(self._join)]

    def _join(self) -> None:
        try:
            self._input.join()
        finally:
            self._close_stream()
        if self._bar is not None:
            self._bar.close()
        if self._stage is not None:
            self._stage.join()

    def _close_stream(self) -> None:
        try:
            self._stream.finish()
        except exceptions.RunFolderError as error:
            self._failed = error

    def finish(self) -> None:
        """Raises why the run folder could not be finished, where the call has been closed before its end."""
        if self._failed is not None:
            raise self._failed


async def get_ready(functions: Sequence[Any], processes: int) -> None:
    """Imports what callback processes need, in a thread, as that takes its time."""
    module = "patata._callbacks.processes"
    if functions and processes > 1 and module not in sys.modules:
        await in_thread(lambda: import_module(module))
